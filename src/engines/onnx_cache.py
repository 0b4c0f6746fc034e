"""ONNX files made from weights on first use and kept under a name that holds the hash of the weights.

Two processes may make the same file at once; a reader finds no file or a whole one. Beside each file stands its
hash: a file that was changed or cut short since is made anew.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.common.atomic_file import clear_leftovers, write_atomically
from src.common.bounded_file import SMALL, read_bounded
from src.common.errors import UserError
from src.common.printable import one_line
from src.weights.array_shapes import check_shapes
from src.weights.card import file_sha256
from src.weights.network_kinds import KINDS
from src.weights.network_weights import NetworkWeights

GRAPH_VERSION = 1  # changes with the graph writers, so that files of older ones are not taken
MakeGraph = Callable[..., Any]  # the arrays by name -> an onnx.ModelProto
_import_lock = threading.Lock()  # networks are opened side by side, but a process has one environment


def onnx_file(weights: NetworkWeights, folder: Path | str | None = None) -> Path:
    """The ONNX file of `weights`, made now if it is not there yet.

    Args:
        folder: where to keep it; None is `.cache` beside the weights, or, where that cannot be written, a folder
            that lasts as long as this process.

    Raises:
        UserError: the weights cannot be used, or `folder` cannot be written.
    """
    path = _cached(weights, folder)
    notes = path.with_suffix(".notes.txt")
    if _is_as_written(path):
        weights.notes.extend(_read_notes(notes))
        return path
    was_there = path.is_file() and _hash_file(path).exists()
    content = onnx_bytes(weights)
    try:
        if weights.notes or notes.exists():  # first, because a whole file is not made again
            write_atomically(notes, ["\n".join(weights.notes).encode()])
        write_atomically(path, [content])
        write_atomically(_hash_file(path), [_line_of(hashlib.sha256(content).hexdigest(), path)])
        clear_leftovers(path.parent)
    except UserError as error:
        if folder is not None:
            raise UserError(f"cache_dir: {error}") from None
        path = Path(_process_folder()) / path.name
        write_atomically(path, [content])
    if was_there:  # said once, so it is none of the notes that are kept
        weights.notes.append(f"{path} was not as it had been written, and was made anew")
    return path


def cache_state(weights: NetworkWeights, folder: Path | str | None = None) -> str:
    """The state, for a person, of the file that `onnx_file` would take, without making it."""
    path = _cached(weights, folder)
    if not path.is_file():
        return "not made yet; the first image makes it"
    if not _is_as_written(path):
        return f"{path} is not as it was written; the next image makes it anew"
    return f"{path}, as it was written"


def _cached(weights: NetworkWeights, folder: Path | str | None) -> Path:
    return (Path(folder) if folder is not None else weights.path.parent / ".cache") / onnx_name(weights)


def _hash_file(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _is_as_written(path: Path) -> bool:
    try:
        return path.is_file() and _small_file(_hash_file(path)) == _line_of(file_sha256(path), path)
    except (OSError, UserError):
        return False


def _line_of(digest: str, path: Path) -> bytes:
    """With the name, so that the file of other weights does not pass with its own hash."""
    return f"{digest}  {path.name}\n".encode()


def _read_notes(path: Path) -> list[str]:
    try:
        return [one_line(line) for line in _small_file(path).decode("utf-8", "replace").splitlines()]
    except (OSError, UserError):
        return []


def _small_file(path: Path) -> bytes:
    """Content of a hash or of notes; OSError for a pipe in their place, which would keep us waiting."""
    if not path.is_file():
        raise FileNotFoundError(str(path))
    return read_bounded(path, SMALL)


def onnx_name(weights: NetworkWeights) -> str:
    branch = KINDS[weights.network].has_branches and f"-{weights.card.lstm_branch}"
    return f"{weights.network}-{weights.sha256[:20]}{branch or ''}-g{GRAPH_VERSION}.onnx"


def _ctpn_graph() -> MakeGraph:
    from src.export.ctpn_onnx import ctpn_onnx  # noqa: PLC0415 - onnx is imported where a file is made

    return ctpn_onnx


def _crnn_graph() -> MakeGraph:
    from src.export.crnn_onnx import crnn_onnx  # noqa: PLC0415

    return crnn_onnx


_GRAPHS: dict[str, Callable[[], MakeGraph]] = {"ctpn": _ctpn_graph, "crnn": _crnn_graph}


def onnx_bytes(weights: NetworkWeights) -> bytes:
    """The network with `weights` as the content of an ONNX file.

    Raises:
        UserError: the file is damaged, or its arrays are not those of the network.
    """
    # onnx is imported on this path only: with a file in the cache nothing needs it.
    with _import_lock, _plain_protobuf():
        make = _GRAPHS[weights.network]()
    params = weights.params
    try:
        check_shapes(weights.network, params)
        return make(params).SerializeToString()
    except UserError as error:
        raise UserError(f"{weights.path}: {error}") from None


@contextmanager
def _plain_protobuf() -> Iterator[None]:
    """Import protobuf in pure Python, if it is not there yet.

    MindSpore's generated code cannot live with the other one, so that `import mindspore` would fail later in this
    process.
    """
    name = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"
    before = os.environ.get(name)
    os.environ.setdefault(name, "python")
    try:
        import google.protobuf.message  # noqa: F401, PLC0415

        yield
    finally:
        if before is None:
            del os.environ[name]


_own_folder: list[tempfile.TemporaryDirectory] = []


def _process_folder() -> str:
    if not _own_folder:
        _own_folder.append(tempfile.TemporaryDirectory(prefix="scene-text-onnx-"))
    return _own_folder[0].name
