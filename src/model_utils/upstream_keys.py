"""Keys of the model zoo's CTPN configuration that are none here, because they are fixed or have no effect.

A file that holds them is taken as it is: one line names them. A value that asks for something else than what is
fixed is refused by name.
"""

import sys
from collections.abc import Mapping
from typing import Any

from src.common.options import ManyOptionsError, OptionError
from src.common.printable import one_line

# What is fixed here, in the words of the model zoo.
FIXED: dict[str, object] = {
    "anchor_base": 16,
    "anchor_width": [16],
    "rpn_feat_channels": 512,
    "rpn_cls_out_channels": 2,
    "activate_num_classes": 2,
    "use_sigmoid_cls": False,
    "input_size": 512,
    "hidden_size": 128,
    "warmup_mode": "linear",
    "enable_profiling": False,
    "rpn_proposal_nms_thr": 0.7,
}
_IN_PLACE = {
    "num_anchors": "anchor_height decides how many there are",
    "anchor_base": "anchor_height has the heights",
    "rpn_proposal_nms_thr": "rpn_nms_thr is the key",
    "enable_profiling": "log_interval and the log have the time of a step",
}
# What the model zoo itself does not read, or what has no counterpart.
WITHOUT_EFFECT = frozenset(
    {
        "rpn_in_channels",
        "rpn_proposal_nms_across_levels",
        "rpn_proposal_nms_pre",
        "rpn_proposal_nms_post",
        "rpn_proposal_max_num",
        "rpn_proposal_min_bbox_size",
        "rpn_nms_post",
        "rpn_min_bbox_min_size",
        "test_iou_thr",
        "test_max_per_img",
        "use_python_proposal",
        "num_gts",
        "modelarts_home",
        "object_name",
        # of its earlier releases; they follow from the size of the image
        "feature_shapes",
        "num_bboxes",
        "num_step",
        "rnn_batch_size",
    }
)
_OF_ITS_CRNN = frozenset({"label_dict", "class_num", "max_text_length"})
_OF_PYTORCH_CRNN = frozenset({"DATASET", "TRAIN", "MODEL"})


def refuse_other_crnn(values: Mapping[Any, Any]) -> None:
    """Raise OptionError for a configuration of the model zoo's CRNN or of CRNN_for_PyTorch: their keys are others."""
    if found := sorted(_OF_ITS_CRNN & values.keys()):
        raise OptionError(
            f"{', '.join(found)}: a configuration of the model zoo's CRNN; start from configs/crnn.yaml, where"
            " alphabet, image_width, batch_size, total_epoch, base_lr, train_lmdb and eval_lmdb say the same"
        )
    if values.keys() >= _OF_PYTORCH_CRNN:
        raise OptionError(
            f"{', '.join(sorted(_OF_PYTORCH_CRNN))}: a configuration of CRNN_for_PyTorch; start from"
            " configs/crnn.yaml, where lmdb_root, train_lmdb, eval_lmdb, alphabet, batch_size, total_epoch and resume"
            " say the same"
        )


def without_upstream_keys(values: Mapping[str, Any], num_anchors: int) -> dict[str, Any]:
    """`values` without keys that only restate what is fixed here; a line on standard error names those.

    Args:
        num_anchors: as the heights of the anchors have it.

    Raises:
        ManyOptionsError: names every key whose value would change what is fixed, and what it is.
    """
    fixed = FIXED | {"num_anchors": num_anchors}
    wrong = [key for key in values if key in fixed and values[key] != fixed[key]]
    if wrong:
        reasons = "; ".join(
            f"{key}: {one_line(repr(values[key]), 80)}, fixed here is {fixed[key]!r}"
            + (f" ({why})" if (why := _IN_PLACE.get(key)) else "")
            for key in wrong
        )
        raise ManyOptionsError(reasons)
    restated = [key for key in values if key in fixed or key in WITHOUT_EFFECT]
    if restated:
        print(f"left out, fixed or without effect here: {', '.join(restated)}", file=sys.stderr)
    return {key: value for key, value in values.items() if key not in restated}
