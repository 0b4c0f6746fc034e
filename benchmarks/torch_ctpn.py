"""The network of src/ctpn in PyTorch, to compare speed and results with."""

from torch import nn
from torch.nn import functional

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def scaled(channels: int, width: float) -> int:
    return max(8, round(channels * width / 8) * 8)


class TorchCtpn(nn.Module):
    """Image (B, 3, 16 H, 16 W) -> scores (B, 2A, H, W), deltas (B, 4A, H, W)."""

    def __init__(self, width: float = 1.0, num_anchors: int = 14):
        super().__init__()
        layers, channels = [], 3
        for stage in STAGES:
            for size in stage:
                outputs = scaled(size, width)
                layers.append(nn.Conv2d(channels, outputs, 3, padding=1, bias=False))
                layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
                channels = outputs
            layers.append(nn.MaxPool2d(2))
        self.backbone = nn.Sequential(*layers[:-1])
        rpn, hidden = scaled(512, width), scaled(128, width)
        self.conv = nn.Conv2d(channels, rpn, 3, padding=1, bias=False)
        self.rnn = nn.LSTM(rpn, hidden, bidirectional=True)
        self.dense = nn.Linear(2 * hidden, rpn)
        self.scores = nn.Linear(rpn, 2 * num_anchors)
        self.deltas = nn.Linear(rpn, 4 * num_anchors)

    def forward(self, image):
        x = self.conv(self.backbone(image))
        batch, channels, rows, columns = x.shape
        x = x.permute(3, 0, 2, 1).reshape(columns, batch * rows, channels)
        x = self.dense(self.rnn(x)[0])
        maps = (head(x).reshape(columns, batch, rows, -1) for head in (self.scores, self.deltas))
        return [output.permute(1, 3, 2, 0) for output in maps]


def torch_loss(maps, labels, targets, weights):
    """The loss of src/ctpn/loss.py with its default weights."""
    score_map, delta_map = maps
    batch = len(score_map)
    scores = score_map.permute(0, 2, 3, 1).reshape(-1, 2)
    deltas = delta_map.permute(0, 2, 3, 1).reshape(batch, -1, 4)
    count = (labels >= 0).sum().clamp(min=1)
    cls = functional.cross_entropy(scores, labels.reshape(-1).long(), ignore_index=-1, reduction="sum")
    reg = (functional.smooth_l1_loss(deltas, targets, beta=1 / 9, reduction="none") * weights).sum()
    return (cls + 3 * reg) / count
