"""What a file of another size has instead is said with the option that fits it."""

import numpy as np
import pytest

from src.weights.size_differences import size_differences

CTPN = {
    "vgg16_feature_extractor.conv5_3.0.weight": (512, 512, 3, 3),
    "rpn_with_loss.rpn_convs_list.rpn_cls.weight": (28, 512),
}
CRNN = {"cnn.conv6.weight": (512, 512, 2, 2), "rnn.1.embedding.weight": (37, 512)}


@pytest.mark.parametrize(
    ("network", "found", "expected"),
    [
        (CTPN, {}, []),
        (CTPN, {0: (128, 128, 3, 3)}, ["0.25 of the published channels (--backbone_width 0.25)"]),
        (
            CTPN,
            {0: (64, 64, 3, 3), 1: (10, 64)},
            ["0.125 of the published channels (--backbone_width 0.125)", "5 anchors (--anchor_height has"],
        ),
        (CRNN, {0: (256, 256, 2, 2)}, ["0.5 of the published channels (--network_width 0.5)"]),
        (CRNN, {1: (96, 512)}, ["95 characters (--alphabet names them)"]),
        (CRNN, {1: ()}, []),
    ],
)
def test_the_option_that_fits_the_file_is_named(network, found, expected):
    names = list(network)
    shapes = network | {names[index]: shape for index, shape in found.items()}
    differences = size_differences({name: np.zeros(shape) for name, shape in shapes.items()}, network)
    assert len(differences) == len(expected)
    assert all(words in line for words, line in zip(expected, differences, strict=True))
