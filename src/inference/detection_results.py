"""What an evaluation of the detection network leaves behind: submission, ground truth, figures, pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from src.inference.drawing import draw_lines
from src.inference.evaluate_detection import DetectionEvaluation
from src.metrics.detection_result import GroundTruth
from src.metrics.safe_zip import write_text_members
from src.metrics.submission import ground_truth_name, to_pixels, write_submission
from src.text_connector.detector import TextLines


def write_detection_results(
    evaluation: DetectionEvaluation, folder: Path, stem: str, extra: Mapping[str, object]
) -> dict:
    """Write `submit_<stem>.zip`, `gt.zip` and `results_<stem>.json` into `folder`; returns the figures.

    Args:
        stem: the checkpoint's name, which tells the results of several checkpoints apart.
        extra: further entries of the JSON file (what was evaluated with which options).
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_submission(
        folder / f"submit_{stem}.zip", {name: lines.boxes for name, lines in evaluation.lines.items()}
    )
    record: dict[str, object] = dict(extra)
    figures = {}
    if evaluation.has_ground_truth:
        write_text_members(folder / "gt.zip", ground_truth_texts(evaluation.ground_truth))
        figures = evaluation.figures()
    record.update(
        figures=figures,
        images=len(evaluation.lines),
        seconds_per_image=round(evaluation.seconds / len(evaluation.lines), 4),
        lines={name: describe_lines(lines) for name, lines in evaluation.lines.items()},
    )
    path = folder / f"results_{stem}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    return figures


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
    """Boxes and scores of one picture as JSON values."""
    boxes = to_pixels(lines.boxes).tolist()
    return [{"box": box, "score": round(float(score), 4)} for box, score in zip(boxes, lines.scores, strict=True)]


def draw_detections(
    evaluation: DetectionEvaluation, pictures: Iterable[tuple[str, np.ndarray]], folder: Path
) -> int:
    """Draw detections and ground truth on each (file name, RGB picture) that was evaluated; returns how many.

    The files keep the pictures' names, with `.jpg` added where it is not there.
    """
    count = 0
    for name, picture in pictures:
        if name not in evaluation.lines:
            continue
        lines, truth = evaluation.lines[name], evaluation.ground_truth.get(name)
        drawn = draw_lines(
            picture,
            lines.polygons,
            scores=lines.scores,
            ground_truth=None if truth is None else truth.boxes,
            ignored=None if truth is None else truth.ignored,
        )
        target = folder / drawn_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        encoded, data = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        if not encoded:
            raise OSError(f"the picture '{target}' could not be encoded")
        target.write_bytes(data.tobytes())
        count += 1
    return count


def drawn_name(name: str) -> PurePosixPath:
    """`a/b.png` -> `a/b.png.jpg`; never outside the folder it is put in."""
    path = PurePosixPath(name.replace("\\", "/"))
    inner = PurePosixPath(*(part for part in path.parts if part not in ("..", "/", ".")))
    return inner if inner.suffix.lower() in (".jpg", ".jpeg") else inner.with_name(f"{inner.name}.jpg")
