"""The configuration of the model zoo is taken as it is; what would change something fixed is refused by name."""

import pytest

from src.common.options import OptionError
from src.model_utils.command import run_command
from src.model_utils.config import load_config
from src.model_utils.upstream_keys import FIXED

# Keys of the model zoo's CTPN that are none here, with the values that it gives them; and some that are.
UPSTREAM = """
enable_profiling: False
modelarts_home: "/home/work/user-job-dir"
object_name: "ctpn"
num_anchors: 14
anchor_base: 16
anchor_height: [2, 4, 7, 11, 16, 23, 33, 48, 68, 97, 139, 198, 283, 406]
anchor_width: [16]
rpn_in_channels: 256
rpn_feat_channels: 512
rpn_cls_out_channels: 2
num_gts: 256
feature_shapes: [[36, 60]]
num_bboxes: 30240
num_step: 60
rnn_batch_size: 36
activate_num_classes: 2
use_sigmoid_cls: False
rpn_proposal_nms_across_levels: False
rpn_proposal_nms_pre: 2000
rpn_proposal_nms_post: 1000
rpn_proposal_max_num: 1000
rpn_proposal_nms_thr: 0.7
rpn_proposal_min_bbox_size: 8
input_size: 512
hidden_size: 128
warmup_mode: "linear"
weight_decay: 1e-4
pre_warmup_ratio: 1/3
loss_scale: 1
rpn_nms_post: 1000
rpn_min_bbox_min_size: 8
test_iou_thr: 0.7
test_max_per_img: 1000
use_python_proposal: False
file_name: "cnnctc"
---
hidden_size: "hidden units"
---
device_target: ["Ascend", "GPU"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "default_config.yaml"
    path.write_text(UPSTREAM)
    return path


def test_it_is_taken_with_one_line(file, capsys):
    config = load_config(["--config_path", str(file)])
    assert (config.weight_decay, config.file_name) == (1e-4, "cnnctc") and config.pre_warmup_ratio == pytest.approx(
        1 / 3
    )
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(
        "left out, fixed or without effect here: enable_profiling, modelarts"
    )
    assert "hidden_size" in said and "warmup_mode" in said


def test_the_number_of_anchors_goes_by_their_heights(file):
    file.write_text("num_anchors: 3\nanchor_height: [8, 16, 32]\n")
    assert load_config(["--config_path", str(file)]).anchor_height == (8, 16, 32)
    file.write_text("num_anchors: 10\n")
    with pytest.raises(OptionError, match="num_anchors: 10, fixed here is 14 .anchor_height decides"):
        load_config(["--config_path", str(file)])


def test_all_values_that_would_change_something_fixed_are_named(file):
    text = UPSTREAM.replace("hidden_size: 128", "hidden_size: 256").replace(
        'warmup_mode: "linear"', "warmup_mode: step"
    )
    file.write_text(text)
    with pytest.raises(OptionError, match="hidden_size: 256, fixed here is 128; warmup_mode: 'step', fixed here is"):
        load_config(["--config_path", str(file)])
    with pytest.raises(OptionError, match="rpn_proposal_nms_thr: 0.5, fixed here is 0.7 .rpn_nms_thr is the key"):
        load_config(["--rpn_proposal_nms_thr", "0.5"])
    assert load_config(["--hidden_size", "128"]).network == "ctpn"


def test_all_unknown_keys_come_in_one_message(file):
    file.write_text("first_new: 1\nbatch_siz: 2\nhidden_size: 128\n")
    with pytest.raises(OptionError, match="unknown keys: first_new, batch_siz; --help") as caught:
        load_config(["--config_path", str(file)])
    assert "\n" not in str(caught.value)
    file.write_text("batch_siz: 2\n")
    with pytest.raises(OptionError, match="did you mean batch_size"):
        load_config(["--config_path", str(file)])


def test_a_long_list_of_keys_is_not_cut(file, capsys):
    """As one line that is cut in the middle it hid a third of 60 unknown keys."""
    unknown = [f"some_other_key_{number}" for number in range(60)]
    file.write_text("".join(f"{key}: 1\n" for key in unknown))
    line = error_line(file, capsys)
    assert line.count("\n") == 1 and all(f"{key}," in line or f"{key};" in line for key in unknown)
    wrong = [key for key, value in FIXED.items() if value is not False]
    file.write_text("".join(f"{key}: 77\n" for key in wrong))
    line = error_line(file, capsys)
    assert line.count("\n") == 1 and all(f"{key}: 77, fixed" in line for key in wrong)


def test_a_list_of_keys_without_end_is_bounded(file, capsys):
    file.write_text("".join(f"{'x' * 500}{number}: 1\n" for number in range(400)))
    line = error_line(file, capsys)
    assert len(line) < 6100 and "and 300 more; --help" in line


def error_line(file, capsys):
    with pytest.raises(SystemExit) as end:
        run_command(lambda: load_config(["--config_path", str(file)]) and None)
    assert end.value.code == 2
    return capsys.readouterr().err


def test_the_chinese_fine_tuning_configuration():
    config = load_config(["--config_path", "configs/ctpn_cn_finetune.yaml"])
    assert config.task_type == "Finetune" and config.finetune_dataset == ("icdar17_mlt",)


def test_the_one_of_crnn_for_pytorch_is_told_apart(tmp_path):
    path = tmp_path / "LMDB_config.yaml"
    path.write_text("DEVICE_ID: 0\nDATASET: {TRAIN_ROOT: MJ_LMDB}\nTRAIN: {AMP: True}\nMODEL: {NAME: crnn}\n")
    with pytest.raises(OptionError, match="DATASET, MODEL, TRAIN: .*CRNN_for_PyTorch; .*configs/crnn.yaml"):
        load_config(["--config_path", str(path)])


def test_the_one_of_crnn_is_told_apart(tmp_path):
    path = tmp_path / "default_config.yaml"
    path.write_text('hidden_size: 256\nlabel_dict: "ab"\nclass_num: 37\n')
    with pytest.raises(OptionError, match="class_num, label_dict: .*configs/crnn.yaml"):
        load_config(["--config_path", str(path)])
