"""Labeled images -> one MindRecord set with its report."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from src.common.image_name import image_name
from src.common.printable import printable
from src.data.detection.annotations.fit_boxes import FittedBoxes, fit_boxes
from src.data.detection.annotations.labeled_image import LabeledImage
from src.data.detection.mindrecord_writer import MindRecordWriter
from src.data.detection.record import SCHEMA, pack_annotation
from src.data.detection.report import DataSetReport, SetReport, TooManyBadError
from src.data.detection.sample_drawing import SampleFolder
from src.data.detection.set_plan import SetPlan, file_digest
from src.data.images.decode import ImageError
from src.data.images.storage import StoredImage, storable_image
from src.data.loading.prefetch import map_in_order, usable_cores

MIN_SIDE = 8  # pixels; less than that is an icon or a damaged file, and no text fits into it
_JUDGED_EVERY = 200  # images
ALSO_IN_TEST = "also in the test set"


@dataclass(frozen=True)
class _Task:
    report: DataSetReport
    image: LabeledImage
    record_name: str


@dataclass(frozen=True)
class _Prepared:
    stored: StoredImage
    boxes: FittedBoxes


def build_set(
    plan: SetPlan,
    *,
    max_bad_ratio: float,
    max_pixels: int,
    excluded_digests: frozenset[str] = frozenset(),
    draw_samples: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SetReport:
    """Decode every image of the plan once, store the good ones, and report on all.

    Writes `<file_name>[0..7]` and `ctpn_<set>_report.json` into the plan's folder, and with `draw_samples`
    that many images with their boxes into its `samples/`. The report is written even when the set fails.
    Images whose file has one of `excluded_digests` (see `file_digests`) are left out: they belong to the
    test set. `progress(done, total)` is called after each image.

    Raises:
        AnnotationError: a folder or label file cannot be used.
        TooManyBadError: a data set has more bad images or boxes than `max_bad_ratio`; nothing is replaced.
    """
    tasks, reports = _read_sources(plan)
    report = SetReport(
        set_name=plan.set_name,
        mindrecord_file="",
        shards=plan.shards,
        data_sets=reports,
        not_configured=plan.not_configured,
    )
    samples = SampleFolder(plan.output_dir / "samples", f"ctpn_{plan.set_name}", draw_samples, len(tasks))
    with (
        _written_in_any_case(report, plan.output_dir),
        MindRecordWriter(plan.output_dir, plan.file_name, SCHEMA, shards=plan.shards) as writer,
    ):
        workers = workers or usable_cores()
        # A few images ahead, so that memory stays bounded. Decoders and encoders release the interpreter's lock.
        outcomes = map_in_order(
            lambda task: _prepare(task, max_pixels, excluded_digests), tasks, num_workers=workers, ahead=2 * workers
        )
        for done, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True), start=1):
            row = _account(task, outcome)
            if row is not None:
                writer.add(row)
                samples.offer(done - 1, task.record_name, row["image"], row["annotation"])
            if progress is not None:
                progress(done, len(tasks))
            if done % _JUDGED_EVERY == 0:
                report.check_early(max_bad_ratio)
        report.check(max_bad_ratio)
        report.mindrecord_file = str(writer.publish())
        samples.write()
    return report


@contextlib.contextmanager
def _written_in_any_case(report: SetReport, folder: Path) -> Iterator[None]:
    try:
        yield
    except TooManyBadError:
        report.write(folder / f"ctpn_{report.set_name}_report.json")
        raise
    report.write(folder / f"ctpn_{report.set_name}_report.json")


def _read_sources(plan: SetPlan) -> tuple[list[_Task], list[DataSetReport]]:
    found: list[tuple[DataSetReport, LabeledImage]] = []
    reports = []
    for source in plan.sources:
        data_set = source.read()
        report = DataSetReport(
            source.label,
            layout=data_set.layout,
            expected_images=len(data_set.images),
            expected_boxes=sum(len(image.boxes) + image.problems.total() for image in data_set.images),
            skipped=data_set.skipped.copy(),
        )
        reports.append(report)
        found += [(report, image) for image in data_set.images]
    # A record holds no name that is not UTF-8.
    names = [image_name(PurePosixPath(image.name)) for _, image in found]
    counts = Counter(names)
    # Results are matched by name, so a name that two data sets share gets the data set in front.
    return [
        _Task(report, image, name if counts[name] == 1 else f"{report.label}/{name}")
        for (report, image), name in zip(found, names, strict=True)
    ], reports


def _prepare(task: _Task, max_pixels: int, excluded_digests: frozenset[str]) -> _Prepared | str | ImageError:
    """The record's parts, a reason to skip the image, or why it is bad. Runs in a worker thread."""
    image = task.image
    if image.missing:
        return ImageError(image.missing, str(image.path))
    try:
        if excluded_digests and file_digest(image.path) in excluded_digests:
            return ALSO_IN_TEST
        stored = storable_image(image.path, max_pixels=max_pixels)
    except ImageError as error:
        return error
    header = stored.header
    if min(header.height, header.width) < MIN_SIDE:
        return ImageError("too small", str(image.path), f"{header.width}x{header.height}")
    return _Prepared(stored, fit_boxes(image, header))


def _account(task: _Task, outcome: _Prepared | str | ImageError) -> dict | None:
    """Enter one outcome into the report; the MindRecord row of a good image."""
    report = task.report
    if isinstance(outcome, str):
        report.skipped[outcome] += 1
        return None
    if isinstance(outcome, ImageError):
        report.reject(printable(str(task.image.path)), outcome.reason)
        return None
    stored, fitted = outcome.stored, outcome.boxes
    report.accepted += 1
    report.without_text += int(len(fitted.boxes) == 0)
    report.ignored_boxes += int(fitted.ignored.sum())
    report.text_boxes += int((~fitted.ignored).sum())
    report.rejected_boxes += fitted.problems
    report.repaired_boxes += fitted.repaired
    if stored.reencoded:
        report.encoded_anew[stored.reencoded] += 1
    return {
        "image": stored.data,
        "annotation": pack_annotation(fitted.boxes, fitted.ignored),
        "file_name": task.record_name,
        "image_size": np.array([stored.header.height, stored.header.width], dtype=np.int32),
    }
