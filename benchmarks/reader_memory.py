"""Whether reading many images takes more and more memory.

    python benchmarks/reader_memory.py IMAGES [--count 1000] [--key value ...]

Reads the files of the folder IMAGES again and again, keeps every result, as a program may, and prints the memory of
the process on the way and how much each image added after the first tenth. Keys are those of predict.py.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import numpy as np

from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, filled, whole_number
from src.model_utils.load_options import load_options
from src.model_utils.reader_config import ReaderConfig
from src.reader import TextReader
from src.reader.input_files import find_images

KIB_PER_IMAGE = 64  # a result with a hundred lines and their words takes about as much


def main() -> int:
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=filled, help="folder of images")
    parser.add_argument("--count", type=whole_number(10), default=1000, help="how many images are read")
    arguments, rest = parser.parse_known_args()
    count = arguments.count
    images = itertools.cycle(find_images([arguments.images]).images)
    reader = TextReader(load_options(ReaderConfig, rest))
    results, memory, start = [], [], time.perf_counter()
    for number, result in enumerate(itertools.islice(reader.read_many(images), count), start=1):
        results.append(result)
        memory.append(resident_kib())
        if number % (count // 10) == 0:
            seconds = time.perf_counter() - start
            print(f"{number:6d} images  {memory[-1] / 1024:8.1f} MiB  {seconds:7.1f} s", flush=True)
    settled = memory[count // 10 :]
    slope = np.polyfit(np.arange(len(settled)), settled, 1)[0]
    met = slope < KIB_PER_IMAGE
    print(f"{slope:.1f} KiB per image (below {KIB_PER_IMAGE}: {'yes' if met else 'NO'})")
    return 0 if met else 1


def resident_kib() -> float:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4.0


if __name__ == "__main__":
    run_command(main)
