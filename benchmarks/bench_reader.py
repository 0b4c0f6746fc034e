"""Seconds a picture of the reader, by engine and stage, beside RapidOCR if it is installed.

    python benchmarks/bench_reader.py FOLDER [--pictures 20] [--repeats 3] [--threads 0]
                                      [--engines openvino,onnxruntime] [--ctpn_weights FILE] ...

All read the same pictures, decoded before, in turns, after one picture to warm up; printed are medians over repeats.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from src.data.images import decode_image  # noqa: E402
from src.inference import ReaderOptions, TextReader  # noqa: E402
from src.inference.input_files import find_pictures  # noqa: E402
from src.inference.read_result import STAGES  # noqa: E402

WEIGHTS = ("ctpn_weights", "crnn_weights", "crnn_lines_weights")


def main() -> None:
    arguments = parse()
    found = find_pictures([arguments.folder])[: arguments.pictures]
    pixels = [decode_image(picture.source) for picture in found]
    weights = {key: getattr(arguments, key) for key in WEIGHTS}
    options = ReaderOptions(**weights, recognizer=arguments.recognizer, threads=arguments.threads)
    readers = {name: TextReader(options, engine=name) for name in arguments.engines.split(",")}
    runs: dict[str, Callable[[np.ndarray], dict]] = {
        name: (lambda image, reader=reader: reader.read(image).time_ms) for name, reader in readers.items()
    }
    rapid = rapid_ocr(arguments.threads)
    if rapid:
        runs["rapidocr"] = rapid
    for name, reader in readers.items():
        print(f"{name}: {reader.device}, {reader.recognizer_unit} model")
    times = measure(runs, pixels, arguments.repeats)

    print(f"\nmilliseconds a picture, {len(pixels)} pictures, median of {arguments.repeats} repeats")
    for name, stages in times.items():
        shown = "  ".join(f"{stage} {stages[stage]:8.1f}" for stage in (*STAGES, "total") if stage in stages)
        host = sum(stages.get(stage, 0) for stage in ("decode", "connect")) / stages["total"]
        print(f"{name:12s} {shown}" + (f"  decode + connect {host:.1%}" if "decode" in stages else ""))
    first, *others = times
    for name in others:
        print(f"{name} takes {times[name]['total'] / times[first]['total']:.2f} times as long as {first}")
    print(f"\nfolder as a pipeline, decoding included ({first}): {pipeline(readers[first], found):.1f} ms a picture")
    start_up(arguments, found[0].source)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--engines", default="openvino,onnxruntime")
    parser.add_argument("--recognizer", default="auto")
    for key in WEIGHTS:
        parser.add_argument(f"--{key}", default=getattr(ReaderOptions(), key))
    return parser.parse_args()


def measure(runs: dict, pixels: list[np.ndarray], repeats: int) -> dict[str, dict[str, float]]:
    """Mean milliseconds a picture of every stage, the median over the repeats."""
    for run in runs.values():
        run(pixels[0])
    found: dict[str, list[dict]] = {name: [] for name in runs}
    for _ in range(repeats):
        means: dict[str, list[dict]] = {name: [] for name in runs}
        for image in pixels:
            for name, run in runs.items():  # in turns, so that other load meets all of them
                means[name].append(run(image))
        for name, times in means.items():
            found[name].append({stage: statistics.fmean(t[stage] for t in times) for stage in times[0]})
    return {
        name: {stage: statistics.median(mean[stage] for mean in means) for stage in means[0]}
        for name, means in found.items()
    }


def rapid_ocr(threads: int) -> Callable[[np.ndarray], dict] | None:
    if find_spec("rapidocr_onnxruntime") is None:
        print("rapidocr-onnxruntime is not installed (benchmarks/requirements.txt): no comparison with it")
        return None
    from rapidocr_onnxruntime import RapidOCR  # noqa: PLC0415

    engine = RapidOCR(**({"intra_op_num_threads": threads} if threads else {}))

    def run(image: np.ndarray) -> dict:
        start = time.perf_counter()
        _, seconds = engine(np.ascontiguousarray(image[:, :, ::-1]))
        total = (time.perf_counter() - start) * 1000
        return {"detect": (seconds or [0])[0] * 1000, "total": total}

    return run


def pipeline(reader: TextReader, pictures: list) -> float:
    start = time.perf_counter()
    for _ in reader.read_many(pictures):
        pass
    return (time.perf_counter() - start) * 1000 / len(pictures)


def start_up(arguments: argparse.Namespace, picture: Path) -> None:
    """Wall time of predict.py for one picture, with the cache filled by the runs above."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "predict.py"), str(picture), "--quiet", "--output_dir", folder]
        command += [f"--threads={arguments.threads}", f"--recognizer={arguments.recognizer}"]
        command += [f"--{key}={getattr(arguments, key)}" for key in WEIGHTS]
        command += [f"--engine={arguments.engines.split(',')[0]}"]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(f"start to result, one picture, one process: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
