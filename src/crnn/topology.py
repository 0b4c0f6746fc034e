"""The topology of CRNN in numbers and parameter names, once, without a framework.

Letters of the shapes: c0 to c6 channels of the convolutions, h hidden units of one LSTM direction.
"""

from src.common.options import OptionError
from src.layers.parameter_shapes import Shapes, linear_shapes, lstm_shapes, norm_shapes

IMAGE_HEIGHT = 32
WIDTH_STEP = 4  # the network halves the width twice
CHANNELS = (64, 128, 256, 256, 512, 512, 512)  # of the seven convolutions
KERNELS = (3, 3, 3, 3, 3, 3, 2)
# Stride and padding (height, width) of the 2x2 pool after a convolution; the others have batch normalization instead.
POOLS = {0: ((2, 2), (0, 0)), 1: ((2, 2), (0, 0)), 3: ((2, 1), (0, 1)), 5: ((2, 1), (0, 1))}
NORMALIZED = tuple(i for i in range(len(CHANNELS)) if i not in POOLS)
RECURRENT_LAYERS = 2
HIDDEN_SIZE = 256  # of one direction
HEAD = "rnn.1.embedding"  # the only layer that knows the alphabet

BLANK = 0  # class of the CTC blank; characters begin at 1
NUM_CLASSES = 37  # of the published networks: the blank, 0-9, a-z
ALPHABET_FILE = "alphabet.txt"  # beside the checkpoints of a training
INPUT_NAME = "image"  # of an ONNX file, and so of dumped outputs
OUTPUT_NAME = "log_probs"


def time_steps(image_width: int) -> int:
    """Number of time steps T that the network gives for an image of this width in pixels (100 -> 26).

    Two pools halve the width, two pools of stride 1 add one column each, and the last convolution takes one.

    Raises:
        UserError: the width is not a positive multiple of 4.
    """
    if image_width < WIDTH_STEP or image_width % WIDTH_STEP:
        raise OptionError(f"image width {image_width}: accepted are positive multiples of {WIDTH_STEP}")
    return image_width // WIDTH_STEP + 1


def parameter_shapes() -> Shapes:
    """Sizes by parameter name; those of one letter must agree."""
    shapes: Shapes = {}
    inputs: int | str = 1
    for i, kernel in enumerate(KERNELS):
        outputs = f"c{i}"
        shapes[f"cnn.conv{i}.weight"] = (outputs, inputs, kernel, kernel)
        if i in NORMALIZED:  # no bias: the batch norm that follows would take it out again
            shapes |= norm_shapes(f"cnn.batchnorm{i}", outputs)
        else:
            shapes[f"cnn.conv{i}.bias"] = (outputs,)
        inputs = outputs
    for layer in range(RECURRENT_LAYERS):
        outputs = "classes" if layer == RECURRENT_LAYERS - 1 else "h"
        shapes |= lstm_shapes(f"rnn.{layer}.rnn", inputs, "h")
        shapes |= linear_shapes(f"rnn.{layer}.embedding", "2*h", outputs)
        inputs = outputs
    return shapes
