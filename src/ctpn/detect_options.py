"""The options of the detection path in the words of its functions."""

from src.ctpn.options import DetectionOptions
from src.ctpn.text_lines import DetectOptions
from src.text_connector.options import ConnectorParams


def detect_options(options: DetectionOptions) -> DetectOptions:
    """Everything between the network's maps and text lines."""
    return DetectOptions(
        image_size=options.image_size,
        keep_ratio=options.keep_ratio,
        anchor_heights=options.anchor_height,
        nms_pre=options.rpn_nms_pre,
        nms_threshold=options.rpn_nms_thr,
        max_num=options.rpn_max_num,
        side_refinement=options.side_refinement,
        connector=ConnectorParams.part_of(options),
    )
