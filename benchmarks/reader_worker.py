"""One contestant of bench_reader.py in a process of its own, which takes one command per line.

    python benchmarks/reader_worker.py '{"name": "openvino", "threads": 2, "options": {...}, "root": ""}'

A contestant is an engine of this reader, "baseline", which is the reader of the checkout in "root" with its own
weights and options, or "rapidocr".

Each line on standard input is a JSON object, each answer another on standard output. {"read": FILE, "detect_only":
BOOL} is answered with {"seconds": wall time, "cores": processor time / wall time, "lines": how many, "boxes" and
"texts": of the lines, "stages": our milliseconds by stage, "networks": our milliseconds inside the engines};
{"network": "ctpn" | "crnn", "shape": [...], "weights": FILE or null for the reader's own} with the seconds and cores
of one run of a network. A file is read into memory before the clock runs; decoding it counts.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.worker_parts import RapidReader, open_answers, reader_of


class Timed:
    """An engine whose runs are timed together with those of the others."""

    milliseconds = 0.0

    def __init__(self, engine):
        self._engine, self.name, self.device = engine, engine.name, engine.device

    def run(self, image):
        start = time.perf_counter()
        outputs = self._engine.run(image)
        Timed.milliseconds += 1000 * (time.perf_counter() - start)
        return outputs


class Ours:
    """Our reader, with an engine."""

    def __init__(self, engine: str, threads: int, options: dict):
        from src.reader import ReaderOptions, TextReader, text_reader  # noqa: PLC0415 - not for other contestants

        open_engines = text_reader.open_engines
        text_reader.open_engines = lambda networks, options: [Timed(e) for e in open_engines(networks, options)]
        self.options = ReaderOptions(engine=engine, threads=threads, **options)
        self.whole = TextReader(self.options)
        self.detecting = TextReader(self.options, recognize=False)
        self.about = f"{self.whole.device}, {self.whole.recognizer_unit} model"
        self._networks: dict[tuple, Callable[[], object]] = {}

    def read(self, data: bytes, detect_only: bool) -> dict:
        Timed.milliseconds = 0.0
        result = (self.detecting if detect_only else self.whole).read(data)
        texts = [] if detect_only else [line.text for line in result.lines]
        boxes = [line.box for line in result.lines]
        answer = {"lines": len(result.lines), "boxes": boxes, "texts": texts}
        return {**answer, "stages": result.time_ms, "networks": Timed.milliseconds}

    def network(self, network: str, shape: tuple[int, ...], weights: str | None) -> dict:
        key = (network, shape, weights)
        if key not in self._networks:
            import numpy as np  # noqa: PLC0415

            from src.engines.engine import open_engine  # noqa: PLC0415
            from src.reader.networks import find_detector, find_recognizer  # noqa: PLC0415

            options = self.options if weights is None else self.options.replace(**{f"{network}_weights": weights})
            found = find_detector(options) if network == "ctpn" else find_recognizer(options)[0]
            fixed = shape if network == "ctpn" else (None, *shape[1:])
            engine = open_engine(found, options, fixed)
            image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
            self._networks[key] = lambda: engine.run(image)
        self._networks[key]()
        return {}


class Baseline:
    """The reader of another version, with the engine and the options that it takes by itself."""

    def __init__(self, checkout: str, threads: int):
        make = reader_of(checkout)
        self.whole, self.detecting = make(threads=threads), make(threads=threads, recognize=False)
        self.about = f"{self.whole.engine}, {self.whole.device}"

    def read(self, data: bytes, detect_only: bool) -> dict:
        lines = (self.detecting if detect_only else self.whole).read(data).lines
        texts = [] if detect_only else [line.text for line in lines]
        return {"lines": len(lines), "boxes": [line.box for line in lines], "texts": texts}


class Rapid:
    """RapidOCR, whose lines alone count."""

    def __init__(self, threads: int):
        self._reader = RapidReader(threads)
        self.about = f"rapidocr {version('rapidocr')}, its own models"

    def read(self, data: bytes, detect_only: bool) -> dict:
        boxes, texts, _ = self._reader.read(data, detect_only=detect_only)
        return {"lines": len(boxes), "boxes": boxes, "texts": texts}


def main() -> None:
    if sys.argv[1:2] in ([], ["-h"], ["--help"]):
        print(__doc__)
        return
    request = json.loads(sys.argv[1])
    answers = open_answers()
    threads = request["threads"]
    cv2.setNumThreads(threads)
    name = request["name"]
    if name == "rapidocr":
        contestant = Rapid(threads)
    elif name == "baseline":
        contestant = Baseline(request["root"], threads)
    else:
        contestant = Ours(name, threads, request["options"])
    print(json.dumps({"about": contestant.about}), file=answers)
    files: dict[str, bytes] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "network" in request:
            answer = timed(contestant.network, request["network"], tuple(request["shape"]), request["weights"])
        else:
            path = request["read"]
            data = files.setdefault(path, Path(path).read_bytes() if path not in files else b"")
            answer = timed(contestant.read, data, request["detect_only"])
        print(json.dumps(answer), file=answers)


def timed(work: Callable[..., dict], *arguments) -> dict:
    wall, processor = time.perf_counter(), time.process_time()
    answer = work(*arguments)
    seconds = time.perf_counter() - wall
    return {"seconds": seconds, "cores": (time.process_time() - processor) / seconds, **answer}


if __name__ == "__main__":
    main()
