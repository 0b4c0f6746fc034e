"""Detection samples with the output of the frozen layers in place of their image, kept on disk and drawn often.

The output of frozen layers for an image never changes, and computing it takes several times as long as a training
step of the layers after them. A file holds one sample: the features in half precision, 0.9 MB after conv5_2 for an
image of 576x384, and the targets.

Shapes: C channels, H W rows and columns of the features.
"""

import hashlib
import re
from pathlib import Path

import numpy as np

from pytorch.ctpn import Ctpn, backbone_blocks
from pytorch.detection_samples import NPZ_DAMAGES, DetectionSample
from src.common.atomic_file import replacing
from src.common.boxes import size_of
from src.common.errors import UserError
from src.common.options import OptionError

_KEY_FILE = "layers.txt"
_SAMPLE_FILE = re.compile(r"([0-9]{1,12})_([0-9]{1,6})x([0-9]{1,6})[.]npz")

Size = tuple[int, int]


class FeatureCache:
    """A folder of samples; above `capacity` new ones take the places of the oldest.

    Raises:
        UserError: the folder holds features of other layers; `key` (see `layers_key`) identifies them.
    """

    def __init__(self, folder: Path, key: str, capacity: int):
        self._folder, self._capacity = folder, capacity
        folder.mkdir(parents=True, exist_ok=True)
        check_key(folder, key)
        self._sizes: dict[int, Size] = {}
        self._slots: dict[Size, list[int]] = {}
        for file in sorted(folder.iterdir()):
            if found := _SAMPLE_FILE.fullmatch(file.name):
                slot, rows, columns = map(int, found.groups())
                self._enter(slot, (rows, columns))

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, number: int, sample: DetectionSample, features: np.ndarray) -> None:
        """Keep sample `number` with its features (C, H, W)."""
        slot, size = number % self._capacity, size_of(features[0])
        if slot in self._sizes:
            self._remove(slot)
        with replacing(self._file(slot, size), sync=False) as out:
            np.savez(out, **sample._replace(image=features.astype(np.float16))._asdict())
        self._enter(slot, size)

    def draw(self, rng: np.random.Generator, count: int) -> list[DetectionSample]:
        """`count` different samples of one size, fewer of a rare one; `image` is float16 (C, H, W).

        Files that are damaged are removed.

        Raises:
            UserError: all of them were.
        """
        while sizes := sorted(size for size, slots in self._slots.items() if slots):
            shares = np.array([len(self._slots[size]) for size in sizes], np.float64)
            size = sizes[int(rng.choice(len(sizes), p=shares / shares.sum()))]
            slots = rng.choice(self._slots[size], min(count, len(self._slots[size])), replace=False)
            if samples := [sample for slot in slots if (sample := self._read(int(slot), size))]:
                return samples
        raise UserError(f"feature_cache: the files in {self._folder} are damaged; remove the folder")

    def _read(self, slot: int, size: Size) -> DetectionSample | None:
        try:
            with np.load(self._file(slot, size), allow_pickle=False) as parts:
                return DetectionSample.of(parts)
        except NPZ_DAMAGES:
            self._remove(slot)
            return None

    def _remove(self, slot: int) -> None:
        size = self._sizes.pop(slot)
        self._slots[size].remove(slot)
        self._file(slot, size).unlink(missing_ok=True)

    def _enter(self, slot: int, size: Size) -> None:
        self._sizes[slot] = size
        self._slots.setdefault(size, []).append(slot)

    def _file(self, slot: int, size: Size) -> Path:
        return self._folder / f"{slot:06d}_{size[0]}x{size[1]}.npz"


def check_key(folder: Path, key: str) -> None:
    """Write `key` into an existing folder, or raise UserError where another one stands there."""
    file = folder / _KEY_FILE
    if file.exists() and file.read_bytes() != key.encode():
        raise OptionError(f"feature_cache: {folder} holds the features of other layers; give another folder")
    with replacing(file) as out:
        out.write(key.encode())


def layers_key(network: Ctpn, until: str) -> str:
    """The name of the last frozen layer and a hash of all up to it."""
    digest = hashlib.sha256()
    for block in backbone_blocks(network, until):
        for value in block.state_dict().values():
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return f"{until} {digest.hexdigest()}\n"
