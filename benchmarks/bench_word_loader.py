"""Words per second and core of the training loader, beside PyTorch's DataLoader on the same LMDB.

    python benchmarks/bench_word_loader.py [--lmdb DIR] [--words 6000] [--batch 128] [--repeats 3]

Without --lmdb, an LMDB of JPEG crops in the size of MJSynth's (31 rows, about 110 columns) is made. All loaders
decode, turn gray, resize to 32x100 bicubic, normalize, and give batches of float32 and encoded labels:

ours             CrnnTrainData; "+ changes" with every augmentation at probability 0.5
torch, Pillow    the usual Dataset of the reference (Pillow decodes and resizes, one sample at a time)
torch, ours      DataLoader over our own decoding, so that only the loaders differ
mindspore        GeneratorDataset over our own decoding

Each is measured in turn, repeatedly, with as many workers as named; CPU seconds are of the process and all of
its children, so "words/core-s" compares them however many cores they were given.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import cv2
import numpy as np
from PIL import Image

from src.crnn.topology import time_steps
from src.data.recognition.dataset import CrnnTrainData
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter
from src.data.recognition.options import WordAugment
from src.data.recognition.preprocess import normalize, resize_word
from src.model_utils.command import run_command

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
CLASS_OF = {character: number for number, character in enumerate(ALPHABET, 1)}
LABEL_PLACES = 26


def encode(text: str) -> list[int]:
    """Class indices of `text` in lower case, of what the alphabet has and a label has place for."""
    return [CLASS_OF[character] for character in text.lower() if character in CLASS_OF][:LABEL_PLACES]


def make_lmdb(path: Path, count: int) -> None:
    """Blurred letters on a gradient, as JPEG of quality 90."""
    rng = np.random.default_rng(0)
    with LmdbWriter(path) as writer:
        for _ in range(count):
            text = "".join(rng.choice(list(ALPHABET), rng.integers(3, 12)))
            pixels = cv2.resize(rng.integers(0, 256, (3, 3, 3), np.uint8), (int(rng.integers(70, 150)), 31))
            cv2.putText(pixels, text, (2, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, rng.integers(0, 256, 3).tolist(), 2)
            writer.add(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes(), text)


class PillowWords:
    """Map-style data set in the way of the reference: one normalized float32 (1, 32, 100) and a label."""

    def __init__(self, words: LmdbWords):
        self.words = words

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int):
        data, text = self.words.read(index)
        image = Image.open(io.BytesIO(data)).convert("L").resize((100, 32), Image.Resampling.BICUBIC)
        return self._finish(np.asarray(image), text)

    @staticmethod
    def _finish(pixels: np.ndarray, text: str):
        label = np.zeros(LABEL_PLACES, np.int32)
        classes = encode(text)
        label[: len(classes)] = classes
        return normalize(pixels)[None], label, np.int32(len(classes))


class OurWords(PillowWords):
    """The same with our decoding and resizing."""

    def __getitem__(self, index: int):
        gray, text = self.words.sample(index)
        return self._finish(resize_word(gray, 32, 100, keep_ratio=False), text)


def ours(words: LmdbWords, batch: int, workers: int, augment: WordAugment | None = None) -> Iterable:
    """Endless batches of CrnnTrainData."""
    data = CrnnTrainData(
        [words],
        characters=ALPHABET,
        encode=encode,
        time_steps=time_steps,
        height=32,
        widths=[100],
        batch_size=batch,
        num_workers=workers,
        augment=augment,
    )
    try:
        epoch = 0
        while True:
            yield from data.epoch(epoch)
            epoch += 1
    finally:
        data.close()


def pytorch(dataset: PillowWords, batch: int, workers: int) -> Iterable:
    """Endless batches of PyTorch's DataLoader."""
    from torch.utils.data import DataLoader  # noqa: PLC0415 - optional

    keep = {"persistent_workers": True, "multiprocessing_context": "spawn"} if workers else {}
    loader = DataLoader(dataset, batch, shuffle=True, num_workers=workers, drop_last=True, **keep)
    while True:
        yield from loader


def mindspore(dataset: PillowWords, batch: int, workers: int) -> Iterable:
    """Endless batches of MindSpore's GeneratorDataset."""
    import mindspore.dataset as ds  # noqa: PLC0415 - optional

    loader = ds.GeneratorDataset(
        dataset, ["image", "label", "length"], shuffle=True, num_parallel_workers=max(1, workers)
    ).batch(batch, drop_remainder=True)
    while True:
        iterator = loader.create_tuple_iterator(num_epochs=1, output_numpy=True)
        try:
            yield from iterator
        finally:
            iterator.stop()


def measure(batches: Iterable, batch: int, words: int) -> tuple[float, float]:
    """(words/s, words per CPU second of this process and its children) over `words` words after a warm-up."""
    iterator = iter(batches)
    for _ in range(4):
        next(iterator)
    count = max(1, words // batch)
    start, cpu = time.perf_counter(), cpu_seconds()
    for _ in range(count):
        next(iterator)
    wall, spent = time.perf_counter() - start, cpu_seconds() - cpu
    iterator.close()
    return count * batch / wall, count * batch / max(spent, 1e-6)


def cpu_seconds() -> float:
    """CPU seconds so far of this process and of its living descendants."""
    own, ticks = os.getpid(), os.sysconf("SC_CLK_TCK")
    parents, used = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        used[int(folder.name)] = (int(fields[11]) + int(fields[12])) / ticks
    family = {own}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(used.get(process, 0.0) for process in family)


def contestants(words: LmdbWords, batch: int, workers: list[int]) -> dict[str, Callable[[], Iterable]]:
    """Name -> function that starts the loader; those whose framework is not installed are left out."""
    changes = WordAugment(
        **{f"{name}_prob": 0.5 for name in ("crop", "perspective", "rotate", "blur", "tone", "invert", "noise")}
    )
    found: dict[str, Callable[[], Iterable]] = {}
    for number in workers:
        found[f"ours, {number} workers"] = lambda n=number: ours(words, batch, n)
        found[f"ours + changes, {number} workers"] = lambda n=number: ours(words, batch, n, changes)
        for name, kind in (("Pillow", PillowWords), ("ours", OurWords)):
            found[f"torch, {name}, {number} workers"] = lambda n=number, k=kind: pytorch(k(words), batch, n)
    found["mindspore, ours, 1 worker"] = lambda: mindspore(OurWords(words), batch, 1)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lmdb", type=Path)
    parser.add_argument("--words", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = args.lmdb or Path(folder) / "words"
        if args.lmdb is None:
            make_lmdb(path, 4000)
        results: dict[str, list[tuple[float, float]]] = {}
        for _ in range(args.repeats):
            for name, start in contestants(LmdbWords(path), args.batch, args.workers).items():
                try:
                    results.setdefault(name, []).append(measure(start(), args.batch, args.words))
                except ImportError as error:
                    print(f"{name}: left out ({error})")
    print(f"{'loader':36s} {'words/s':>9s} {'words/core-s':>13s}   medians of {args.repeats}")
    for name, metrics in results.items():
        if metrics:
            wall, core = (statistics.median(column) for column in zip(*metrics, strict=True))
            print(f"{name:36s} {wall:9.0f} {core:13.0f}")


if __name__ == "__main__":
    run_command(main)
