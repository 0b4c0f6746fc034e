"""What became of every image and box of a set: counts by data set and reason, as JSON and as a table."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Group
from rich.table import Table

from src.common.atomic_file import write_json
from src.common.errors import UserError

MAX_NAMED_FILES = 1000


class TooManyBadError(UserError):
    """More images or boxes of a data set are bad than the configuration allows."""


@dataclass
class DataSetReport:
    """Counts of one data set. Skipped images are left out on purpose and are not bad.

    Attributes:
        expected_images, expected_boxes: how many the labels name, good or bad, before any image is read.
    """

    label: str
    layout: str = ""
    expected_images: int = 0
    expected_boxes: int = 0
    accepted: int = 0
    without_text: int = 0
    rejected: Counter = field(default_factory=Counter)
    skipped: Counter = field(default_factory=Counter)
    encoded_anew: Counter = field(default_factory=Counter)
    text_boxes: int = 0
    ignored_boxes: int = 0
    rejected_boxes: Counter = field(default_factory=Counter)
    repaired_boxes: Counter = field(default_factory=Counter)
    rejected_files: list[tuple[str, str]] = field(default_factory=list)

    def reject(self, name: str, reason: str) -> None:
        self.rejected[reason] += 1
        if len(self.rejected_files) < MAX_NAMED_FILES:
            self.rejected_files.append((name, reason))

    @property
    def bad_images(self) -> tuple[int, int]:
        """(bad, all) images."""
        bad = self.rejected.total()
        return bad, bad + self.accepted

    @property
    def bad_boxes(self) -> tuple[int, int]:
        """(bad, all) boxes; repaired ones are good."""
        bad = self.rejected_boxes.total()
        return bad, bad + self.text_boxes + self.ignored_boxes

    def reasons(self) -> dict[str, Counter]:
        """Every count that has reasons, by what it counts."""
        return {
            "bad image": self.rejected,
            "skipped image": self.skipped,
            "encoded anew": self.encoded_anew,
            "bad box": self.rejected_boxes,
            "repaired box": self.repaired_boxes,
        }

    def to_dict(self) -> dict:
        return {
            "data_set": self.label,
            "label_format": self.layout,
            "images": {
                "accepted": self.accepted,
                "accepted_without_text": self.without_text,
                "rejected": dict(self.rejected),
                "skipped": dict(self.skipped),
                "encoded_anew": dict(self.encoded_anew),
            },
            "boxes": {
                "text": self.text_boxes,
                "ignored": self.ignored_boxes,
                "rejected": dict(self.rejected_boxes),
                "repaired": dict(self.repaired_boxes),
            },
            "rejected_files": [{"file": name, "reason": reason} for name, reason in self.rejected_files],
        }


@dataclass
class SetReport:
    """The reports of the data sets of one MindRecord set ("pretrain", "finetune" or "test")."""

    set_name: str
    mindrecord_file: str
    shards: int
    data_sets: list[DataSetReport]
    not_configured: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return sum(report.accepted for report in self.data_sets)

    def check(self, max_bad_ratio: float) -> None:
        """Raise TooManyBadError when a data set has more bad images or boxes than this share."""
        for report in self.data_sets:
            for what, (bad, total), reasons in (
                ("images", report.bad_images, report.rejected),
                ("boxes", report.bad_boxes, report.rejected_boxes),
            ):
                if total and bad / total > max_bad_ratio:
                    share = f"{bad} of {total} {what} are bad, more than max_bad_ratio {max_bad_ratio:g}"
                    raise TooManyBadError(f"{self.set_name}, {report.label}: {share} ({_listing(reasons)})")
        if self.accepted == 0:
            raise TooManyBadError(f"{self.set_name}: no usable image ({self._why_none()})")

    def check_early(self, max_bad_ratio: float) -> None:
        """Raise TooManyBadError when so much is bad that no good image to come can bring the share down."""
        for report in self.data_sets:
            for what, bad, total, reasons in (
                ("images", report.bad_images[0], report.expected_images, report.rejected),
                ("boxes", report.bad_boxes[0], report.expected_boxes, report.rejected_boxes),
            ):
                if bad > max_bad_ratio * total:
                    share = f"{bad} of {total} {what} are bad already, more than max_bad_ratio {max_bad_ratio:g}"
                    raise TooManyBadError(f"{self.set_name}, {report.label}: {share} ({_listing(reasons)})")

    def _why_none(self) -> str:
        """What became of the images of each data set, in a few words."""
        parts = []
        for report in self.data_sets:
            reasons = _listing(report.rejected + report.skipped)
            parts.append(f"{report.label}: {reasons or 'no image'}")
        return "; ".join([*parts, *(f"{name}: not configured" for name in self.not_configured)])

    def to_dict(self) -> dict:
        return {
            "set": self.set_name,
            "mindrecord_file": self.mindrecord_file,
            "shards": self.shards,
            "images_accepted": self.accepted,
            "images_rejected": sum(report.rejected.total() for report in self.data_sets),
            "text_boxes": sum(report.text_boxes for report in self.data_sets),
            "ignored_boxes": sum(report.ignored_boxes for report in self.data_sets),
            "boxes_rejected": sum(report.rejected_boxes.total() for report in self.data_sets),
            "not_configured": self.not_configured,
            "data_sets": [report.to_dict() for report in self.data_sets],
        }

    def write(self, path: Path) -> None:
        """Write the JSON whole or not at all."""
        write_json(path, self.to_dict())

    def table(self) -> Group:
        """The counts and, where there are any, the reasons; printed by rich."""
        counts = Table(title=f"{self.set_name}: {self.accepted} images")
        counts.add_column("data set", no_wrap=True)
        for heading in ("good", "bad", "skipped", "no\ntext", "boxes", "ignored", "bad\nboxes"):
            counts.add_column(heading, justify="right", no_wrap=True)
        reasons = Table(title="details")
        for heading in ("data set", "what", "reason"):
            reasons.add_column(heading)
        reasons.add_column("count", justify="right")
        for report in self.data_sets:
            numbers = (
                report.accepted,
                report.rejected.total(),
                report.skipped.total(),
                report.without_text,
                report.text_boxes,
                report.ignored_boxes,
                report.rejected_boxes.total(),
            )
            counts.add_row(report.label, *map(str, numbers))
            reasons.add_row(report.label, "label format", report.layout, "")
            for what, why in report.reasons().items():
                for reason, count in why.most_common():
                    reasons.add_row(report.label, what, reason, str(count))
        return Group(counts, reasons)


def _listing(reasons: Counter) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
