"""Exit codes of the commands in pytorch/: a wrong value is 2, what a file holds is 1, in one line each."""

import numpy as np
import pytest
from command_cases import check_exit_codes
from PIL import Image

pytest.importorskip("torch")

SETS = ["--val_images", "[[images, gt]]", "--train_images", "[[more, gt]]"]
PACKED = ["--backgrounds", "images", "--fonts", "images"]
CASES = {
    "train_ctpn": [
        (["--img_height", "17", *SETS], 2, "img_height"),
        (["--train_sizes", "[[100, 100]]", *SETS], 2, "train_sizes"),
        (["--train_sizes", "[[96]]"], 2, "train_sizes"),
        (["--schedule", "often"], 2, "schedule: 'often'"),
        (["--device", "nope"], 2, "device"),
        (["--minutes=-1"], 2, "minutes"),
        (["--nope", "1"], 2, "nope: unknown key"),
        (["--pre_trained", "nope.pth", "--output", "o", *SETS], 2, "nope.pth"),
        (["--train_images", "[[nope, nope]]", "--val_images", "[[images, gt]]", "--output", "o"], 2, "nope"),
        (["--train_images", "[nope]", "--output", "o"], 2, "train_images"),
        (["--output", "bytes", *SETS], 2, "output: 'bytes'"),
        (["--config_path", "nope.yaml"], 2, "nope.yaml"),
        (["--resume", "true", "--output", "empty", *SETS], 2, "resume"),
    ],
    "train_crnn": [
        (["--alphabet", "[nope]"], 2, "alphabet: 'nope' is neither a file nor"),
        (["--alphabet", "[]"], 2, "alphabet"),
        (["--image_width", "[101]"], 2, "image_width"),
        (["--image_width", "[200, 100]"], 2, "image_width"),
        (["--lmdb_root", "nope", "--output", "o"], 2, "lmdb_root"),
        (["--device", "cuda:99"], 2, "cuda:99"),
        (["--batch_size", "0"], 2, "batch_size"),
    ],
    "convert": [
        (["nope.ckpt", "o.pth"], 2, "nope.ckpt"),
        (["bytes.ckpt", "o.pth"], 1, "bytes.ckpt"),
        (["bytes.ckpt", "o.txt"], 2, "o.txt"),
        (["bytes.ckpt"], 2, "OUT"),
        (["bytes.ckpt", "o.pth", "--network", "x"], 2, "invalid choice"),
    ],
    "evaluate": [
        ([], 2, "evaluate.py WEIGHTS"),
        (["nope.pth"], 2, "nope.pth"),
        (["bytes.pth"], 1, "bytes.pth"),
    ],
    "make_splits": [
        (["--data", "nope"], 2, "nope"),
        ([], 2, "--data"),
    ],
    "prepare_words": [
        (["--data", "nope", "--output", "o"], 2, "nope"),
    ],
    "pack_data": [
        (["o", "--words=nope", "--images", "n", "images", "gt", *PACKED, "--lexicon", "nope"], 2, "nope"),
        (["o"], 2, "required"),
    ],
    "prune_ctpn": [
        (["nope.ckpt", "o.pth", "--width", "0.5"], 2, "nope.ckpt"),
        (["bytes.ckpt", "o.pth", "--width", "0.5"], 1, "bytes.ckpt"),
        (["bytes.ckpt", "o.pth", "--width", "7"], 2, "width"),
        (["bytes.ckpt", "o.pth", "--width", "nan"], 2, "width"),
    ],
    "make_teacher_samples": [
        ([], 2, "WEIGHTS FOLDER COUNT"),
        (["nope.pth", "o", "1"], 2, "nope.pth"),
        (["nope.pth", "o", "many"], 2, "COUNT: 'many'"),
        (["nope.pth", "o", "0"], 2, "COUNT"),
    ],
    "choose_thresholds": [
        ([], 2, "WEIGHTS"),
        (["nope.pth"], 2, "nope.pth"),
        (["bytes.pth"], 1, "bytes.pth"),
    ],
    "label_words": [
        (["nope.png", "--output", "o"], 2, "nope.png"),
        (["images", "--output", "o", "--leave_out", "nope.txt"], 2, "nope.txt"),
        (["empty", "--output", "o"], 1, "no image"),
        (["empty", "images", "--output", "bytes", "--leave_out", "empty"], 2, "not an existing file"),
    ],
}


@pytest.fixture
def place(tmp_path):
    for name in ("empty", "images", "more", "gt"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / "gt" / f"gt_{name}.txt").write_text("1,1,20,1,20,9,1,9,word\n")
    Image.fromarray(np.full((40, 64, 3), 99, np.uint8)).save(tmp_path / "more" / "b.png")
    Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    for name in ("bytes", "bytes.ckpt", "bytes.pth"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00\x01")
    return tmp_path


def test_exit_codes(place):
    check_exit_codes({f"pytorch.{name}": cases for name, cases in CASES.items()}, place)
