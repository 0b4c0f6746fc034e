"""Images in a folder, known by the endings of their names."""

from collections.abc import Iterable
from pathlib import Path

from src.common.bounded_file import is_special

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".pbm", ".pgm", ".ppm", ".pnm"}
    | {".tif", ".tiff", ".webp", ".jp2", ".avif"}
)


def image_files(folder: Path, without: Iterable[Path] = ()) -> list[Path]:
    """Files below `folder` that are images by their ending, and links that lead nowhere; no pipes, no folders.

    without: folders of results, which are no images to look at.
    """
    found = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    files = sorted(path for path in found if not path.is_dir() and not is_special(path))
    results = [path.resolve() for path in without]
    if not results:
        return files
    left_out = {
        place for place in {path.parent for path in files} if any(map(place.resolve().is_relative_to, results))
    }
    return [path for path in files if path.parent not in left_out]
