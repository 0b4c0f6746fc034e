"""The options of the detection path as a configuration names them."""

from __future__ import annotations

from typing import Any

from src.common.errors import UserError
from src.ctpn.text_lines import DetectOptions
from src.ctpn.topology import STRIDE
from src.text_connector.options import ConnectorParams


def image_shape(config: Any) -> tuple[int, int]:
    """(height, width) of the network's input.

    Raises:
        UserError: a side is not a multiple of the stride.
    """
    for key in ("img_height", "img_width"):
        if getattr(config, key) % STRIDE:
            raise UserError(f"{key}: {getattr(config, key)} is not a multiple of {STRIDE}")
    return config.img_height, config.img_width


def detect_options(config: Any) -> DetectOptions:
    """Everything between the network's maps and text lines."""
    # Options of the connector that the configuration does not name keep their defaults.
    named = {key: getattr(config, key) for key in ConnectorParams.model_fields if key in config}
    return DetectOptions(
        image_shape=image_shape(config),
        keep_ratio=config.keep_ratio,
        anchor_heights=tuple(config.anchor_height),
        nms_pre=config.rpn_nms_pre,
        nms_threshold=config.rpn_nms_thr,
        max_num=config.rpn_max_num,
        side_refinement=config.side_refinement,
        connector=ConnectorParams(**named),
    )
