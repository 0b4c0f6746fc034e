"""One contestant of everyday_table.py: reads files whose names come one a line, answers with a JSON object a line.

    python benchmarks/everyday_worker.py ROOT|rapidocr THREADS

ROOT is a checkout of this project, of any version that has a TextReader.
"""

import json
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.worker_parts import RapidReader, open_answers, reader_of


def main() -> None:
    if sys.argv[1:2] in ([], ["-h"], ["--help"]):
        print(__doc__)
        return
    what, threads = sys.argv[1], int(sys.argv[2])
    answers = open_answers()
    import cv2  # noqa: PLC0415 - after the streams are in order

    cv2.setNumThreads(threads)
    read = rapid(threads) if what == "rapidocr" else ours(what, threads)
    for line in sys.stdin:
        start, worked = time.perf_counter(), time.process_time()
        try:
            boxes, texts, words = read(line.rstrip("\n"))
        except Exception as error:  # what a contestant cannot read, it does not find
            print(f"{line.rstrip()}: {error}", file=sys.stderr)
            boxes, texts, words = [], [], []
        times = {"seconds": time.perf_counter() - start, "processor": time.process_time() - worked}
        print(json.dumps({**times, "boxes": boxes, "texts": texts, "words": words}), file=answers)


def ours(root: str, threads: int):
    reader = reader_of(root)(threads=threads)

    def read(path: str) -> tuple[list, list, list]:
        lines = reader.read(path).lines
        words = [(word.text, word.polygon) for line in lines for word in getattr(line, "words", ())]
        return [line.box for line in lines], [line.text for line in lines], words

    return read


def rapid(threads: int):
    return partial(RapidReader(threads).read, with_words=True)


if __name__ == "__main__":
    main()
