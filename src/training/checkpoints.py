"""Checkpoints of a run: weights a user can take away, and beside them what a resumed run needs.

`ctpn-<epoch>_<step>.ckpt` holds the network's parameters and nothing else. `ctpn-<epoch>_<step>.state` holds
the optimizer, the counters and the random state, and the SHA-256 of its `.ckpt`. The state file is written
first: a `.ckpt` that is there has its state, and a pair cut short by a kill is recognized and passed over.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.common.atomic_file import write_atomically
from src.common.bounded_file import LARGE, read_bounded
from src.common.errors import UserError
from src.weights import mindspore_ckpt
from src.weights.card import drop_card

_META = "meta.json"


@dataclass(frozen=True)
class Snapshot:
    """A run between two steps.

    `weights` and `optimizer` are arrays by name; `progress` is a dict of JSON values with at least `epoch`
    (from 1) and `step` (steps done in that epoch).
    """

    weights: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray]
    progress: dict


class CheckpointFolder:
    """The checkpoints of one run, newest last, at most `keep_max` of them (0: all).

    Args:
        folder: where they are; made on the first save.
        prefix: first part of the file names.
        keep_max: older pairs beyond it are removed after a save.
        log: receives a line for the user when a damaged pair is passed over.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        prefix: str = "ctpn",
        keep_max: int = 5,
        log: Callable[[str], None] = print,
    ):
        self.folder = Path(folder)
        self.prefix = prefix
        self.keep_max = keep_max
        self.log = log

    def existing(self) -> list[Path]:
        """The `.ckpt` files of this prefix, by epoch and step."""
        pattern = re.compile(re.escape(self.prefix) + r"-(\d+)_(\d+)\.ckpt")
        matches = [(pattern.fullmatch(path.name), path) for path in self.folder.glob(f"{self.prefix}-*.ckpt")]
        return [path for _, path in sorted((tuple(map(int, m.groups())), path) for m, path in matches if m)]

    def save(self, snapshot: Snapshot) -> Path:
        """Write the pair and remove what is beyond `keep_max`. Returns the `.ckpt`."""
        progress = snapshot.progress
        path = self.folder / f"{self.prefix}-{progress['epoch']}_{progress['step']}.ckpt"
        # Encoded twice, so that the file is never in memory as a whole.
        digest = hashlib.sha256()
        for piece in mindspore_ckpt.encode(snapshot.weights):
            digest.update(piece)
        meta = {"weights_sha256": digest.hexdigest(), "progress": progress}
        write_atomically(path.with_suffix(".state"), [_pack(snapshot.optimizer, meta)])
        write_atomically(path, mindspore_ckpt.encode(snapshot.weights))
        self._remove_old()
        return path

    def load_newest(self) -> Snapshot | None:
        """The newest pair that is complete and undamaged, None if there is no `.ckpt` at all.

        Raises:
            UserError: there are checkpoints, but none is usable.
        """
        paths = self.existing()
        for path in reversed(paths):
            try:
                return self.load(path)
            except UserError as error:
                self.log(f"checkpoint passed over: {error}")
        if paths:
            raise UserError(f"resume: none of the {len(paths)} checkpoints in {self.folder} is usable")
        return None

    def load(self, path: Path) -> Snapshot:
        """The pair of the `.ckpt` at `path`; UserError if a part is missing or damaged."""
        state_path = path.with_suffix(".state")
        try:
            state, weights = read_bounded(state_path, LARGE), read_bounded(path, LARGE)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror} ({error.filename})") from None
        try:
            optimizer, meta = _unpack(state)
        except (ValueError, KeyError, RecursionError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise UserError(f"{state_path}: damaged ({error})") from None
        if hashlib.sha256(weights).hexdigest() != meta["weights_sha256"]:
            raise UserError(f"{path}: not the file that its .state was written for, or damaged")
        return Snapshot(mindspore_ckpt.decode(weights), optimizer, meta["progress"])

    def save_best(self, weights: dict[str, np.ndarray], metrics: dict) -> Path:
        """Write `best_acc.ckpt` and `best_acc.json` with its metrics; the card of an earlier file is removed."""
        path = self.folder / "best_acc.ckpt"
        drop_card(path)
        write_atomically(path, mindspore_ckpt.encode(weights))
        write_atomically(path.with_suffix(".json"), [json.dumps(metrics, indent=2).encode() + b"\n"])
        return path

    def _remove_old(self) -> None:
        for leftover in self.folder.glob(f".{self.prefix}-*.tmp"):  # of a process killed while it wrote
            leftover.unlink(missing_ok=True)
        if self.keep_max <= 0:
            return
        for path in self.existing()[: -self.keep_max]:
            try:
                # Weights first: a kill between the two leaves a lone state file, which resume does not see.
                path.unlink(missing_ok=True)
                path.with_suffix(".state").unlink(missing_ok=True)
            except OSError as error:
                self.log(f"old checkpoint not removed: {path}: {error.strerror}")


def _pack(arrays: dict[str, np.ndarray], meta: dict) -> bytes:
    """An `.npz` (each member has its CRC) with the meta data as a JSON member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]
        archive.writestr(_META, json.dumps(meta))
    return buffer.getvalue()


def _unpack(data: bytes) -> tuple[dict[str, np.ndarray], dict]:
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("compressed, which no state is")
        for name in archive.namelist():
            content = io.BytesIO(archive.read(name))  # whole, so that the CRC is checked
            if name != _META:
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(  # type: ignore[no-untyped-call]
                    content, allow_pickle=False
                )
        meta = json.loads(archive.read(_META))
        if not isinstance(meta, dict) or not isinstance(meta["progress"], dict):
            raise ValueError("no progress of a training")
        return arrays, meta
