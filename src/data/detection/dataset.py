"""Batches for training and evaluating CTPN, from MindRecord or a folder of images."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import UserError
from src.common.image_name import image_name
from src.data.detection.mindrecord_reader import MindRecordSource
from src.data.detection.preprocess import preprocess
from src.data.detection.record import SCHEMA, pack_annotation, parse_annotation
from src.data.images.decode import ImageError, decode_image
from src.data.images.folder import image_files
from src.data.loading.bad_samples import BadSamples
from src.data.loading.epoch_order import count_steps, epoch_order
from src.data.loading.prefetch import batches_ahead, clamp_workers

COLUMNS = {name: SCHEMA[name]["type"] for name in ("image", "annotation", "file_name")}
# Records of the model zoo have no file names; only an evaluation needs them.
TRAIN_COLUMNS = {name: COLUMNS[name] for name in ("image", "annotation")}

MakeSample = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, ...]]


class CtpnTrainData:
    """Training batches: a function of (seed, epoch, step), whatever the number of workers.

    Args:
        mindrecord_file: the file, its first shard or its name without the shard's number.
        make_sample: (RGB image, boxes (K, 4), ignored (K,), rng) -> tuple of arrays, from several threads.
        batch_size: images per step on this rank.
        num_workers: threads; never more than the cores at hand.
        prefetch: batches kept ready.
        max_bad_ratio: a record that cannot be decoded is named in `report` and the next good one takes its place;
            more than this share of the data set raises UserError.

    A data set smaller than a step is repeated to fill it.

    Raises:
        UserError: an unusable file or option.
    """

    def __init__(
        self,
        mindrecord_file: str | Path,
        make_sample: MakeSample,
        *,
        batch_size: int,
        seed: int = 1,
        rank_id: int = 0,
        rank_size: int = 1,
        num_workers: int | None = None,
        max_bad_ratio: float = 0.05,
        prefetch: int = 2,
    ) -> None:
        self._make = make_sample
        _check_part(batch_size, rank_id, rank_size)
        self._source = open_training_records(mindrecord_file)
        self.batch_size = batch_size
        self.num_samples = len(self._source)
        self.steps_per_epoch = count_steps(self.num_samples, batch_size, rank_size)
        self.report = BadSamples(self.num_samples, max_bad_ratio)
        self._seed = seed
        self._part = {"batch_size": batch_size, "rank_id": rank_id, "rank_size": rank_size}
        self._num_workers = clamp_workers(num_workers)
        self._prefetch = max(prefetch, 1)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """Batches of image (B, 3, H, W) float32, labels (B, N) int32, delta targets and weights (B, N, 4).

        `first_step` continues an epoch where it was stopped, with the batches that would have come.
        """
        order = epoch_order(self.num_samples, epoch, seed=self._seed, **self._part)[first_step:].ravel()
        jobs = ((epoch, int(i), row) for i, row in zip(order, self._source.read(order.tolist()), strict=True))
        return batches_ahead(
            self._sample,
            jobs,
            _stack,
            batch_size=self.batch_size,
            num_workers=self._num_workers,
            depth=self._prefetch,
        )

    def _sample(self, job: tuple[int, int, dict]) -> tuple[np.ndarray, ...]:
        epoch, index, row = job
        rng = np.random.default_rng([self._seed, epoch, index])
        for following in range(index + 1, index + 1 + self.num_samples):
            name = row.get("file_name") or f"record {(following - 1) % self.num_samples}"
            content = _read(row, name, self.report)
            if content is not None:
                return self._make(*content, rng)
            row = next(self._source.read([following % self.num_samples]))
        raise UserError(f"none of the {self.num_samples} records can be used")


def open_training_records(mindrecord_file: str | Path) -> MindRecordSource:
    """The records of a training set, with their file names where it has them. Raises UserError."""
    source = MindRecordSource(mindrecord_file, TRAIN_COLUMNS)
    return MindRecordSource(mindrecord_file, COLUMNS) if "file_name" in source.held else source


class CtpnEvalData:
    """Evaluation batches in the order of the source, each image on exactly one rank.

    Args:
        source: a MindRecord data set as for training, or a folder of images (searched with its sub-folders),
            whose ground truth is empty. An image that cannot be decoded is left out and named in `report`.
        without: folders of results, whose images are not among those of `source`.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        batch_size: int,
        image_size: tuple[int, int],
        keep_ratio: bool = False,
        rank_id: int = 0,
        rank_size: int = 1,
        num_workers: int | None = None,
        max_bad_ratio: float = 0.05,
        prefetch: int = 2,
        without: Iterable[Path] = (),
    ) -> None:
        _check_part(batch_size, rank_id, rank_size)
        source = Path(source)
        self._paths: list[Path] = []
        if source.is_dir():
            self._paths = image_files(source, without)
            if not self._paths:
                raise UserError(f"{source}: no images in this folder")
            self.num_samples = len(self._paths)
        else:
            self._records = MindRecordSource(source, COLUMNS)
            self.num_samples = len(self._records)
        self._source = source
        self.batch_size = batch_size
        self.image_size = image_size
        self.keep_ratio = keep_ratio
        self.report = BadSamples(self.num_samples, max_bad_ratio)
        self._indices = range(rank_id, self.num_samples, rank_size)
        self._num_workers = clamp_workers(num_workers)
        self._prefetch = max(prefetch, 1)

    def __iter__(self) -> Iterator[dict]:
        """Dicts of one batch; the last may hold fewer images.

        "images" (B, 3, H, W) float32; "pixels" list of the RGB images, uint8 of their own sizes;
        "indices" list of places in the source; "file_names" list; "sizes" (B, 2) int32, the image's (height, width);
        "scales" (B, 2) float32, input pixels per image pixel (x, y); "boxes" list of (K, 4) float32 in
        pixels of the image, inclusive corners; "ignored" list of (K,) bool.
        """
        return batches_ahead(
            self._sample,
            zip(self._indices, self._rows(), strict=True),
            _collate,
            batch_size=self.batch_size,
            num_workers=self._num_workers,
            depth=self._prefetch,
        )

    def _rows(self) -> Iterator[dict]:
        if not self._paths:
            yield from self._records.read(self._indices)
            return
        nothing = pack_annotation(np.zeros((0, 4)), np.zeros(0))
        for path in self._paths[self._indices.start :: self._indices.step]:
            name = image_name(path.relative_to(self._source))
            yield {"image": path, "annotation": nothing, "file_name": name}

    def _sample(self, job: tuple[int, dict]) -> dict | None:
        index, row = job
        content = _read(row, row["file_name"], self.report)
        if content is None:
            return None
        image, boxes, ignored = content
        planes, scale = preprocess(image, self.image_size, self.keep_ratio)
        return {
            "images": planes,
            "pixels": image,
            "indices": index,
            "file_names": row["file_name"],
            "sizes": image.shape[:2],
            "scales": scale,
            "boxes": boxes,
            "ignored": ignored,
        }


def _check_part(batch_size: int, rank_id: int, rank_size: int) -> None:
    if batch_size < 1 or not 0 <= rank_id < rank_size:
        raise ValueError(f"batch size {batch_size} on rank {rank_id} of {rank_size} is not possible")


def _read(row: dict, name: str, report: BadSamples) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Image, boxes and ignored of a record; None, noted in `report`, where it is damaged."""
    source = row["image"]
    try:
        boxes, ignored = parse_annotation(row["annotation"])
        source = source if isinstance(source, Path) else source.tobytes()
        return decode_image(source, name=name), boxes, ignored
    except UserError as error:
        report.add(name, error.reason if isinstance(error, ImageError) else str(error))
        return None


def _stack(samples: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    return tuple(np.stack(parts) for parts in zip(*samples, strict=True))


def _collate(samples: list[dict]) -> dict:
    batch: dict[str, Any] = {key: [sample[key] for sample in samples] for key in samples[0]}
    batch["images"] = np.stack(batch["images"])
    batch["sizes"] = np.array(batch["sizes"], np.int32)
    batch["scales"] = np.array(batch["scales"], np.float32)
    return batch
