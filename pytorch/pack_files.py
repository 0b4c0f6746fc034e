"""What the pack of data is made of: images, words and backgrounds as small WebP files, and archives of them."""

import tarfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from pytorch.detection_images import AnnotatedImage
from src.common.atomic_file import writing
from src.common.errors import UserError
from src.data.detection.set_plan import file_digest
from src.data.images.decode import decode_image
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter

WORD_HEIGHT = 64
Preset = Literal[2, 6]  # of xz: WebP hardly gets smaller, so more than 2 only costs time


def shrink(image: np.ndarray, longest: int) -> np.ndarray:
    """The image (H, W) or (H, W, 3) with its longer side `longest` at most."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def webp(image: np.ndarray, quality: int) -> bytes:
    """The file of an RGB (H, W, 3) or gray (H, W) image."""
    bgr = np.ascontiguousarray(image[:, :, ::-1]) if image.ndim == 3 else image
    return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()


def label_lines(image: AnnotatedImage, scale: Sequence[float]) -> str:
    """Labels of the image after scaling it by (x, y): a line `x1, y1, x2, y2, "text"` for each box."""
    outer = np.array([0, 0, 1, 1])  # inclusive corners become edges, which is what scales
    scaled = np.rint((image.boxes + outer) * [*scale, *scale] - outer).astype(int)
    return "".join(
        f'{x1}, {y1}, {max(x2, x1 + 1)}, {max(y2, y1 + 1)}, "{"###" if ignored else "text"}"\n'
        for (x1, y1, x2, y2), ignored in zip(scaled, image.ignored, strict=True)
    )


def put_images(folder: Path, images: Iterable[AnnotatedImage], longest: int, quality: int) -> list[str]:
    """Write images/*.webp and gt/gt_*.txt; returns the names of the images.

    Raises:
        UserError: two images that differ in nothing but their folder or suffix.
    """
    for kind in ("images", "gt"):
        (folder / kind).mkdir(parents=True)
    names: dict[str, str] = {}
    for image in images:
        stem = Path(image.name).stem
        if stem in names.values():
            raise UserError(f"{folder.name}: two images are called {stem}; give them names of their own")
        names[f"{stem}.webp"] = stem
        pixels = image.decode()
        small = shrink(pixels, longest)
        scale = [after / before for after, before in zip(small.shape[1::-1], pixels.shape[1::-1], strict=True)]
        with writing(folder / "images" / f"{stem}.webp") as path:
            path.write_bytes(webp(small, quality))
        with writing(folder / "gt" / f"gt_{stem}.txt") as path:
            path.write_text(label_lines(image, scale), encoding="utf-8")
    return list(names)


def put_words(target: Path, source: LmdbWords, quality: int) -> None:
    """Copy a word LMDB with its images gray and WORD_HEIGHT high at most."""
    with LmdbWriter(target) as writer:
        for index in range(len(source)):
            gray, text = source.sample(index)
            scale = WORD_HEIGHT / gray.shape[0]
            if scale < 1:
                size = (max(1, round(gray.shape[1] * scale)), WORD_HEIGHT)
                gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
            writer.add(webp(gray, quality), text)


def put_backgrounds(
    folder: Path, photographs: Sequence[Path], without: Collection[str], longest: int, quality: int
) -> int:
    """Write the photographs, except those with the digests `without`; returns how many."""
    folder.mkdir()
    kept = [path for path in photographs if file_digest(path) not in without]
    for number, path in enumerate(kept):  # numbered: folders may use the same names
        content = webp(shrink(decode_image(path), longest), quality)
        with writing(folder / f"{number:05d}.webp") as target:
            target.write_bytes(content)
    return len(kept)


def write_archive(archive: Path, members: Iterable[tuple[Path, str]], preset: Preset) -> None:
    """Write (file or folder, name in the archive) pairs, without the lock files of LMDBs."""

    def without_locks(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if member.name.endswith("lock.mdb") else member

    with writing(archive), tarfile.open(archive, "w:xz", preset=preset) as tar:
        for path, name in members:
            tar.add(path, name, filter=without_locks)
