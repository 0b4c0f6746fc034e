"""The topology of CTPN in numbers and parameter names, once, without a framework.

Letters of the shapes: s1 to s5 channels of the VGG16 stages, f features, h hidden units of one LSTM direction.
"""

from src.layers.parameter_shapes import Shapes, linear_shapes, lstm_shapes, norm_shapes

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # channels of each convolution
STRIDE = 2 ** (len(STAGES) - 1)  # image pixels per feature position: a pool between two stages
RPN_CHANNELS = 512
LSTM_HIDDEN = 128  # of one direction
NUM_CLASSES = 2  # background, text
NUM_COORDINATES = 4  # dx, dy, log dw, log dh

IMAGE_SIZE = (576, 960)  # (height, width) of the published networks' input
ANCHOR_WIDTH = STRIDE
ANCHOR_HEIGHTS = (2, 4, 7, 11, 16, 23, 33, 48, 68, 97, 139, 198, 283, 406)

# From maps to proposals, as published: anchors that are decoded, IoU that suppresses, proposals of an image.
NMS_PRE = 2000
NMS_THRESHOLD = 0.7
MAX_PROPOSALS = 1000

BN_STATISTICS = ("learned", "frozen")  # of the batch norm in training
SMOOTH_L1_BETA = 1.0 / 9.0  # of the loss of the boxes: quadratic below it
INPUT_NAME = "image"  # of an ONNX file, and so of dumped outputs
MAP_NAMES = ("score_map", "delta_map")

BACKBONE = "vgg16_feature_extractor."
HEADS = "rpn_with_loss.rpn_convs_list."
# Names of the 13 convolutions in their order: "conv1_1" to "conv5_3".
CONVOLUTIONS = tuple(
    f"conv{stage}_{index}" for stage, sizes in enumerate(STAGES, start=1) for index in range(1, len(sizes) + 1)
)


def parameter_shapes() -> Shapes:
    """Sizes by parameter name; those of one letter must agree."""
    shapes: Shapes = {}
    inputs: int | str = 3
    for name in CONVOLUTIONS:
        outputs = name.replace("conv", "s").partition("_")[0]
        shapes[f"{BACKBONE}{name}.0.weight"] = (outputs, inputs, 3, 3)
        shapes |= norm_shapes(f"{BACKBONE}{name}.1", outputs)
        inputs = outputs
    shapes["conv.weight"] = ("f", inputs, 3, 3)
    shapes |= lstm_shapes("rnn2", "f", "h")
    shapes |= linear_shapes(f"{HEADS}lstm_fc", "2*h", "f")
    shapes |= linear_shapes(f"{HEADS}rpn_cls", "f", f"{NUM_CLASSES}*anchors")
    return shapes | linear_shapes(f"{HEADS}rpn_reg", "f", f"{NUM_COORDINATES}*anchors")
