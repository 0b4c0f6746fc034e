"""The parameters of the text connector, named as in the configuration files."""

from src.common.options import Options, option


class ConnectorOptions(Options):
    """From proposals to lines; the defaults are the published MindSpore model's.

    `line_nms_thresh`, `narrow_lines` and `oriented` go beyond the published model and are off by default.
    """

    max_horizontal_gap: int = option(
        60, "widest gap between neighboring proposals of a line, in pixels of the resized image", low=1
    )
    text_proposals_min_scores: float = option(0.7, "a proposal counts when its score is above this", low=0, high=1)
    text_proposals_nms_thresh: float = option(
        0.2, "overlap from which the weaker of two proposals is dropped before connecting", above=0, high=1
    )
    min_v_overlaps: float = option(
        0.7, "least vertical overlap of neighbors, as a share of the smaller height", above=0, high=1
    )
    min_size_sim: float = option(0.7, "least ratio of the heights of neighbors", above=0, high=1)
    min_ratio: float = option(0.5, "a line counts when it is wider than this multiple of its height", low=0)
    line_min_score: float = option(
        0.9, "a line counts when the mean score of its proposals is above this", low=0, high=1
    )
    text_proposals_width: int = option(16, "width of a proposal in pixels", low=1)
    min_num_proposals: int = option(2, "a line counts when it is wider than this many proposals", low=0)
    line_nms_thresh: float = option(
        0.0, "overlap from which the weaker of two lines is dropped; 0 for never", low=0, high=1
    )
    narrow_lines: bool = option(
        False, "also keep narrower lines that stand in a row with others or score high: digits in tables"
    )
    oriented: bool = option(False, "polygons follow tilted lines; boxes stay the same")


class SideOptions(Options):
    """The ends of lines."""

    side_refinement: bool = option(
        False, "learn and use the horizontal offset of a line's first and last proposal from its ends"
    )


class ConnectorParams(ConnectorOptions, SideOptions):
    """All options of the text connector."""
