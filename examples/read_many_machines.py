"""Read the images of a folder or bucket on many processes or machines, with Ray Data; results as Parquet.

    python -m pip install -r examples/requirements-many-machines.txt
    python examples/read_many_machines.py photos results --num_cpus 8
    python examples/read_many_machines.py s3://bucket/photos s3://bucket/results --address auto

INPUT and OUTPUT are folders in any file system that pyarrow knows (a path, s3://, gs://, hdfs://). One `TextReader`
per actor reads, each on one core. OUTPUT gets manifest.json, which lists the images of each part, and
part-00000.parquet and so on: a row per line of text, with its words; an image without text and an image that cannot
be read have one row, the latter with its reason in `error`. A part is complete or absent: the same command goes on
where a run was stopped. docs/many_machines.md has more.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from pyarrow import fs

from src.common.errors import UserError
from src.common.options import OptionError
from src.data.images.folder import IMAGE_SUFFIXES
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser
from src.reader import ReadResult, TextReader, Unreadable
from src.reader.image_source import ImageSource

MANIFEST = "manifest.json"
COUNTS = ("images", "failed", "lines", "seconds")  # of a part; seconds of the one core that read it
WORD = pa.struct(
    [
        ("text", pa.string()),
        ("box", pa.list_(pa.float32())),
        ("polygon", pa.list_(pa.list_(pa.float32()))),
        ("score", pa.float32()),
    ]
)
SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("page", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("line", pa.int32()),  # in reading order, from 0; null for an image without text
        ("text", pa.string()),
        ("text_score", pa.float32()),
        ("score", pa.float32()),
        ("box", pa.list_(pa.float32())),
        ("polygon", pa.list_(pa.list_(pa.float32()))),
        ("words", pa.list_(WORD)),
        ("notes", pa.list_(pa.string())),
        ("error", pa.string()),
    ]
)


def open_folder(place: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URI, and the path in it. Raises UserError for one that pyarrow does not know."""
    try:
        if "://" in place:
            return fs.FileSystem.from_uri(place)
        return fs.LocalFileSystem(), place
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{place}: {error}") from None


def absolute(place: str) -> str:
    """What every process of the cluster understands, whatever folder it runs in."""
    return place if "://" in place else str(Path(place).resolve())


def list_images(place: str) -> list[str]:
    """Names of the images below a folder, sorted. Raises UserError where there are none."""
    system, folder = open_folder(place)
    try:
        found = system.get_file_info(fs.FileSelector(folder, recursive=True))
    except OSError as error:
        raise UserError(f"{place}: {error}") from None
    files = (entry.path for entry in found if entry.type == fs.FileType.File)
    names = [path.removeprefix(folder).lstrip("/") for path in files if Path(path).suffix.lower() in IMAGE_SUFFIXES]
    if not names:
        raise UserError(f"{place}: holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(names)


def plan(source: str, output: str, part_size: int) -> list[list[str]]:
    """The names of each part: those of the manifest, or, where there is none yet, of all images."""
    system, folder = open_folder(output)
    path = f"{folder}/{MANIFEST}"
    if system.get_file_info(path).type == fs.FileType.File:
        with system.open_input_stream(path) as stream:
            manifest = json.loads(stream.read())
        if manifest["source"] != source:
            raise OptionError(f"{output}: holds results of {manifest['source']}; name another folder")
        return manifest["parts"]
    names = list_images(source)
    parts = [names[start : start + part_size] for start in range(0, len(names), part_size)]
    system.create_dir(folder, recursive=True)
    write_bytes(system, path, json.dumps({"source": source, "parts": parts}).encode())
    return parts


def write_bytes(system: fs.FileSystem, path: str, data: bytes) -> None:
    """Write a file that is complete or absent: a store shows it once it is closed, a folder once it is moved."""
    is_local = isinstance(system, fs.LocalFileSystem)
    written = f"{path}.incomplete" if is_local else path
    with system.open_output_stream(written) as stream:
        stream.write(data)
    if is_local:
        system.move(written, path)


def part_name(number: int) -> str:
    return f"part-{number:05d}.parquet"


def finished_parts(output: str) -> set[str]:
    system, folder = open_folder(output)
    found = system.get_file_info(fs.FileSelector(folder))
    return {entry.base_name for entry in found if entry.extension == "parquet"}


def rows_of(result: ReadResult | Unreadable) -> list[dict[str, Any]]:
    """A row per line; one for an image without any, and for one that cannot be read."""
    if isinstance(result, Unreadable):
        return [{"image": result.image, "error": str(result.error)}]
    content = result.to_dict()
    shared = {key: content.get(key) for key in ("image", "page", "width", "height", "notes")}
    lines = [{**shared, "line": number, **line} for number, line in enumerate(content["lines"])]
    return lines or [shared]


class PartReader:
    """An actor: reads whole parts with a reader of its own."""

    def __init__(self, source: str, output: str, engine: str):
        self._source, self._output = source, output
        self._reader = TextReader(engine=engine, threads=1)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[float]]:
        parts = zip(batch["number"], batch["names"], strict=True)
        counts = [self._read_part(int(number), json.loads(names)) for number, names in parts]
        return {key: [count[position] for count in counts] for position, key in enumerate(COUNTS)}

    def _read_part(self, number: int, names: Sequence[str]) -> tuple[int, int, int, float]:
        start = time.perf_counter()
        system, folder = open_folder(self._output)
        rows = [row for result in self._results(names) for row in rows_of(result)]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        write_bytes(system, f"{folder}/{part_name(number)}", sink.getvalue().to_pybytes())
        failed = sum(row.get("error") is not None for row in rows)
        lines = sum(row.get("line") is not None for row in rows)
        return len(names), failed, lines, time.perf_counter() - start

    def _results(self, names: Sequence[str]) -> Iterator[ReadResult | Unreadable]:
        system, folder = open_folder(self._source)
        for name in names:
            try:
                with system.open_input_stream(f"{folder}/{name}") as stream:
                    data = stream.read()
            except OSError as error:
                yield Unreadable(name, UserError(f"{name}: {error}"))
                continue
            yield from self._reader.read_many([ImageSource(data, name)])


def read_folder(source: str, output: str, *, part_size: int, engine: str) -> dict[str, float]:
    """Read what is not read yet, in the Ray cluster that is connected. Returns the sums of COUNTS of this run."""
    parts, done = plan(source, output, part_size), finished_parts(output)
    todo = [
        {"number": number, "names": json.dumps(names)}
        for number, names in enumerate(parts)
        if part_name(number) not in done
    ]
    print(f"{len(parts)} parts, {len(parts) - len(todo)} of them done before", file=sys.stderr)
    if not todo:
        return dict.fromkeys(COUNTS, 0)
    read = ray.data.from_items(todo, override_num_blocks=len(todo)).map_batches(
        PartReader,
        fn_constructor_args=(source, output, engine),
        batch_size=1,
        # Machines may join while it runs, so as many as there are parts; each waits for a free core.
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=len(todo)),
        num_cpus=1,
    )
    counts = read.take_all()
    return {key: sum(row[key] for row in counts) for key in COUNTS}


def main() -> int:
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="folder of images, with its sub-folders")
    parser.add_argument("output", help="folder of the results")
    parser.add_argument("--part_size", type=int, default=500, help="images per part (default 500)")
    parser.add_argument("--num_cpus", type=int, help="cores to use on this machine (default: all)")
    parser.add_argument("--address", help="of a Ray cluster to join, or auto; by default one starts here")
    parser.add_argument("--engine", default="auto", help="auto, openvino or onnxruntime")
    arguments = parser.parse_args()
    if arguments.part_size < 1:
        raise OptionError(f"--part_size {arguments.part_size}: at least 1 is accepted")
    ray.init(address=arguments.address, num_cpus=None if arguments.address else arguments.num_cpus)
    counts = read_folder(
        absolute(arguments.input),
        absolute(arguments.output),
        part_size=arguments.part_size,
        engine=arguments.engine,
    )
    count = "{images} images, {failed} of them not read, {lines} lines".format(**counts)
    rate = f", {counts['images'] / counts['seconds']:.2f} images per second and core" if counts["seconds"] else ""
    print(f"{count}{rate}: {arguments.output}")
    return 3 if counts["failed"] else 0


if __name__ == "__main__":
    run_command(main)
