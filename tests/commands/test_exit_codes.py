"""A wrong value is 2 wherever it is noticed, what a file holds is 1: the table of docs/reliability.md."""

import numpy as np
import pytest
from command_cases import check_exit_codes
from PIL import Image

pytest.importorskip("mindspore")

CASES = {
    "predict": [
        (["--img_height", "17", "a.png"], 2, "img_height: 17 is not a multiple of 16"),
        (["--alphabet", "nope", "a.png"], 2, "alphabet: 'nope' is neither a file nor one of"),
        (["--fonts", "nope", "a.png"], 2, "nope"),
        (["--fonts", "empty", "a.png"], 2, "no font"),
        (["--detect=false", "--recognize=false", "a.png"], 2, "leaves nothing to do"),
        (["--word_list", "nope", "a.png"], 2, "nope"),
        (["--word_list", "bytes", "a.png"], 1, "bytes"),
        (["--list_file", "nope"], 2, "list_file: 'nope' cannot be read"),
        (["nope.png"], 2, "image_path: 'nope.png' does not exist"),
        (["no*.png"], 2, "image_path: no file matches"),
        (["empty"], 1, "image_path: no image ("),
        (["--ctpn_weights", "nope.ckpt", "a.png"], 2, "there is no file 'nope.ckpt'"),
        (["--ctpn_weights", "bytes.ckpt", "a.png"], 1, "bytes.ckpt"),
        (["--output_dir", "bytes", "a.png"], 2, "output_dir: 'bytes'"),
        (["--pages", "0", "a.png"], 2, "pages: '0'"),
        (["--shard", "3/2", "a.png"], 2, "shard: '3/2'"),
        (["--format", "pdf", "a.png"], 2, "format: 'pdf'"),
        (["--config_path", "aliases.yaml", "a.png"], 2, "the alias *a is not accepted (line 2)"),
        (["--config_path", "nope.yaml", "a.png"], 2, "config_path: 'nope.yaml'"),
        (["--config_path", "nul.yaml", "a.png"], 2, "output_dir: 'a\\x00b' holds a NUL"),
        (["--config_path", "half.yaml", "a.png"], 2, "fonts: '\\ud800' holds a NUL or half a character"),
        (["--alphabet", "x" * 5000, "a.png"], 2, "is neither a file nor one of"),
        (["--word_list", "x" * 5000, "a.png"], 2, "word_list: cannot read xxx"),
        (["--config_path", "x" * 5000, "a.png"], 2, "too long"),
        (["--ctpn_weights", "x" * 5000, "a.png"], 2, "too long"),
    ],
    "train": [
        (["--img_height", "17"], 2, "img_height: 17"),
        (["--save_checkpoint_path="], 2, "save_checkpoint_path: is empty"),
        (["--anchor_height", "[&a x, *a]"], 2, "anchor_height: the value: the alias *a is not accepted"),
        (["--anchor_height", "[4, -2]"], 2, "anchor_height: [4, -2] is not a list of positive numbers"),
        (["--task_type", "Finetune", "--pre_trained="], 2, "pre_trained: Finetune needs the checkpoint"),
        (["--pretraining_dataset_file="], 2, "is empty; make the data"),
        (["--loss_scale", "often"], 2, "loss_scale: 'often'"),
        (["--network=crnn", "--alphabet", "nope"], 2, "alphabet: 'nope'"),
        (["--network=crnn", "--alphabet", "twice.txt"], 1, "more than once"),
        (["--network=crnn", "--image_width", "[100, 50]"], 2, "image_width"),
        (["--network=crnn", "--run_eval", "false", "--train_lmdb", "[nope]", "--lmdb_root", "nope"], 2, "lmdb_root"),
        (["--network=crnn", "--run_eval", "true", "--eval_lmdb", "[]"], 2, "eval_lmdb: is empty"),
        (["--network=crnn", "--run_eval=false", "--synthetic_weight=1"], 2, "samples_per_epoch: is 0"),
        (
            ["--network=crnn", "--run_eval=false", "--synthetic_weight=1", "--samples_per_epoch=9", "--fonts=[nope]"],
            2,
            "fonts: nope is not a folder",
        ),
        (
            ["--network=crnn", "--run_eval=false", "--synthetic_weight=1", "--samples_per_epoch=9", "--lexicon=no"],
            2,
            "lexicon: cannot read no",
        ),
    ],
    "eval": [
        (["--checkpoint_path", "nope"], 2, "checkpoint_path: 'nope'"),
        (["--checkpoint_path", "empty"], 2, "checkpoint_path: 'empty' is neither a checkpoint nor"),
        (["--checkpoint_path", "bytes.ckpt", "--dataset_path=", "--image_path="], 2, "dataset_path: is empty"),
        (["--checkpoint_path", "bytes.ckpt", "--image_path=nope", "--dataset_path="], 2, "image_path: 'nope'"),
        (["--checkpoint_path", "bytes.ckpt", "--dataset_path=empty"], 2, "dataset_path: 'empty' is a folder"),
        (["--checkpoint_path", "bytes.ckpt", "--image_path=images", "--dataset_path="], 1, "bytes.ckpt"),
        (["--network=crnn", "--checkpoint_path=bytes.ckpt", "--eval_lmdb=[]", "--dataset_path="], 2, "eval_lmdb"),
        (["--network=crnn", "--checkpoint_path=bytes.ckpt", "--dataset_path=nope"], 2, "dataset_path: 'nope'"),
    ],
    "export": [
        (["--ckpt_file", "nope.ckpt"], 2, "ckpt_file: 'nope.ckpt'"),
        (["--ckpt_file", "bytes.ckpt"], 1, "bytes.ckpt"),
        (["--ckpt_file", "bytes.ckpt", "--file_format", "ONX"], 2, "file_format: 'ONX'"),
        (["--ckpt_file", "bytes.ckpt", "--img_width", "17"], 2, "img_width: 17 is outside"),
    ],
    "postprocess": [
        (["--export_dataset_path", "nope"], 2, "export_dataset_path: 'nope'"),
        (["--export_dataset_path=images", "--result_path=nope"], 2, "result_path: 'nope'"),
        (["--export_dataset_path=images", "--result_path=empty", "--label_path=nope"], 2, "label_path: 'nope'"),
        (["--export_dataset_path=empty", "--result_path=empty"], 1, "no image in 'empty'"),
        (["--export_dataset_path=images", "--result_path=empty"], 1, "neither a.png.json nor a_0.bin"),
        (
            ["--export_dataset_path=images", "--result_path=empty", "--eval_output_path="],
            2,
            "eval_output_path: is empty",
        ),
        (["--network=crnn", "--export_dataset_path=images", "--result_path=empty", "--alphabet=no"], 2, "alphabet"),
    ],
    "src.create_dataset": [
        ([], 2, "no data set is configured"),
        (["--icdar13_train_path=[nope, gt]"], 2, "icdar13_train_path: 'nope' does not exist"),
        (["--icdar13_train_path=[images, empty]", "--holdout_count=9"], 2, "holdout_count: 9 of 0"),
        (["--coco_root=images", "--cocotext_json=bytes", "--test_dataset=[]"], 2, "coco_train_data_type"),
    ],
    "src.create_lmdb": [
        (["tsv", "--label_path", "no", "--output", "o"], 2, "--label_path 'no' does not exist"),
        (["tsv", "--label_path", "words.tsv", "--output", ""], 2, "--output: is empty"),
        (["tsv", "--label_path", "", "--output", "o"], 2, "--label_path: is empty"),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--shard", "5"], 2, "shard: '5'"),
        (
            ["tsv", "--label_path", "words.tsv", "--output", "o", "--shard", "7/9"],
            2,
            "share 7 of 9 of 1 words is empty",
        ),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--lexicon", "x"], 2, "--lexicon belongs to mjsynth"),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--only", "no"], 2, "list of names no"),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--only", "empty.txt"], 1, "holds no name"),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--holdout", "1"], 2, "holdout needs both"),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--holdout=-1"], 2, "'-1' is not a whole number"),
        (["tsv", "--label_path", "words.tsv", "--output", "o", "--max_bad_ratio=7"], 2, "'7' is not a number from 0"),
        (["tsv", "--label_path", "words.tsv", "--output", "words.tsv"], 2, "is a file; expected a folder"),
        (["tsv", "--label_path", "words.tsv", "--output", "images"], 2, "holds other files and no data.mdb"),
        (["detection", "--label_path", "empty", "--output", "o"], 2, "needs its folder of images"),
        (["nope" * 2000], 2, "invalid choice"),
        (["tsv", "--label_path", "bytes", "--output", "o"], 1, "1 of 1 words are bad"),
    ],
    "src.synthesize": [
        (["words", "--output", "o", "--count", "1", "--alphabet", "no"], 2, "'no' is neither a file nor one of"),
        (["words", "--output", "o", "--count", "1", "--height", "9", "4"], 2, "--height 9 4"),
        (["words", "--output", "o", "--count", "1", "--fonts", "no"], 2, "fonts: no is not a folder"),
        (["words", "--output", "o", "--count", "1", "--fonts", "empty"], 2, "fonts: no .ttf"),
        (["words", "--output", "o", "--count", "0"], 2, "'0' is not a whole number of at least 1"),
        (["scenes", "--output", "s", "--count", "1", "--angle", "90"], 2, "--angle 90"),
        (["scenes", "--output", "", "--count", "1"], 2, "--output: is empty"),
        (["scenes", "--output", "bytes", "--count", "1"], 2, "'bytes' or a part of it is a file"),
        (["scenes", "--output", "s", "--count", "1", "--size", "9"], 2, "'9' is not WIDTHxHEIGHT"),
        (["scenes", "--output", "s", "--count", "1", "--lexicon", "no"], 2, "lexicon: cannot read no"),
        (["scenes", "--output", "s", "--count", "1", "--lexicon", "bytes"], 1, "lexicon: cannot read bytes"),
    ],
    "src.convert_svt": [
        (["-d", "no", "-x", "bytes", "-o", "o"], 2, "dataset_path: 'no' is not a folder of images"),
        (["-d", "images", "-x", "no", "-o", "o"], 2, "'no': No such file"),
        (["-d", "images", "-x", "bytes", "-o", "o"], 1, "'bytes': not an XML file"),
    ],
    "src.convert_icdar2015": [
        (["-s", "no", "-t", "o"], 2, "src_label_path: 'no' is not a folder of label files"),
        (["-s", "empty", "-t", "empty"], 2, "target_label_path: 'empty' is the source folder too"),
        (["-s", "empty", "-t", "o"], 1, "no label could be converted"),
    ],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    for name in ("empty", "images"):
        (folder / name).mkdir()
    for name in ("a.png", "images/a.png"):
        Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(folder / name)
    for name in ("bytes", "bytes.ckpt"):
        (folder / name).write_bytes(b"\xff\xfe\x00\x01")
    (folder / "twice.txt").write_text("aa")
    (folder / "empty.txt").write_text("")
    (folder / "words.tsv").write_text("images/a.png\tword\n")
    (folder / "nul.yaml").write_text('output_dir: "a\\0b"\n')
    (folder / "half.yaml").write_text('fonts: "\\ud800"\n')
    (folder / "aliases.yaml").write_text("draw:\n- [&a x, *a]\n")
    return folder


def test_exit_codes(place):
    check_exit_codes(CASES, place)
