"""Write rendered words to an LMDB: several processes render, one writes, an interrupted build goes on."""

from collections.abc import Callable
from pathlib import Path

import cv2

from src.common.atomic_file import write_json
from src.data.loading.processes import ordered_results
from src.data.recognition.lmdb_writer import LmdbWriter
from src.data.synthesis.manifest import MANIFEST, describe_run, refuse_finished
from src.data.synthesis.words import WordSource


def _encoded_word(source: WordSource, quality: int, index: int) -> tuple[bytes, str]:
    image, label = source.sample(index)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise OSError(f"cannot encode word {index}")
    return data.tobytes(), label


def write_words(
    source: WordSource,
    path: Path,
    indices: range,
    *,
    quality: int = 90,
    workers: int = 1,
    arguments: dict | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict:
    """Render words into the LMDB folder `path` and return its manifest, which is written there last.

    The words are `source.sample(i)` for i in `indices`, so a build that was killed continues where it stopped and
    ends with the same words, and several builds of neighboring indices hold what one build of all would.

    Raises:
        UserError: `path` holds a finished database, or an unfinished one of other arguments.
    """
    refuse_finished(path / MANIFEST)
    job = {"kind": "rendered words", **{k: v for k, v in (arguments or {}).items() if k != "workers"}}
    with LmdbWriter(path, job=job) as writer:
        start = indices.start + writer.count
        encoded = ordered_results(_encoded_word, (source, quality), indices.stop, workers, start=start, chunk=64)
        for image, label in encoded:
            writer.add(image, label)
            if progress and (writer.count % 64 == 0 or writer.count == len(indices)):
                progress(writer.count)
    manifest = describe_run(arguments or {}, {"words": len(indices)})
    write_json(path / MANIFEST, manifest)
    return manifest
