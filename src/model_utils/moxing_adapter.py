"""ModelArts: data and checkpoints come from a bucket before the run, the outputs go back after it.

`data_url` -> `data_path`, `checkpoint_url` -> `load_path` before; `output_path` -> `train_url` after, also
when the run fails or is stopped. With `resume`, what an earlier job left in `train_url` comes first, so that a
job that is started again continues. One process of a node copies, the others wait for it. Without moxing
installed (a rehearsal on any machine), folders of the local file system are copied and a bucket address is
refused.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from src.common.errors import UserError
from src.common.options import OptionError
from src.common.printable import one_line
from src.model_utils.archives import copy_tree, unpack_archive
from src.model_utils.job_signals import held_signals, stop_by_exception
from src.model_utils.local_adapter import is_first_of_node
from src.model_utils.network_config import NetworkConfig
from src.model_utils.node_tasks import claim, once_per_node

NetworkT = TypeVar("NetworkT", bound=NetworkConfig)
_OUTPUT_KEYS = ("save_checkpoint_path", "eval_output_path", "file_name")


@dataclass(frozen=True)
class Storage:
    """How to reach buckets: `copy(source, target)` for files and folders, `exists(address)`."""

    copy: Callable[[str, str], None]
    exists: Callable[[str], bool]


@contextmanager
def modelarts_job(config: NetworkConfig) -> Iterator[None]:
    """Around a run: fetch its inputs, bring its outputs back whatever happens. Nothing off ModelArts.

    SIGTERM ends the run by an exception, so that it brings its outputs back, too; while they are copied,
    further signals are ignored.

    Raises:
        UserError: an address or folder that cannot be used; the outputs cannot be brought back.
    """
    if not config.enable_modelarts:
        yield
        return
    place_outputs(config)  # a wrong place is an error before hours are spent on fetching
    if not config.train_url and is_first_of_node():
        print(f"train_url: is empty, so nothing of {config.output_path} will be uploaded", file=sys.stderr)
    storage = find_storage()
    with stop_by_exception():
        once_per_node("inputs", lambda: fetch_inputs(config, storage))
        try:
            yield
        except BaseException:
            # The launcher may kill the first process when another one fails, so that one brings them as well.
            if is_first_of_node() or claim("outputs"):
                try:
                    bring_outputs(config, storage)
                except UserError as error:  # the reason of the failure is the one to end with
                    print(one_line(f"error: {error}"), file=sys.stderr)
            raise
        if is_first_of_node():
            bring_outputs(config, storage)


def fetch_inputs(config: NetworkConfig, storage: Storage) -> None:
    """Copy data and checkpoints in, and unpack the data set's archive when the configuration names one."""
    for key, folder in (("data_url", config.data_path), ("checkpoint_url", config.load_path)):
        if getattr(config, key):
            _fetch(config, key, folder, storage)
    if config.resume and config.train_url:
        _fetch(config, "train_url", config.output_path, storage, required=False)
    Path(config.output_path).mkdir(parents=True, exist_ok=True)
    if config.need_modelarts_dataset_unzip:
        unpack_dataset(Path(config.data_path), config.modelarts_dataset_unzip_name)


def _fetch(config: NetworkConfig, key: str, folder: str, storage: Storage, *, required: bool = True) -> None:
    url = getattr(config, key)
    try:
        if required or storage.exists(url):
            Path(folder).mkdir(parents=True, exist_ok=True)
            storage.copy(url, folder)
    except UserError as error:
        kind = OptionError if isinstance(error, OptionError) else UserError
        raise kind(f"{key}: {error}") from None
    except Exception as error:  # moxing hands on whatever its transport raises
        raise UserError(f"{key}: '{url}' cannot be copied to {folder} ({error})") from error


def bring_outputs(config: NetworkConfig, storage: Storage) -> None:
    """Copy `output_path` to `train_url`; no signal cuts it short."""
    if not config.train_url:
        return
    with held_signals():
        try:
            Path(config.output_path).mkdir(parents=True, exist_ok=True)
            storage.copy(config.output_path, config.train_url)
        except Exception as error:  # as above
            raise UserError(f"train_url: the outputs cannot be copied to '{config.train_url}' ({error})") from error


def unpack_dataset(data_path: Path, name: str) -> None:
    """Unpack `<data_path>/<name>.zip` (or .tar, .tar.gz, .tgz) into `data_path` once.

    Raises:
        UserError: no such archive, or an unsafe or damaged one.
    """
    finished = data_path / f".{name}.unpacked"
    if not name or Path(name).name != name:
        raise OptionError(f"modelarts_dataset_unzip_name: '{name}' is not the plain name of an archive")
    if finished.exists():
        return
    candidates = [data_path / f"{name}{suffix}" for suffix in ("", ".zip", ".tar", ".tar.gz", ".tgz")]
    archive = next((path for path in candidates if path.is_file()), None)
    if archive is None:
        raise OptionError(f"modelarts_dataset_unzip_name: no {name}.zip, .tar, .tar.gz or .tgz in {data_path}")
    unpack_archive(archive, data_path)
    finished.touch()  # only now: an unpacking that was cut off is done again


def find_storage() -> Storage:
    """moxing's functions, or those of the local file system when moxing is not installed."""
    try:
        moxing = importlib.import_module("moxing")
    except ModuleNotFoundError as error:
        if error.name != "moxing":
            raise
        return Storage(_copy_locally, _exists_locally)
    return Storage(moxing.file.copy_parallel, moxing.file.exists)


def _copy_locally(source: str, target: str) -> None:
    if not _exists_locally(source):
        raise OptionError(f"'{source}': no such file or folder")
    _exists_locally(target)
    copy_tree(Path(source), Path(target))


def _exists_locally(address: str) -> bool:
    if "://" in address:
        raise UserError(f"'{address}': a bucket address needs moxing, which is not installed here")
    return Path(address).exists()


def place_outputs(config: NetworkT) -> NetworkT:
    """On ModelArts, the outputs whose path is relative, placed in `output_path`; elsewhere unchanged.

    Raises:
        OptionError: an output outside `output_path`, which would be lost with the machine.
    """
    if not config.enable_modelarts:
        return config
    root = os.path.abspath(config.output_path)
    placed = {key: os.path.join(config.output_path, getattr(config, key)) for key in _OUTPUT_KEYS}
    for key, path in placed.items():
        if config.train_url and os.path.commonpath([root, os.path.abspath(path)]) != root:
            raise OptionError(
                f"{key}: '{path}' is outside output_path ({config.output_path}), so it would not reach train_url"
            )
    return config.replace(**{key: str(Path(path)) for key, path in placed.items()})
