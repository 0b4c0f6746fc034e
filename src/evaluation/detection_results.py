"""What an evaluation of the detection network leaves behind: submission, ground truth, metrics, images."""

from collections.abc import Container, Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from src.common.atomic_file import write_json
from src.common.image_name import file_stem, free_name, inner_path
from src.evaluation.detection import DetectionEvaluation
from src.metrics.detection_result import GroundTruth
from src.metrics.safe_zip import write_text_members
from src.metrics.submission import ground_truth_name, submission_names, to_pixels, write_submission
from src.text_connector.detector import TextLines
from src.visualize.drawing import draw_lines, write_image

_LONGEST_PART = 240  # bytes, with ".jpg" and a few "_" behind them


def write_detection_results(
    evaluation: DetectionEvaluation, folder: Path, stem: str, extra: Mapping[str, object]
) -> dict:
    """Write `submit_<stem>.zip`, `gt.zip` and `results_<stem>.json` into `folder`; returns the metrics.

    Args:
        stem: the checkpoint's name, so that the results of several checkpoints have names of their own.
        extra: further entries of the JSON file (what was evaluated with which options).

    Raises:
        UserError: names the file that cannot be written.
    """
    keys = submission_names(evaluation.lines)
    detections = {keys[name]: lines.boxes for name, lines in evaluation.lines.items()}
    write_submission(folder / f"submit_{stem}.zip", detections)
    metrics = {}
    if evaluation.has_ground_truth:
        truths = {keys[name]: evaluation.ground_truth[name] for name in evaluation.lines}
        write_text_members(folder / "gt.zip", ground_truth_texts(truths))
        metrics = evaluation.metrics()
    record = {
        **extra,
        "figures": metrics,
        "images": len(evaluation.lines),
        "seconds_per_image": round(evaluation.seconds / len(evaluation.lines), 4),
        "lines": {name: describe_lines(lines) for name, lines in evaluation.lines.items()},
    }
    write_json(folder / f"results_{stem}.json", record)
    return metrics


def ground_truth_texts(ground_truth: Mapping[str, GroundTruth]) -> dict[str, str]:
    """File name to content, as the official gt.zip has it; the words are not known, only which are ignored."""
    return {
        ground_truth_name(name): "".join(
            f'{",".join(map(str, box))},"{"###" if ignored else "text"}"\n'
            for box, ignored in zip(to_pixels(truth.boxes).tolist(), truth.ignored, strict=True)
        )
        for name, truth in ground_truth.items()
    }


def describe_lines(lines: TextLines) -> list[dict]:
    """Boxes and scores of one image as JSON values."""
    boxes = to_pixels(lines.boxes).tolist()
    return [{"box": box, "score": round(float(score), 4)} for box, score in zip(boxes, lines.scores, strict=True)]


def draw_detections(evaluation: DetectionEvaluation, images: Iterable[tuple[str, np.ndarray]], folder: Path) -> int:
    """Draw detections and ground truth on each (file name, RGB image), which was evaluated; returns how many.

    The files keep the images' names, with `.jpg` added where it is not there; see `drawn_names`. UserError names the
    one that cannot be written.
    """
    places = drawn_names(evaluation.lines)
    count = 0
    for name, image in images:
        lines = evaluation.lines[name]
        truth = evaluation.ground_truth[name] if evaluation.has_ground_truth else None
        drawn = draw_lines(
            image,
            lines.polygons,
            scores=lines.scores,
            ground_truth=None if truth is None else truth.boxes,
            ignored=None if truth is None else truth.ignored,
        )
        write_image(folder / places[name], drawn)
        count += 1
    return count


def drawn_names(names: Iterable[str]) -> dict[str, PurePosixPath]:
    """File name of an image -> that of its drawing: `a/b.png` -> `a/b.png.jpg`; no two are alike.

    None leads out of the folder it is put in. Where two would share a place (`a` and `a.jpg`), the one that has it as
    its own name keeps it, and `_` is added to the other's.
    """
    inner = {
        name: PurePosixPath(*(file_stem(part, _LONGEST_PART) for part in inner_path(name).parts))
        for name in dict.fromkeys(names)
    }
    # A file cannot have the name of a folder; some file systems do not know capitals.
    taken = {str(parent).lower() for path in inner.values() for parent in path.parents}
    chosen = {}
    for name, path in sorted(inner.items(), key=lambda item: not _is_jpeg(item[1])):
        place = _free_place(path if _is_jpeg(path) else path.with_name(f"{path.name}.jpg"), taken)
        taken.add(str(place).lower())
        chosen[name] = place
    return chosen


def _free_place(place: PurePosixPath, taken: Container[str]) -> PurePosixPath:
    return place.with_stem(free_name(place.stem, lambda stem: str(place.with_stem(stem)).lower() in taken))


def _is_jpeg(path: PurePosixPath) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg")
