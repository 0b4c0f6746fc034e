"""Write scenes as a folder in ICDAR 2013 format, with a manifest of how it was made."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2

from src.common.atomic_file import write_json, writing
from src.common.build_folder import build_folder
from src.common.options import OptionError
from src.data.loading.processes import ordered_results
from src.data.synthesis.documents import DocumentSource
from src.data.synthesis.manifest import MANIFEST, describe_run, refuse_finished
from src.data.synthesis.scene_paint import Box
from src.data.synthesis.scenes import SceneSource

KINDS = ("images", "gt", "gt_lines")


def _write_scene(source: SceneSource | DocumentSource, folder: Path, quality: int, index: int) -> tuple[int, int]:
    """Draw scene `index`, write its three files, and return the number of its words and lines."""
    scene = source.sample(index)
    name = f"img_{index + 1}"
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise OSError(f"cannot encode {name}.jpg")
    with writing(folder / "images" / f"{name}.jpg") as path:
        path.write_bytes(data.tobytes())
    for kind, boxes in (("gt", scene.words), ("gt_lines", scene.lines)):
        with writing(folder / kind / f"gt_{name}.txt") as path:
            path.write_text(format_boxes(boxes), encoding="utf-8")
    return len(scene.words), len(scene.lines)


def format_boxes(boxes: list[tuple[Box, str]]) -> str:
    """Lines `x1, y1, x2, y2, "text"`: the ICDAR 2013 format of the test split."""
    return "".join(f'{x1}, {y1}, {x2}, {y2}, "{text}"\n' for (x1, y1, x2, y2), text in boxes)


def write_scenes(
    source: SceneSource | DocumentSource,
    folder: Path,
    count: int,
    *,
    quality: int = 92,
    workers: int = 1,
    arguments: dict | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict:
    """Write `count` scenes: images/img_N.jpg, gt/gt_img_N.txt, gt_lines/gt_img_N.txt, N from 1, and manifest.json.

    They are moved into place when all are written, the manifest last.

    Returns:
        The manifest.

    Raises:
        UserError: the folder holds a finished set already, or something else in the place of one, or another build
            writes there.
    """
    with build_folder(folder, "scenes") as work:
        refuse_finished(folder / MANIFEST)
        for kind in KINDS:
            if os.path.lexists(folder / kind):
                raise OptionError(f"output: {folder} holds {kind} and no {MANIFEST}; name a new folder")
        for kind in KINDS:
            (work / kind).mkdir()
        words = lines = 0
        for number, (w, n) in enumerate(ordered_results(_write_scene, (source, work, quality), count, workers), 1):
            words, lines = words + w, lines + n
            if progress:
                progress(number)
        manifest = describe_run(arguments or {}, {"images": count, "words": words, "lines": lines})
        write_json(work / MANIFEST, manifest)
        for name in (*KINDS, MANIFEST):
            os.replace(work / name, folder / name)
    return manifest
