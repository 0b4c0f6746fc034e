"""The options of evaluations."""

from typing import Literal

from src.common.options import NonEmpty, Options, option
from src.crnn.options import DecodeOptions
from src.crnn.options import NetworkOptions as CrnnNetworkOptions
from src.ctpn.options import DetectionOptions
from src.data.detection.options import ValidationSetOptions
from src.data.loading.options import BadSampleOptions, ThreadOptions
from src.data.recognition.options import ReadSetOptions


class BatchOptions(Options):
    """How the network is run."""

    test_batch_size: int = option(1, "samples evaluated at once; the result does not depend on it", low=1)


class ResultOptions(Options):
    """What is evaluated, and where the results go."""

    checkpoint_path: str = option("weights/ctpn.ckpt", "a checkpoint or a folder of them")
    eval_output_path: NonEmpty = option("./eval_output", "folder for results, submissions and images")
    draw_results: bool = option(True, "draw what was found, or the worst mistakes")


class ImageSetOptions(Options):
    """The images that detection is evaluated on."""

    dataset_path: str = option("data/ctpn/test/ctpn_test.mindrecord", "MindRecord of the test set")
    image_path: str = option(
        "",
        "folder of test images; without a MindRecord it is read without ground truth, beside dataset_path its images "
        "are the ones drawn on",
    )
    img_dir: str = option("", "the same as image_path, under the name of older configurations")


class DetectionRunOptions(DetectionOptions, BatchOptions, ThreadOptions, BadSampleOptions):
    """How a detection network is run over a set of images."""


class CtpnTrainingEvaluation(DetectionRunOptions, ValidationSetOptions):
    """An evaluation of the detection network while it is trained."""


class CtpnEvaluation(DetectionRunOptions, ImageSetOptions, ResultOptions):
    """The evaluation of checkpoints of the detection network."""


class WordSetOptions(Options):
    """The words that recognition is evaluated on."""

    dataset_path: str = option("", "an LMDB, or a folder of LMDBs, to evaluate on instead of eval_lmdb")


class LexiconOptions(Options):
    """A second metric, for which the possible words are known."""

    eval_lexicon: str = option(
        "", "file of the only possible words, one per line, for a second metric; empty gives none"
    )
    lexicon_per_sample: bool = option(
        False, "line i of eval_lexicon holds the words of sample i, separated by commas, tabs or spaces"
    )
    lexicon_method: Literal["ctc", "edit"] = option(
        "ctc",
        "ctc takes the word of the lexicon that the network finds most probable, edit the nearest by spelling",
    )


class MistakeOptions(Options):
    """What is drawn of the mistakes."""

    worst_mistakes: int = option(48, "number of the worst mistakes that are drawn", low=1, high=1000)


class CrnnTrainingEvaluation(CrnnNetworkOptions, ReadSetOptions, BatchOptions):
    """An evaluation of the recognition network while it is trained."""


class CrnnEvaluation(
    CrnnTrainingEvaluation, WordSetOptions, DecodeOptions, LexiconOptions, ResultOptions, MistakeOptions
):
    """The evaluation of checkpoints of the recognition network."""
