"""CTPN: VGG16 features, a bidirectional LSTM along each feature row, scores and deltas of vertical anchors.

Tian et al., "Detecting Text in Natural Image with Connectionist Text Proposal Network", ECCV 2016, in the
topology of the published MindSpore checkpoints.

Shapes: B batch, H and W feature rows and columns (image size / 16), A anchors per position,
C channels. Time of the LSTM is x, so a sequence is one feature row of one image.
"""

import mindspore as ms
from mindspore import Tensor, nn

from src.ctpn.rpn import RpnHead
from src.ctpn.topology import ANCHOR_HEIGHTS, LSTM_HIDDEN, RPN_CHANNELS
from src.ctpn.vgg16 import Vgg16
from src.ctpn.weight_init import initial_value
from src.layers.bidirectional_lstm import BidirectionalLstm
from src.layers.parameter_shapes import scale_channels
from src.layers.set_parameters import set_parameters


class Ctpn(nn.Cell):
    """The detection network, for any batch size and any image size.

    Args:
        width_mult: factor on every number of channels (rounded to multiples of 8) for quick networks;
            1.0 is the published topology.
        num_anchors: anchors at each position (A).
        bn_statistics: "learned" (batch statistics in training; needed from scratch) or "frozen".
        dropout: probability of dropping a recurrent feature in training; 0 is none.
        seed: of the initial weights, which are a function of it and the parameter names only.

    Inputs:
        image (B, 3, 16 H, 16 W): normalized RGB.

    Outputs:
        score_map (B, 2A, H, W): logits, channel = anchor * 2 + class, class 1 is text.
        delta_map (B, 4A, H, W): channel = anchor * 4 + coordinate (dx, dy, log dw, log dh).
        Both float32, whatever the precision inside.
    """

    def __init__(
        self,
        width_mult: float = 1.0,
        num_anchors: int = len(ANCHOR_HEIGHTS),
        bn_statistics: str = "learned",
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        if not 0 < width_mult <= 4:
            raise ValueError(f"width_mult {width_mult}: choose a factor above 0 and at most 4")
        if num_anchors < 1:
            raise ValueError(f"num_anchors {num_anchors}: at least 1")
        rpn_channels = scale_channels(RPN_CHANNELS, width_mult)
        hidden = scale_channels(LSTM_HIDDEN, width_mult)
        self.num_anchors = num_anchors
        self.vgg16_feature_extractor = Vgg16(width_mult, bn_statistics)
        channels = self.vgg16_feature_extractor.out_channels
        self.conv = nn.Conv2d(channels, rpn_channels, 3, pad_mode="pad", padding=1, has_bias=False)
        self.rnn2 = BidirectionalLstm(rpn_channels, hidden)
        self.dropout = nn.Dropout(p=dropout) if dropout else None
        self.rpn_with_loss = RpnHead(2 * hidden, rpn_channels, num_anchors)
        set_parameters(self, lambda name, shape: initial_value(name, shape, seed))

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.vgg16_feature_extractor(image)  # (B, C, H, W)
        features = self.conv(features)
        channels, rows, columns = features.shape[1], features.shape[2], features.shape[3]
        # Every row of every image is a sequence of its own: images of a batch never mix.
        sequences = features.transpose((3, 0, 2, 1))  # (W, B, H, C)
        sequences = sequences.reshape((columns, -1, channels))  # (W, B*H, C)
        sequences = self.rnn2(sequences)  # (W, B*H, 2 hidden)
        if self.dropout is not None:
            sequences = self.dropout(sequences)
        score_map, delta_map = self.rpn_with_loss(sequences, rows)
        return score_map.astype(ms.float32), delta_map.astype(ms.float32)


def use_mixed_precision(network: nn.Cell, dtype: ms.Type = ms.float16) -> nn.Cell:
    """Compute convolutions and dense layers of `network` in `dtype`; parameters stay float32.

    Batch normalization and the LSTM stay in float32 (they accumulate), as do softmax, loss and decoding,
    which are outside the network. Returns the same network.
    """
    for _, cell in network.cells_and_names():
        if isinstance(cell, (nn.Conv2d, nn.Dense)):
            cell.to_float(dtype)
        elif isinstance(cell, (nn.BatchNorm2d, nn.LSTM)):
            cell.to_float(ms.float32)
    return network
