"""How samples are loaded."""

from src.common.options import Options, option


class BadSampleOptions(Options):
    """What becomes of samples that cannot be read."""

    max_bad_ratio: float = option(
        0.05, "share of unreadable images, labels or records above which a run fails", low=0, high=1
    )


class ThreadOptions(Options):
    """Who prepares samples."""

    num_parallel_workers: int = option(4, "threads that prepare samples, at most one per core", low=1)
