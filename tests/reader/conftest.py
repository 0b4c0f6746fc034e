"""Weights of narrow random networks, and a command line that reads with them."""

import pytest
from reader_weights import write_weights

from src.weights.card import write_card


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    folder = write_weights(tmp_path_factory.mktemp("weights"))
    write_card(folder / "ctpn.ckpt", {"network": "ctpn", "image_size": [64, 96]})
    return folder


@pytest.fixture
def arguments(weights, tmp_path):
    files = [f"--{name}_weights={weights / name}.ckpt" for name in ("ctpn", "crnn", "crnn_lines")]
    easy = ["--text_proposals_min_scores=0.5", "--line_min_score=0", "--min_ratio=0", "--min_num_proposals=1"]
    easy.append("--text_min_score=0")
    return [*files, *easy, "--engine=onnxruntime", "--threads=1", f"--output_dir={tmp_path / 'out'}"]
