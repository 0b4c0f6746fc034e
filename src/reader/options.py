"""The options of a reader, and of the command that reads images."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator
from typing_extensions import Self

from src.common.options import AutoOrBool, OptionError, Options, as_bool, option
from src.common.shard import Shard
from src.crnn.options import DecodeOptions
from src.ctpn.options import ProposalOptions
from src.ctpn.topology import STRIDE
from src.data.images.options import ImageLimits, PdfOptions
from src.engines.options import EngineOptions
from src.reader.page_numbers import parse_pages
from src.text_connector.options import ConnectorOptions

FORMATS = ("json", "txt", "csv", "hocr")


class TaskOptions(Options):
    """What is done with an image."""

    detect: bool = option(True, "find text lines; false reads each image as one word or line")
    recognize: bool = option(True, "read the lines that were found; false only finds them")
    detector: Literal["fast", "full"] = option(
        "fast", "fast has few channels; full has the published size: it finds more and takes several times as long"
    )
    recognizer: Literal["auto", "word", "line"] = option(
        "auto",
        "line reads whole lines with spaces, word splits lines at gaps; auto takes line if its weights are there",
    )
    smallest_text: float = option(
        0.0,
        "detect in the whole image at the scale that text this many pixels high needs; 0 does so only where needed",
        low=0,
    )
    orientation: Literal["auto", 0, 90, 180, 270] = option(
        "auto",
        "degrees clockwise by which every image is turned; auto decides by how well its text is recognized",
    )
    max_pixels_detected: int = option(
        16_000_000,
        "pixels that the finer passes over one image may process; beyond it, small text may be missing",
        low=0,
    )

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if not self.detect and not self.recognize:
            raise ValueError("detect: false together with recognize: false leaves nothing to do")
        return self


class WeightsOptions(Options):
    """Weights files; a relative one that is not in the current folder is looked for in the project's."""

    ctpn_weights: str | Path = option("weights/ctpn.ckpt", "weights of the fast detector")
    ctpn_full_weights: str | Path = option("weights/ctpn_full.ckpt", "weights of the full detector")
    crnn_weights: str | Path = option("weights/crnn.ckpt", "weights of the word recognizer")
    crnn_lines_weights: str | Path = option("weights/crnn_lines.ckpt", "weights of the line recognizer")


class DetectorInputOptions(Options):
    """How the detector's input is made and used; what is not given is left to the card of its weights."""

    img_height: int = option(
        0, "height of the detector's input, a multiple of 16; 0 takes the one its weights were trained with", low=0
    )
    img_width: int = option(
        0, "width of the detector's input, a multiple of 16; 0 takes the one its weights were trained with", low=0
    )
    keep_ratio: AutoOrBool = option("auto", "keep the image's shape and fill right and bottom, instead of stretching")
    side_refinement: AutoOrBool = option(
        "auto", "move the ends of a line to where its first and last proposals place them"
    )

    @model_validator(mode="after")
    def _whole_strides(self) -> Self:
        for key in ("img_height", "img_width"):
            if getattr(self, key) % STRIDE:
                raise ValueError(f"{key}: {getattr(self, key)} is not a multiple of {STRIDE}")
        if bool(self.img_height) != bool(self.img_width):
            raise ValueError(f"img_height: {self.img_height} with img_width: {self.img_width}; give both or neither")
        return self


class LineOptions(ConnectorOptions):
    """From proposals to lines that are to be read."""

    narrow_lines: bool = option(
        True, "also keep narrower lines that stand in a row with others or score high: digits in tables"
    )
    oriented: AutoOrBool = option(  # type: ignore[assignment]
        "auto", "polygons follow tilted lines, which are turned upright before they are read; auto where tilt shows"
    )


class RecognizerOptions(DecodeOptions):
    """How found lines become text."""

    decoder: Literal["greedy", "beam", "words"] = option(
        "words",
        "greedy takes the best class of each time step, beam the most probable text, words uses known words too",
    )
    crop_margin: float = option(
        0.15, "margin added around a line before it is recognized, as a share of its height", low=0, high=1
    )
    text_min_score: float = option(
        0.75, "lines whose text has a lower score are left out; 0 keeps every one", low=0, high=1
    )
    alphabet: str = option(
        "", "digits_lower, printable_ascii, or a file with the characters; empty takes that of the model card"
    )
    batch_size: int = option(32, "words or lines recognized at once", low=1)


class PageOptions(ImageLimits, PdfOptions):
    """Which pages of a file are read, and how large they may be."""

    pages: str = option("", "pages to read of files that have several, such as 1-3,7 or 5-; empty reads all")

    @model_validator(mode="after")
    def _pages_are_pages(self) -> Self:
        parse_pages(self.pages)
        return self


class ReaderOptions(
    TaskOptions,
    PageOptions,
    EngineOptions,
    WeightsOptions,
    DetectorInputOptions,
    ProposalOptions,
    LineOptions,
    RecognizerOptions,
):
    """All options of a `TextReader`.

    Parameters of the text connector that are not given take the value that the card of the weights names, if any.
    """


class InputOptions(Options):
    """Which images are read."""

    image_path: str = option(
        "", "a file, a folder, a pattern, or - for an image on standard input; several may follow"
    )
    list_file: str = option("", "text file that names one file, folder or pattern per line")
    shard: str = option(
        "", "read only share I of N of the images, such as 3/16, to divide them by name among several machines"
    )
    recursive: bool = option(False, "read sub-folders too, and let ** in patterns stand for any of them")

    @model_validator(mode="after")
    def _share_of_several(self) -> Self:
        Shard.parse(self.shard)
        return self


class OutputOptions(Options):
    """What is written, and where."""

    output_dir: str = option("./predict_output", "folder for the results")
    format: str = option(
        "json", "files to write, with commas between: json, txt and hocr for each image, csv (lines.csv) for all"
    )
    draw: Annotated[bool | Literal["side"], BeforeValidator(as_bool)] = option(
        False, "also write each image with its lines and texts drawn; side puts the texts beside the image"
    )
    report: bool = option(True, "write one HTML page, report.html, when there is more than one image")
    csv: bool = option(False, "also write lines.csv with all lines of all images")
    fonts: str = option(
        "", "font file, or folder of them, for drawn text in other scripts; empty uses the built-in Latin one"
    )
    quiet: bool = option(False, "print nothing but the text that was read, and errors")
    check: bool = option(False, "list what is installed, which engines work and which weights are found, and stop")

    @model_validator(mode="after")
    def _formats_are_formats(self) -> Self:
        parse_formats(self.format)
        return self


def parse_formats(text: str) -> frozenset[str]:
    """Names of FORMATS with commas between them.

    Raises:
        OptionError: a name that is not one of them.
    """
    formats = frozenset(part.strip() for part in text.split(",") if part.strip())
    for name in sorted(formats - set(FORMATS)):
        raise OptionError(f"format: '{name}' is not one of {', '.join(FORMATS)}")
    return formats


class CommandOptions(InputOptions, OutputOptions, ReaderOptions):
    """All options of the command."""
