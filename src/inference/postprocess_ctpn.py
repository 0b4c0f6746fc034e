"""From dumped outputs of the detection network to result files, a submission, pictures and figures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from src.ctpn.proposal_generator import Proposals
from src.data.images import IMAGE_SUFFIXES, decode_image
from src.errors import UserError
from src.inference.ctpn_options import detect_options
from src.inference.detect import DetectOptions, lines_from_maps, lines_from_proposals
from src.inference.detection_results import draw_detections
from src.inference.evaluate_detection import DetectionEvaluation
from src.inference.output_files import NetworkOutputs, OutputFileError, read_outputs, read_undescribed
from src.metrics.submission import image_key, read_ground_truth, write_results, write_submission
from src.text_connector.detector import TextLines


def postprocess_ctpn(config: Any) -> dict[str, dict]:
    """Read `result_path`, the outputs for the pictures of `export_dataset_path`, and write to `eval_output_path`:
    `res_*.txt` in `output`, `submit.zip`, drawn pictures in `output_img`.

    Returns:
        Figures (protocol -> precision, recall, hmean) when `label_path` (a folder of gt_*.txt or gt.zip) is given,
        else an empty dict.

    Raises:
        UserError: a picture without outputs, outputs that do not fit the configuration, an unreadable label.
    """
    options = detect_options(config)
    pictures, results = Path(config.export_dataset_path), Path(config.result_path)
    folder = Path(config.eval_output_path)
    evaluation = DetectionEvaluation(has_ground_truth=bool(config.label_path))
    for name, picture in read_pictures(pictures):
        size = picture.shape[:2]
        evaluation.lines[name] = lines_from_outputs(find_outputs(results, name), size, options)
    if not evaluation.lines:
        raise UserError(f"export_dataset_path: no picture in '{pictures}'")
    detections = {name: lines.boxes for name, lines in evaluation.lines.items()}
    write_results(folder / "output", detections)
    write_submission(folder / "submit.zip", detections)
    if config.label_path:
        labels = read_ground_truth(config.label_path)
        missing = [name for name in evaluation.lines if image_key(name) not in labels]
        if missing:
            raise UserError(f"label_path: no gt_{image_key(missing[0])}.txt for '{missing[0]}' in '{config.label_path}'")
        evaluation.ground_truth = {name: labels[image_key(name)] for name in evaluation.lines}
    if config.draw_results:
        draw_detections(evaluation, read_pictures(pictures), folder / "output_img")
    return evaluation.figures() if config.label_path else {}


def read_pictures(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(relative name, RGB picture) of every picture below `folder`, by name."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            yield path.relative_to(folder).as_posix(), decode_image(path)


def find_outputs(results: Path, image: str) -> NetworkOutputs:
    """The dumped outputs for the picture `image`, described by a JSON file or not."""
    header = results / f"{image}.json"
    return read_outputs(header) if header.is_file() else read_undescribed(results, image)


def lines_from_outputs(outputs: NetworkOutputs, size: tuple[int, int], options: DetectOptions) -> TextLines:
    """Text lines from either kind of output: raw heads (ONNX) or proposals with their mask (MINDIR).

    Args:
        size: (height, width) of the picture.

    Raises:
        OutputFileError: neither kind, or of a shape that does not fit the configured input.
    """
    arrays = outputs.arrays
    if {"score_map", "delta_map"} <= set(arrays):
        maps = [_one_picture(arrays[key], 4, outputs.image) for key in ("score_map", "delta_map")]
        sized = replace(options, image_shape=tuple(16 * side for side in maps[0].shape[2:]))
        return lines_from_maps(*maps, np.array([size]), sized)[0]
    if {"proposals", "mask"} <= set(arrays):
        proposals = _one_picture(arrays["proposals"], 3, outputs.image)[0].astype(np.float32)
        mask = _one_picture(arrays["mask"], 2, outputs.image)[0].astype(bool)
        if proposals.shape != (len(mask), 5):
            raise OutputFileError(f"'{outputs.image}': proposals {proposals.shape} do not fit a mask of {len(mask)}")
        kept = proposals[mask]
        return lines_from_proposals(Proposals(kept[:, :4], kept[:, 4]), size, options)
    raise OutputFileError(
        f"'{outputs.image}': outputs {sorted(arrays)}; expected score_map and delta_map, or proposals and mask"
    )


def _one_picture(array: np.ndarray, dimensions: int, image: str) -> np.ndarray:
    """`array` with its batch axis, which must be of one picture; a dump without batch axis gets one."""
    if array.ndim == dimensions - 1:
        array = array[None]
    if array.ndim != dimensions or len(array) != 1 or math.prod(array.shape) == 0:
        raise OutputFileError(f"'{image}': an output of shape {array.shape}, expected that of one picture")
    return array
