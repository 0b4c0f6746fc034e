"""Seconds per image and what is found: the reader with OpenVINO and ONNX Runtime, another version of it, RapidOCR.

    python benchmarks/bench_reader.py FOLDER [--images 10] [--repeats 3] [--threads N] [--json FILE]
                                      [--baseline CHECKOUT] [--rapidocr_python PYTHON] [--labels LABELS]
                                      [--ctpn_weights FILE] ...

Each contestant has a process of its own, with the same number of threads (by default one per core), and reads the
same files, in turns, so that other load meets all of them. While one works the others wait, and it begins when their
threads have come to rest: those of ONNX Runtime keep a core busy for some time after their work. Decoding a file
counts, reading it from the disk does not. One image is read before to warm up. Printed are medians of the repeats.

--baseline names a checkout of another version, such as 0.1.0, which reads with its own weights and default options.
With --labels, which are as in reader_accuracy.py, words read right are counted, without them only words read.
RapidOCR lives in another environment, made by benchmarks/make_peers.sh; --rapidocr_python names another one's
interpreter, which needs NumPy and OpenCV as well.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from benchmarks.published_size import IMAGE_SIZE, write_published_size
from benchmarks.reader_accuracy import plain
from benchmarks.reader_inputs import labeled_images
from benchmarks.reader_report import DETECTOR, PUBLISHED, goals, report
from src.data.loading.prefetch import usable_cores
from src.engines.processor import describe_processor, processor_flags
from src.model_utils.command import run_command
from src.reader import ReaderOptions, TextReader
from src.reader.input_files import find_images
from src.reader.networks import detect_options, find_detector
from src.reader.result import STAGES

WEIGHTS = ("ctpn_weights", "crnn_weights", "crnn_lines_weights")
OURS = ("openvino", "onnxruntime")
WORD_BATCH = (32, 1, 32, 100)
MATRIX_UNIT = "amx_bf16"  # of the units that compute bfloat16 the one that multiplies matrices
REST_SECONDS = 0.1


def peer_python() -> str:
    """Of the environment that make_peers.sh made; this interpreter where it did not."""
    made = ROOT / "benchmarks" / "peers" / "bin" / "python"
    return str(made) if made.is_file() else sys.executable


class Worker:
    """A contestant in its process; see reader_worker.py."""

    def __init__(self, name: str, python: str, threads: int, options: dict, root: str = ""):
        request = json.dumps({"name": name, "threads": threads, "options": options, "root": root})
        command = [python, str(ROOT / "benchmarks" / "reader_worker.py"), request]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with tempfile.TemporaryFile("w+") as errors:
            pipes["stderr"] = errors
            self._process = subprocess.Popen(command, text=True, bufsize=1, env=environment, **pipes)
            first = self._process.stdout.readline()
            errors.seek(0)
            if not first:
                self._process.wait()
                raise RuntimeError((errors.read().strip().splitlines() or ["no answer"])[-1])
        self.name, self.about = name, json.loads(first)["about"]

    def ask(self, **request) -> dict:
        time.sleep(REST_SECONDS)
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name}: the process ended while it worked on {request}")
        return json.loads(answer)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    arguments = parse()
    began = time.perf_counter()
    files = [str(image.source) for image in find_images([arguments.folder]).images]
    files = files[:: max(1, len(files) // arguments.images)][: arguments.images]
    options = {key: getattr(arguments, key) for key in (*WEIGHTS, "recognizer", "precision")}
    flags = processor_flags()
    print(f"processor: {describe_processor(flags)}; {arguments.threads} threads each; {len(files)} images")
    workers = start_workers(arguments, options)
    computes_in = workers["openvino"].about.split(", ")[-2]  # "PROCESSOR, int8 and bf16, line model"
    try:
        found = {
            "networks": networks(workers, options, arguments.repeats),
            "images": images(workers, files, arguments.repeats, labeled_words(arguments)),
        }
    finally:
        for worker in workers.values():
            worker.close()
    found["folder"] = as_folder(
        files, ReaderOptions(engine="openvino", threads=arguments.threads, **options), arguments.repeats
    )
    found["start"] = start_up(arguments, files[0])
    report(found)
    goals(found, MATRIX_UNIT in flags and computes_in.endswith("bf16"), computes_in)
    print(f"(measured in {time.perf_counter() - began:.0f} s)")
    if arguments.json:
        content = {"processor": describe_processor(flags), "threads": arguments.threads, "files": len(files), **found}
        Path(arguments.json).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--images", type=int, default=10, help="taken evenly from the folder")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--recognizer", default="auto")
    parser.add_argument("--precision", default="auto", choices=("auto", "float", "f32"), help="of OpenVINO")
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--rapidocr_python", default=peer_python())
    parser.add_argument("--json", help="also write the metrics to this file")
    for key in WEIGHTS:
        parser.add_argument(f"--{key}", default=getattr(ReaderOptions(), key))
    return parser.parse_args()


def start_workers(arguments: argparse.Namespace, options: dict) -> dict[str, Worker]:
    """Those contestants that can be started."""
    workers = {}
    for name in (*OURS, *(["baseline"] if arguments.baseline else []), "rapidocr"):
        python = arguments.rapidocr_python if name == "rapidocr" else sys.executable
        root = str(arguments.baseline.resolve()) if name == "baseline" else ""
        try:
            workers[name] = Worker(name, python, arguments.threads, options, root)
        except RuntimeError as error:
            print(f"{name}: left out, it cannot be started ({error})")
            continue
        print(f"{name}: {workers[name].about}")
    if "openvino" not in workers:
        raise SystemExit("nothing to compare without openvino")
    return workers


def networks(workers: dict[str, Worker], options: dict, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each network alone, by engine: CTPN, also in its published size, and CRNN."""
    reader = ReaderOptions(**options)
    detector = find_detector(reader)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published.ckpt"
        write_published_size(detector, published)
        for title, network, shape, weights in (
            (DETECTOR, "ctpn", (1, 3, *detect_options(reader, detector.card).image_size), None),
            (PUBLISHED, "ctpn", (1, 3, *IMAGE_SIZE), str(published)),
            ("crnn", "crnn", WORD_BATCH, None),
        ):
            times: dict[str, list[float]] = {name: [] for name in OURS if name in workers}
            for number in range(2 * repeats + 2):
                for name, seconds in times.items():
                    answer = workers[name].ask(network=network, shape=shape, weights=weights)
                    if number > 1:
                        seconds.append(answer["seconds"])
            found[f"{title} {'x'.join(map(str, shape))}"] = {
                name: 1000 * statistics.median(seconds) for name, seconds in times.items()
            }
    return found


def labeled_words(arguments: argparse.Namespace) -> dict[str, Counter]:
    """The legible words of each image by its path; empty without labels."""
    if not arguments.labels:
        return {}
    labeled = labeled_images(Path(arguments.folder), arguments.labels, None)
    return {
        str(image.path): words_of(text for text, hidden in zip(image.texts, image.ignored, strict=True) if not hidden)
        for image in labeled
    }


def words_of(texts: Iterable[str]) -> Counter:
    return Counter(filter(None, map(plain, " ".join(texts).split())))


def images(
    workers: dict[str, Worker], files: list[str], repeats: int, labeled: dict[str, Counter]
) -> dict[str, dict[str, float]]:
    """Means over the images, their median over the repeats, by contestant; and words, all together."""
    for worker in workers.values():
        for detect_only in (False, True):
            worker.ask(read=files[0], detect_only=detect_only)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    words: dict[tuple[str, str], Counter] = {}
    for _ in range(repeats):
        answers: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
        for file in files:
            for name, worker in workers.items():
                whole, part = (worker.ask(read=file, detect_only=only) for only in (False, True))
                values = {"whole": 1000 * whole["seconds"], "detect": 1000 * part["seconds"], "cores": whole["cores"]}
                values["lines"] = whole["lines"]
                words[name, file] = words_of(whole["texts"])
                values |= {f"stage {stage}": whole["stages"][stage] for stage in STAGES if "stages" in whole}
                values |= {"networks": whole["networks"]} if "networks" in whole else {}
                answers[name].append(values)
        for name, values in answers.items():
            rounds[name].append({key: statistics.fmean(value[key] for value in values) for key in values[0]})
    found = {
        name: {key: statistics.median(mean[key] for mean in means) for key in means[0]}
        for name, means in rounds.items()
    }
    for name, values in found.items():
        values["words"] = sum(words[name, file].total() for file in files)
        if labeled:
            values["right"] = sum((words[name, file] & labeled.get(file, Counter())).total() for file in files)
            values["there"] = sum(labeled.get(file, Counter()).total() for file in files)
        for other in workers:
            values[f"words with {other}"] = sum((words[name, file] & words[other, file]).total() for file in files)
    return found


def as_folder(files: list[str], options: ReaderOptions, repeats: int) -> dict[str, float]:
    """Milliseconds per image when all are read in one call, decoding and connecting beside the networks.

    They are read once before: OpenVINO makes its kernels when it first meets a number of lines and a width.
    """
    reader = TextReader(options)
    rounds = []
    for _ in range(1 + repeats):
        time.sleep(REST_SECONDS)
        start, work = time.perf_counter(), 0.0
        for result in reader.read_many(files):
            work += result.time_ms["total"]
        rounds.append({"wall": 1000 * (time.perf_counter() - start) / len(files), "work": work / len(files)})
    return {key: statistics.median(values[key] for values in rounds[1:]) for key in rounds[0]}


def start_up(arguments: argparse.Namespace, image: str) -> float:
    """Seconds of `python predict.py IMAGE`, from the start of the process to its end, the cache being warm."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "predict.py"), image, "--quiet", "--output_dir", folder]
        command += [f"--threads={arguments.threads}", f"--recognizer={arguments.recognizer}", "--engine=openvino"]
        command += [f"--precision={arguments.precision}"]
        command += [f"--{key}={getattr(arguments, key)}" for key in WEIGHTS]
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    run_command(main)
