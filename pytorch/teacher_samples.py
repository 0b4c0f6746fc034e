"""The outputs of a large detector for augmented images, kept in small files, for a small detector to learn from.

A file holds the image as JPEG, the teacher's probability of text at every anchor in 256 steps, its offsets in half
precision where that probability counts, and the targets of the sample: 0.1 MB for 576x384.

Shapes: B batch, H and W image height and width, N anchors, m anchors where the teacher sees text.
"""

import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from pytorch.detection_feed import to_device
from pytorch.detection_samples import NPZ_DAMAGES, DetectionSample
from src.common.atomic_file import replacing
from src.common.errors import UserError
from src.common.options import OptionError
from src.data.detection.augment import change_pixels
from src.data.detection.options import AugmentOptions

LEAST_PROBABILITY = 0.05  # of text, where offsets are kept
JPEG_QUALITY = 92
_NAME = re.compile(r"([0-9]{1,12})_([0-9]{1,6}x[0-9]{1,6})[.]npz")


class TeacherSample(NamedTuple):
    """A sample, and the teacher's probability uint8 (N,), anchors int32 (m,) and their offsets float16 (m, 4)."""

    sample: DetectionSample
    probability: np.ndarray
    seen: np.ndarray
    offsets: np.ndarray


class TeacherBatch(NamedTuple):
    """As `DetectionBatch`; probability float32 (B, N) and offsets float32 (B, N, 4) are the teacher's, the latter 0
    where it sees no text."""

    images: torch.Tensor
    labels: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    probability: torch.Tensor
    offsets: torch.Tensor


def teacher_sample(sample: DetectionSample, score_map: np.ndarray, delta_map: np.ndarray) -> TeacherSample:
    """The targets of a sample from the maps (2A, h, w) and (4A, h, w) of the teacher."""
    scores = score_map.reshape(-1, 2, *score_map.shape[1:]).transpose(2, 3, 0, 1).reshape(-1, 2).astype(np.float64)
    deltas = delta_map.reshape(-1, 4, *delta_map.shape[1:]).transpose(2, 3, 0, 1).reshape(-1, 4)
    probability = 1 / (1 + np.exp(np.clip(scores[:, 0] - scores[:, 1], -30, 30)))
    seen = np.flatnonzero(probability >= LEAST_PROBABILITY).astype(np.int32)
    return TeacherSample(sample, np.rint(255 * probability).astype(np.uint8), seen, deltas[seen].astype(np.float16))


def write_sample(file: Path, made: TeacherSample) -> None:
    """Write one file."""
    bgr = cv2.cvtColor(made.sample.image, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    arrays = {**made.sample._replace(image=jpeg)._asdict(), **made._asdict()}
    del arrays["sample"]
    with replacing(file, sync=False) as out:
        np.savez_compressed(out, **arrays)


def read_sample(file: Path) -> TeacherSample:
    """Read one file. Raises UserError for a damaged one."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            sample = DetectionSample.of(arrays)
            image = cv2.cvtColor(cv2.imdecode(sample.image, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            rest = {name: arrays[name] for name in TeacherSample._fields if name != "sample"}
    except (*NPZ_DAMAGES, cv2.error) as error:
        raise UserError(
            f"{file} is damaged; remove it, and make_teacher_samples.py makes it anew ({error})"
        ) from error
    return TeacherSample(sample._replace(image=image), **rest)


def find_samples(folder: Path) -> dict[int, tuple[str, Path]]:
    """Number of each sample in a folder -> its size, as in its name, and its file; other files are passed over."""
    found = ((_NAME.fullmatch(file.name), file) for file in sorted(folder.iterdir()))
    return {int(name[1]): (name[2], file) for name, file in found if name}


class TeacherFeed:
    """Batches of samples of one size from a folder, in an order that the seed and the position decide.

    Each time an image is drawn its light, colors, sharpness and noise change; its geometry cannot,
    because the teacher's maps belong to it.

    Raises:
        UserError: no files in the folder.
    """

    def __init__(
        self,
        folder: Path,
        options: AugmentOptions,
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        position: int = 0,
    ):
        self._by_size: dict[str, list[Path]] = {}
        for size, file in find_samples(folder).values() if folder.is_dir() else ():
            self._by_size.setdefault(size, []).append(file)
        if not self._by_size:
            raise OptionError(f"teacher_samples: no samples in {folder}; make them with make_teacher_samples.py")
        self._options, self._batch_size, self._seed, self._device = options, batch_size, seed, device
        self._position = position

    def batch(self, _stage: int) -> TeacherBatch:
        """The next batch."""
        rng = np.random.default_rng([self._seed, self._position])
        sizes = sorted(self._by_size)
        shares = np.array([len(self._by_size[size]) for size in sizes], np.float64)
        files = self._by_size[sizes[int(rng.choice(len(sizes), p=shares / shares.sum()))]]
        chosen = rng.choice(len(files), min(self._batch_size, len(files)), replace=False)
        made = [read_sample(files[int(index)]) for index in chosen]
        self._position += 1
        images = [change_pixels(item.sample.image, rng, self._options) for item in made]
        samples = [item.sample._replace(image=image) for item, image in zip(made, images, strict=True)]
        probability = torch.from_numpy(np.stack([item.probability for item in made])).to(self._device).float() / 255
        offsets = torch.zeros((*probability.shape, 4), device=self._device)
        for row, item in enumerate(made):
            offsets[row, item.seen.astype(np.int64)] = torch.from_numpy(item.offsets).to(self._device).float()
        return TeacherBatch(*to_device(samples, self._device), probability, offsets)

    def state(self) -> dict[str, int]:
        """What another part of the training needs to go on."""
        return {"position": self._position}

    def close(self) -> None:
        pass
