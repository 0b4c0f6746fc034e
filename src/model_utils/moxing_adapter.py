"""ModelArts: data and checkpoints come from a bucket before the run, the outputs go back after it.

`data_url` -> `data_path`, `checkpoint_url` -> `load_path` before; `output_path` -> `train_url` after, also
when the run fails. One process of a node copies, the others wait for it. Without moxing installed (a
rehearsal on any machine), folders of the local file system are copied and a bucket address is refused.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from src.errors import UserError
from src.model_utils.archives import copy_tree, unpack_archive
from src.model_utils.config import Config
from src.model_utils.local_adapter import get_device_id, get_job_id

_DEVICES_PER_NODE = 8
_WAIT_SECONDS = 3 * 3600
_OUTPUT_KEYS = ("save_checkpoint_path", "eval_output_path", "file_name")


@contextmanager
def modelarts_job(config: Config) -> Iterator[None]:
    """Around a run: fetch its inputs, bring its outputs back whatever happens. Nothing off ModelArts."""
    if not config.enable_modelarts:
        yield
        return
    copy = find_copier()
    once_a_node("inputs", lambda: fetch_inputs(config, copy))
    try:
        yield
    finally:
        if config.train_url and _copies_for_node():
            Path(config.output_path).mkdir(parents=True, exist_ok=True)
            copy(config.output_path, config.train_url)


def fetch_inputs(config: Config, copy: Callable[[str, str], None]) -> None:
    """Copy data and checkpoints in, and unpack the data set's archive when the configuration names one."""
    for url, folder in ((config.data_url, config.data_path), (config.checkpoint_url, config.load_path)):
        if url:
            Path(folder).mkdir(parents=True, exist_ok=True)
            copy(url, folder)
    Path(config.output_path).mkdir(parents=True, exist_ok=True)
    if config.need_modelarts_dataset_unzip:
        unpack_dataset(Path(config.data_path), config.modelarts_dataset_unzip_name)


def unpack_dataset(data_path: Path, name: str) -> None:
    """Unpack `<data_path>/<name>.zip` (or .tar, .tar.gz, .tgz) into `data_path` once.

    Raises:
        UserError: no such archive, or an unsafe one.
    """
    finished = data_path / f".{name}.unpacked"
    if not name or Path(name).name != name:
        raise UserError(f"modelarts_dataset_unzip_name: '{name}' is not the plain name of an archive")
    if finished.exists():
        return
    candidates = [data_path / f"{name}{suffix}" for suffix in ("", ".zip", ".tar", ".tar.gz", ".tgz")]
    archive = next((path for path in candidates if path.is_file()), None)
    if archive is None:
        raise UserError(f"modelarts_dataset_unzip_name: no {name}.zip, .tar, .tar.gz or .tgz there")
    unpack_archive(archive, data_path)
    finished.touch()  # only now: an unpacking that was cut off is done again


def find_copier() -> Callable[[str, str], None]:
    """moxing's parallel copy, or a copy within the local file system when moxing is not installed."""
    try:
        moxing = importlib.import_module("moxing")
    except ModuleNotFoundError:
        return _copy_locally
    return moxing.file.copy_parallel


def _copy_locally(source: str, target: str) -> None:
    for address in (source, target):
        if "://" in address:
            raise UserError(f"'{address}': a bucket address needs moxing, which is not installed here")
    if not Path(source).exists():
        raise UserError(f"'{source}': no such file or folder")
    copy_tree(Path(source), Path(target))


def _copies_for_node() -> bool:
    return get_device_id() % _DEVICES_PER_NODE == 0


def once_a_node(
    task: str, work: Callable[[], None], *, first: bool | None = None, folder: Path | None = None
) -> None:
    """Run `work` in one process of the node while the others wait; its failure is everybody's.

    The marker is named for the job and the launcher's process, so that one left by an earlier job on the same
    machine is never taken for this one's. `first` says whether this process is the one that works; by default
    the one with the node's first device.
    """
    first = _copies_for_node() if first is None else first
    marker = (folder or Path(tempfile.gettempdir())) / f"scene_text_{task}_{get_job_id()}_{os.getppid()}"
    if first:
        _write_marker(marker, "")
        try:
            work()
        except BaseException as error:
            _write_marker(marker, f"failed: {error}")
            raise
        _write_marker(marker, "done")
        return
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        state = marker.read_text() if marker.exists() else ""
        if state == "done":
            return
        if state.startswith("failed"):
            raise UserError(f"the first process of this node could not fetch the {task}: {state[8:]}")
        if time.monotonic() > deadline:
            raise UserError(f"the first process of this node did not fetch the {task} in {_WAIT_SECONDS} s")
        time.sleep(0.5)


def _write_marker(marker: Path, text: str) -> None:
    temporary = marker.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(marker)


def place_outputs(config: Config) -> Config:
    """On ModelArts, the outputs whose path is relative, placed in `output_path`; elsewhere unchanged."""
    if not config.enable_modelarts:
        return config
    return config.replace(**{key: str(Path(config.output_path) / getattr(config, key)) for key in _OUTPUT_KEYS})
