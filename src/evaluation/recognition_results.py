"""Files of a recognition evaluation: metrics as JSON, every prediction as TSV, a sheet of the worst mistakes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from src.common.atomic_file import write_atomically, write_json
from src.common.image_name import file_stem, free_name
from src.data.images.decode import ImageError
from src.data.recognition.preprocess import to_gray
from src.data.recognition.word_images import SampleError, WordSamples
from src.evaluation.recognition import Prediction, WordEvaluation
from src.metrics.edit_distance import edit_distances
from src.visualize.drawing import contact_sheet, write_image

_TILE = (64, 200)
_LONGEST_NAME = 60  # bytes of that of a data set, behind that of the checkpoint


def write_word_results(
    evaluations: Mapping[str, WordEvaluation],
    metrics: Mapping[str, dict[str, float]],
    folder: Path,
    stem: str,
    protocol: Mapping[str, Any],
) -> Path:
    """Write `results_<stem>.json` and, for each data set, `predictions_<stem>_<name>.tsv` into `folder`.

    Returns:
        The JSON file.

    Raises:
        UserError: names the file that cannot be written.
    """
    reports = {name: evaluation.report for name, evaluation in evaluations.items()}
    content = {**protocol, "figures": metrics, "data": reports}
    path = folder / f"results_{stem}.json"
    write_json(path, content)
    taken: set[str] = set()
    for name, evaluation in evaluations.items():
        # `a/b` and `a_b` may not share a file.
        table_name = free_name(file_stem(name, _LONGEST_NAME), lambda stem: stem.lower() in taken)
        taken.add(table_name.lower())
        lines = ["sample\ttruth\tread\tconfidence" + ("\tin_lexicon" if _with_lexicon(evaluation) else "")]
        lines += [_line(prediction) for prediction in evaluation.predictions]
        table = folder / f"predictions_{stem}_{table_name}.tsv"
        write_atomically(table, ["\n".join(lines).encode() + b"\n"])
    return path


def draw_mistakes(
    evaluations: Mapping[str, WordEvaluation], sources: Mapping[str, WordSamples], path: Path, most: int
) -> int:
    """Draw the worst mistakes of all data sets as one sheet; returns how many there are on it.

    Worst is what differs most from its truth for its length, case aside, and of equals what the network was surest
    of. Under each image stand the truth, the prediction, and its confidence with the number of the sample. UserError
    names the file that cannot be written.
    """
    wrong = [
        (name, prediction)
        for name, evaluation in evaluations.items()
        for prediction in evaluation.predictions
        if prediction.text.lower() != prediction.truth.lower()
    ]
    if not wrong:
        return 0
    texts, truths = [r.text.lower() for _, r in wrong], [r.truth.lower() for _, r in wrong]
    longest = np.array([max(len(a), len(b)) for a, b in zip(texts, truths, strict=True)])
    share = edit_distances(texts, truths) / longest
    order = sorted(range(len(wrong)), key=lambda i: (-share[i], -wrong[i][1].confidence))[:most]
    tiles, captions = [], []
    for name, prediction in (wrong[i] for i in order):
        tiles.append(_image(sources[name], prediction.index))
        where = f"{name} {prediction.index}" if len(sources) > 1 else f"word {prediction.index}"
        captions.append(
            f"{prediction.truth}\n-> {prediction.text or '(nothing)'}\n{prediction.confidence:.2f}  {where}"
        )
    sheet = contact_sheet(tiles, captions, tile_size=_TILE)
    write_image(path, sheet)
    return len(tiles)


def _with_lexicon(evaluation: WordEvaluation) -> bool:
    return bool(evaluation.predictions) and evaluation.predictions[0].in_lexicon is not None


def _line(prediction: Prediction) -> str:
    fields = [str(prediction.index), prediction.truth, prediction.text, f"{prediction.confidence:.4f}"]
    if prediction.in_lexicon is not None:
        fields.append(prediction.in_lexicon)
    return "\t".join(field.replace("\t", " ").replace("\n", " ") for field in fields)


def _image(source: WordSamples, index: int) -> np.ndarray:
    try:
        return to_gray(source.sample(index)[0])
    except (SampleError, ImageError):
        return np.full(_TILE, 127, np.uint8)
