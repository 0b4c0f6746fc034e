"""One contestant of everyday_table.py: reads files whose names come one a line, answers with a JSON object a line.

    python benchmarks/everyday_worker.py ROOT|rapidocr THREADS

ROOT is a checkout of this project, of any version that has a TextReader.
"""

import json
import os
import sys
import time


def main() -> None:
    if sys.argv[1:2] in ([], ["-h"], ["--help"]):
        print(__doc__)
        return
    what, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a contestant prints is no answer
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
    # The folder of this file comes first otherwise.
    sys.path[0] = root
    try:
        from src.reader import TextReader  # noqa: PLC0415
    except ImportError:
        from src.inference import TextReader  # noqa: PLC0415 - where it was in older versions
    reader = TextReader(threads=threads)

    def read(path: str) -> tuple[list, list, list]:
        lines = reader.read(path).lines
        words = [(word.text, word.polygon) for line in lines for word in getattr(line, "words", ())]
        return [line.box for line in lines], [line.text for line in lines], words

    return read


def rapid(threads: int):
    import numpy as np  # noqa: PLC0415
    from rapidocr import RapidOCR  # noqa: PLC0415

    engine = "EngineConfig.onnxruntime"
    params = {f"{engine}.intra_op_num_threads": threads, f"{engine}.inter_op_num_threads": 1}
    reader = RapidOCR(params={**params, "Global.log_level": "critical"})

    def read(path: str) -> tuple[list, list, list]:
        result = reader(path, return_word_box=True)
        found = [] if result.boxes is None else result.boxes
        boxes = [[*box.min(axis=0).tolist(), *box.max(axis=0).tolist()] for box in found]
        words = [word for line in result.word_results or () for word in line if word[2] is not None]
        return boxes, list(result.txts or []), [(text, np.asarray(box).tolist()) for text, _, box in words]

    return read


if __name__ == "__main__":
    main()
