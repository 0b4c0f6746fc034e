"""From dumped outputs of the detection network to result files, a submission, images and metrics."""

import logging
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from src.ctpn.proposal_generator import Proposals
from src.ctpn.text_lines import DetectOptions, detect_options, lines_from_maps, lines_from_proposals
from src.ctpn.topology import MAP_NAMES, STRIDE
from src.data.detection.evaluation_images import images_of
from src.data.images.decode import ImageError, decode_image
from src.data.loading.bad_samples import BadSamples
from src.data.recognition.word_gaps import word_boxes
from src.evaluation.detection import DetectionEvaluation
from src.evaluation.detection_results import draw_detections
from src.metrics.detection_result import GroundTruth
from src.metrics.submission import (
    label_keys,
    read_ground_truth,
    submission_names,
    write_results,
    write_submission,
)
from src.postprocess.labels import require_boxes
from src.postprocess.options import CtpnPostprocess
from src.postprocess.output_files import (
    NetworkOutputs,
    OutputFileError,
    check_name,
    described_images,
    read_outputs,
    read_undescribed,
)
from src.text_connector.detector import TextLines

logger = logging.getLogger(__name__)


def postprocess_ctpn(config: CtpnPostprocess) -> dict[str, dict]:
    """Read `result_path`, the outputs for the images of `export_dataset_path`, and write to `eval_output_path`:
    `res_*.txt` in `output`, `submit.zip`, drawn images in `output_img`.

    Returns:
        Metrics (protocol -> precision, recall, hmean) when `label_path` (a folder of gt_*.txt or gt.zip) is given,
        else an empty dict.

    Raises:
        UserError: an image without outputs, outputs that do not fit the configuration or the image, an
            unreadable label, or more unreadable images than `max_bad_ratio`.
    """
    options = detect_options(config)
    images, results = Path(config.export_dataset_path), Path(config.result_path)
    labels = read_ground_truth(config.label_path) if config.label_path else None
    evaluation = DetectionEvaluation(has_ground_truth=labels is not None)
    folder = Path(config.eval_output_path)
    drawn = folder / "output_img"
    for name, image in read_images(images, config.max_bad_ratio, without=[drawn]):
        lines = lines_from_outputs(find_outputs(results, name), (image.shape[0], image.shape[1]), options)
        evaluation.lines[name], evaluation.words[name] = lines, word_boxes(image, lines.boxes)
    keys = submission_names(evaluation.lines)
    if labels is not None:
        evaluation.ground_truth = match_labels(labels, keys, config.label_path)
    detections = {keys[name]: lines.boxes for name, lines in evaluation.lines.items()}
    write_results(folder / "output", detections)
    write_submission(folder / "submit.zip", detections)
    if config.draw_results:
        draw_detections(evaluation, images_of(images, None, evaluation.lines), drawn)
    return evaluation.metrics() if labels is not None else {}


def read_images(folder: Path, max_bad_ratio: float, without: Iterable[Path] = ()) -> Iterator[tuple[str, np.ndarray]]:
    """(relative name, RGB image) of every image below `folder`, by name; logs which ones are unreadable.

    without: folders of results, whose images are none of them.

    Raises:
        UserError: there is none, or more than `max_bad_ratio` of them are unreadable.
    """
    paths = described_images(folder, without)
    bad = BadSamples(len(paths), max_bad_ratio)
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            check_name(path)
            image = decode_image(path)
        except ImageError as error:
            bad.add(name, error.reason)
            logger.warning(f"left out {name}: {error.reason}")
            continue
        yield name, image


def match_labels(
    labels: Mapping[str, GroundTruth], keys: Mapping[str, str], label_path: str
) -> dict[str, GroundTruth]:
    """The ground truth by file name, from that by name in a submission; logs how many labels have no image.

    Raises:
        UserError: an image has no label.
    """
    of_labels = label_keys(keys)
    require_boxes(of_labels, labels, label_path)
    others = len(labels) - len(keys)
    if others:
        logger.warning(f"label_path: {others} labels belong to no image and are not counted")
    return {name: labels[key] for name, key in of_labels.items()}


def find_outputs(results: Path, image: str) -> NetworkOutputs:
    """The dumped outputs for the image `image`, described by a JSON file or not."""
    header = results / f"{image}.json"
    return read_outputs(header) if os.path.isfile(header) else read_undescribed(results, image)


def lines_from_outputs(outputs: NetworkOutputs, size: tuple[int, int], options: DetectOptions) -> TextLines:
    """Text lines from either kind of output: raw heads (ONNX) or proposals with their mask (MINDIR).

    Args:
        size: (height, width) of the image.

    Raises:
        OutputFileError: neither kind, of a shape that does not fit, or made of an image of another size.
    """
    if outputs.size is not None and outputs.size != tuple(size):
        sides = "x".join(map(str, outputs.size[::-1])), "x".join(map(str, size[::-1]))
        raise OutputFileError(f"'{outputs.image}': made of an image of {sides[0]} pixels, this one has {sides[1]}")
    arrays = outputs.arrays
    if set(MAP_NAMES) <= set(arrays):
        maps = [_one_image(arrays[key], 4, outputs.image) for key in MAP_NAMES]
        channels, rows, columns = maps[0].shape[1:]
        if (channels, maps[1].shape[1:]) != (2 * len(options.anchor_heights), (2 * channels, rows, columns)):
            raise OutputFileError(
                f"'{outputs.image}': maps {maps[0].shape} and {maps[1].shape} are not those of a network with "
                f"{len(options.anchor_heights)} anchors (anchor_height)"
            )
        sized = replace(options, image_size=(STRIDE * rows, STRIDE * columns))
        return lines_from_maps(maps[0], maps[1], np.array([size]), sized)[0]
    if {"proposals", "mask"} <= set(arrays):
        proposals = _one_image(arrays["proposals"], 3, outputs.image)[0].astype(np.float32)
        mask = _one_image(arrays["mask"], 2, outputs.image)[0].astype(bool)
        if proposals.shape != (len(mask), 5):
            raise OutputFileError(f"'{outputs.image}': proposals {proposals.shape} do not fit a mask of {len(mask)}")
        kept, dx = proposals[mask], None
        if options.side_refinement:
            if "dx" not in arrays:
                raise OutputFileError(
                    f"'{outputs.image}': side_refinement needs dx among the outputs; export the network with it,"
                    " or as ONNX"
                )
            dx = _one_image(arrays["dx"], 2, outputs.image)[0]
            if dx.shape != mask.shape:
                raise OutputFileError(f"'{outputs.image}': dx {dx.shape} does not fit a mask of {len(mask)}")
            dx = dx[mask].astype(np.float32)
        return lines_from_proposals(Proposals(kept[:, :4], kept[:, 4], dx), size, options)
    raise OutputFileError(
        f"'{outputs.image}': outputs {sorted(arrays)}; expected score_map and delta_map, or proposals and mask"
    )


def _one_image(array: np.ndarray, dimensions: int, image: str) -> np.ndarray:
    """`array` with its batch axis, which must be of one image; a dump without batch axis gets one."""
    if array.ndim == dimensions - 1:
        array = array[None]
    if array.ndim != dimensions or len(array) != 1 or math.prod(array.shape) == 0:
        raise OutputFileError(f"'{image}': an output of shape {array.shape}, expected that of one image")
    return array
