"""From dumped outputs of the recognition network to predictions and metrics. Nothing here needs MindSpore.

Shapes: T time steps, C classes.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from src.common.atomic_file import write_atomically, write_json
from src.common.errors import UserError
from src.common.image_name import image_name
from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import Decode, Decoded
from src.crnn.decoder import choose_decoder
from src.crnn.topology import OUTPUT_NAME
from src.data.images.decode import ImageError, decode_image
from src.data.loading.bad_samples import BadSamples
from src.data.recognition.labels import LabelRejected, LabelRules
from src.metrics.recognition import evaluate_words
from src.postprocess.labels import read_words, require_words
from src.postprocess.options import CrnnPostprocess
from src.postprocess.output_files import OutputFileError, check_name, described_images, read_outputs
from src.weights.exported_card import outputs_card

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImagePrediction:
    """What was read in the image `name`; an unreadable image reads as nothing."""

    name: str
    text: str
    confidence: float


def postprocess_crnn(config: CrnnPostprocess) -> dict[str, float]:
    """Read `result_path`, the outputs for the words of `export_dataset_path`, and write to `eval_output_path`:
    `readings.tsv` with a line per image, and `results.json`.

    Returns:
        Metrics (name -> value) over every labeled word when `label_path` is given, else an empty dict. The file
        has lines `image, "text"`, `image,text`, or the two divided by a tab or spaces. `eval_label_policy` says
        what becomes of texts with characters outside the alphabet.

    Raises:
        UserError: an image without outputs, outputs that do not fit the alphabet, an image without a label,
            more unreadable images than `max_bad_ratio`, or a file that cannot be written.
    """
    alphabet = network_alphabet(config)
    images = Path(config.export_dataset_path)
    predictions = read_folder(
        images, Path(config.result_path), alphabet, choose_decoder(config, alphabet), config.max_bad_ratio
    )
    truths: dict[str, str] = {}
    if config.label_path:
        labels = read_words(Path(config.label_path), images)
        truths = match_labels(
            labels, predictions, LabelRules(alphabet.characters, config.eval_label_policy), config.label_path
        )
    folder = Path(config.eval_output_path)
    write_atomically(folder / "readings.tsv", [table(predictions, truths).encode()])
    metrics = {}
    if truths:
        known = [prediction for prediction in predictions if prediction.name in truths]
        metrics = evaluate_words([item.text for item in known], [truths[item.name] for item in known]).metrics()
        if not alphabet.has_case:
            del metrics["case_sensitive_accuracy"]
    record = {"figures": metrics, "images": len(predictions), "decoder": config.decoder}
    write_json(folder / "results.json", record)
    return metrics


def network_alphabet(config: CrnnPostprocess) -> Alphabet:
    """That of the network which wrote the outputs, where its file has it and the user gave none."""
    card, _ = outputs_card(Path(config.result_path))
    characters = card.get("characters") if isinstance(card, dict) and "alphabet" not in config.given else None
    return Alphabet(characters) if characters else Alphabet.load(config.alphabet)


def metrics_line(metrics: Mapping[str, float]) -> str:
    """The metrics in one line."""
    if not metrics:
        return "readings.tsv: no labels, so no metrics"
    share = f"Acc@1 {100 * metrics['accuracy']:.2f}, 1-NED {100 * metrics['one_minus_ned']:.2f}"
    return f"readings.tsv: {share} over {metrics['samples']} words"


def read_folder(
    images: Path, results: Path, alphabet: Alphabet, decode: Decode, max_bad_ratio: float
) -> list[ImagePrediction]:
    """A prediction for every image below `images`, by name; logs which ones are unreadable.

    Raises:
        UserError: no image, one without outputs, or more than `max_bad_ratio` of them unreadable.
    """
    paths = described_images(images)
    bad = BadSamples(len(paths), max_bad_ratio)
    predictions = []
    for path in paths:
        name = path.relative_to(images).as_posix()
        header = results / f"{name}.json"
        try:
            check_name(path)
            if os.path.isfile(header):
                word = read_word(header, alphabet, decode)
                predictions.append(ImagePrediction(name, alphabet.decode(word.indices), word.confidence))
                continue
            decode_image(path)
        except ImageError as error:
            bad.add(name, error.reason)
            logger.warning(f"unreadable, so read as nothing: {name}: {error.reason}")
            predictions.append(ImagePrediction(name, "", 0.0))
            continue
        raise OutputFileError(f"'{name}': no {path.name}.json in '{header.parent}'")
    return predictions


def read_word(header: Path, alphabet: Alphabet, decode: Decode) -> Decoded:
    """The word of one image from its described output (T, 1, C).

    Raises:
        OutputFileError: there is no such output, or it is of another alphabet.
    """
    outputs = read_outputs(header)
    log_probs = outputs.arrays.get(OUTPUT_NAME)
    if log_probs is None or log_probs.ndim != 3 or log_probs.shape[1] != 1 or 0 in log_probs.shape:
        shapes = {name: list(array.shape) for name, array in outputs.arrays.items()}
        raise OutputFileError(f"'{outputs.image}': outputs {shapes}; expected {OUTPUT_NAME} (time, 1, classes)")
    if log_probs.shape[2] != alphabet.num_classes:
        raise OutputFileError(
            f"'{outputs.image}': {log_probs.shape[2]} classes, but the alphabet has {alphabet.num_classes} (alphabet)"
        )
    return decode(log_probs.astype("float32"))[0]


def match_labels(
    labels: Mapping[str, str], predictions: list[ImagePrediction], rules: LabelRules, label_path: str
) -> dict[str, str]:
    """The truth of each image that is evaluated; logs how many are not, by reason.

    Raises:
        UserError: an image has no label, or none is left to evaluate.
    """
    truths: dict[str, str] = {}
    reasons: dict[str, int] = {}
    require_words([prediction.name for prediction in predictions], labels, label_path)
    for prediction in predictions:
        try:
            truths[prediction.name] = rules.apply(labels[prediction.name])
        except LabelRejected as error:
            reasons[error.reason] = reasons.get(error.reason, 0) + 1
    for reason, count in reasons.items():
        logger.warning(f"label_path: {count} words are not evaluated: {reason}")
    if not truths:
        raise UserError(f"label_path: no word of '{label_path}' can be evaluated")
    return truths


def table(predictions: list[ImagePrediction], truths: Mapping[str, str]) -> str:
    """Lines of image, text and confidence, and the truth where there are labels; divided by tabs."""
    rows = [["image", "text", "confidence", *(["truth"] if truths else [])]]
    for item in predictions:
        truth = [truths.get(item.name, "")] if truths else []
        rows.append([image_name(PurePosixPath(item.name)), item.text, f"{item.confidence:.4f}", *truth])
    return "".join("\t".join(row) + "\n" for row in rows)
