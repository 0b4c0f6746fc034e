"""What to build: a set, its sources and its place; and how an image file is known again."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from src.data.detection.annotations.labeled_image import LabeledImage
from src.data.detection.annotations.sources import Source
from src.data.images.decode import ImageError, read_bytes


@dataclass(frozen=True)
class SetPlan:
    """One set to build: "pretrain", "finetune" or "test"; `not_configured` names data sets left out of it."""

    set_name: str
    sources: list[Source]
    output_dir: Path
    shards: int
    not_configured: list[str]

    @property
    def file_name(self) -> str:
        return f"ctpn_{self.set_name}.mindrecord"


def file_digests(images: Iterable[LabeledImage]) -> frozenset[str]:
    """SHA-256 of the image files, which knows an image again under any name. Bad files have none."""
    digests = set()
    for image in images:
        try:
            digests.add(file_digest(image.path))
        except ImageError:
            continue
    return frozenset(digests)


def file_digest(path: Path) -> str:
    """SHA-256 of one image file; ImageError when it cannot be read."""
    return hashlib.sha256(read_bytes(path)).hexdigest()
