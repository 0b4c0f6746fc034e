"""The two heads of CTPN: from the recurrent features of each position to scores and box deltas.

Shapes: B batch, H and W feature rows and columns, A anchors per position, C channels.
"""

from mindspore import Tensor, nn

from src.ctpn.topology import NUM_CLASSES, NUM_COORDINATES


class RpnRegClsBlock(nn.Cell):
    """A shared dense layer (without activation, as published), then a dense layer for each output."""

    def __init__(self, in_channels: int, hidden_channels: int, num_anchors: int):
        super().__init__()
        self.lstm_fc = nn.Dense(in_channels, hidden_channels)
        self.rpn_cls = nn.Dense(hidden_channels, num_anchors * NUM_CLASSES)
        self.rpn_reg = nn.Dense(hidden_channels, num_anchors * NUM_COORDINATES)

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(..., C) -> scores (..., 2A), deltas (..., 4A)."""
        x = self.lstm_fc(x)
        return self.rpn_cls(x), self.rpn_reg(x)


class RpnHead(nn.Cell):
    """Applies the heads to rows of features and lays the result out as maps.

    The nesting of cells exists for the parameter names of the published checkpoints
    (`rpn_with_loss.rpn_convs_list.*`).
    """

    def __init__(self, in_channels: int, hidden_channels: int, num_anchors: int):
        super().__init__()
        self.rpn_convs_list = RpnRegClsBlock(in_channels, hidden_channels, num_anchors)
        self.num_anchors = num_anchors

    def construct(self, x: Tensor, rows: int) -> tuple[Tensor, Tensor]:
        """(W, B*H, C) -> score_map (B, 2A, H, W), delta_map (B, 4A, H, W).

        Args:
            x: recurrent features, each row of each image one sequence.
            rows: H.
        """
        scores, deltas = self.rpn_convs_list(x)
        columns = x.shape[0]
        scores = scores.reshape((columns, -1, rows, self.num_anchors * NUM_CLASSES))  # (W, B, H, 2A)
        deltas = deltas.reshape((columns, -1, rows, self.num_anchors * NUM_COORDINATES))  # (W, B, H, 4A)
        return scores.transpose((1, 3, 2, 0)), deltas.transpose((1, 3, 2, 0))
