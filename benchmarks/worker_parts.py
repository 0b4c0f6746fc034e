"""What both workers begin with: a stream for their answers, and the readers of others.

A contestant's packages are imported when it is started, as the environment of another one may not have them.
"""

import os
import sys
from typing import Any, TextIO


def open_answers() -> TextIO:
    """Standard output for answers alone; what a contestant prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers


def reader_of(checkout: str) -> Any:
    """The class `TextReader` of a checkout of this project, of any version that has one."""
    sys.path[0] = checkout  # instead of the checkout of this file
    try:
        from src.reader import TextReader  # noqa: PLC0415
    except ImportError:
        from src.inference import TextReader  # noqa: PLC0415 - where it was in version 0.1.0
    return TextReader


class RapidReader:
    """RapidOCR 3 as it comes, with as many threads as the others."""

    def __init__(self, threads: int):
        from rapidocr import RapidOCR  # noqa: PLC0415

        engine = "EngineConfig.onnxruntime"
        params = {f"{engine}.intra_op_num_threads": threads, f"{engine}.inter_op_num_threads": 1}
        self._engine = RapidOCR(params={**params, "Global.log_level": "critical"})

    def read(self, image: str | bytes, *, detect_only: bool = False, with_words: bool = False) -> tuple[list, ...]:
        """Boxes and texts of lines, and words as (text, four corners)."""
        # What a call asks for stays for the calls that do not say it.
        stages = {"use_det": True, "use_cls": not detect_only, "use_rec": not detect_only}
        result = self._engine(image, **stages, return_word_box=with_words)
        found = [] if result.boxes is None else result.boxes
        boxes = [[*box.min(axis=0).tolist(), *box.max(axis=0).tolist()] for box in found]
        if detect_only:
            return boxes, [], []
        of_lines = result.word_results or () if with_words else ()
        found_words = [(text, box) for line in of_lines for text, _, box in line if box is not None]
        words = [(text, [[float(value) for value in point] for point in box]) for text, box in found_words]
        return boxes, list(result.txts or []), words
