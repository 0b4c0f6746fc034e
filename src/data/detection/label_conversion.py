"""SVT and ICDAR 2015 / MLT labels -> text files of upright boxes, `x1,y1,x2,y2,text`, one per image.

The transcription is kept as it is, so "###" still marks an ignored region for the reader.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from src.common.atomic_file import write_atomically
from src.data.detection.annotations.label_files import read_label_text
from src.data.detection.annotations.label_layouts import detect_layout, foreign_format
from src.data.detection.annotations.label_lines import label_lines, parse_lines
from src.data.detection.annotations.label_pairs import is_safe_name, list_files
from src.data.detection.annotations.labeled_image import AnnotationError, MissingPathError, RawBox, labeled_image
from src.data.detection.annotations.svt_xml import find_svt_image, read_svt_xml

_LONGEST_NAME = 255  # bytes


@dataclass
class ConversionReport:
    """How many files and boxes were written (`ignored` of the boxes carry the mark), what was refused why."""

    files: int = 0
    boxes: int = 0
    ignored: int = 0
    refused: Counter = field(default_factory=Counter)


def convert_svt(image_dir: Path, xml_file: Path, location_dir: Path) -> ConversionReport:
    """Write `location_dir/gt_<image>.txt` for every image of the SVT XML that `image_dir` holds.

    Raises:
        AnnotationError: a folder or file is missing or foreign, or two images would share one label file.
    """
    if not Path(image_dir).is_dir():
        raise MissingPathError(f"dataset_path: '{image_dir}' is not a folder of images")
    report = ConversionReport()
    lines: dict[str, str] = {}
    for name, raw, problems in read_svt_xml(xml_file):
        if not is_safe_name(name):
            report.refused["unsafe image name"] += 1
            continue
        image = find_svt_image(image_dir, name)
        if not os.path.isfile(image):
            report.refused["image missing"] += 1
            continue
        target = f"gt_{image.stem}.txt"
        if target in lines:
            raise AnnotationError(f"'{xml_file}': two images would share the label file '{target}'")
        lines[target] = _converted(raw, problems, report)
    return _write(lines, Path(location_dir), report, str(xml_file))


def convert_icdar2015(source_dir: Path, target_dir: Path) -> ConversionReport:
    """Write one file of enclosing upright boxes, under the same name, for every .txt of `source_dir`.

    Reads ICDAR 2015 (`x1,y1,..,x4,y4,text`) and MLT 2017 (`..,script,text`) labels, and polygons of more points.

    Raises:
        AnnotationError: a folder is missing, holds no such labels, or is its own target.
    """
    source_dir, target_dir = Path(source_dir), Path(target_dir)
    if not source_dir.is_dir():
        raise MissingPathError(f"src_label_path: '{source_dir}' is not a folder of label files")
    if target_dir.resolve() == source_dir.resolve():
        raise MissingPathError(f"target_label_path: '{target_dir}' is the source folder too; name another one")
    report = ConversionReport()
    texts = {}
    for name in list_files(source_dir, {".txt"}):
        if (source_dir / name).resolve().parent != source_dir.resolve():
            report.refused["link out of the folder"] += 1
            continue
        try:
            texts[name] = read_label_text(source_dir / name)
        except AnnotationError:
            report.refused["label file that cannot be read"] += 1
    all_lines = [line for text in texts.values() for line in label_lines(text)]
    if foreign := foreign_format(all_lines):
        raise AnnotationError(f"'{source_dir}' holds {foreign}")
    layout = detect_layout(all_lines, ("mlt", "polygon", "quad", "corners"))
    if all_lines and layout == "corners":
        raise AnnotationError(f"'{source_dir}': the lines do not begin with eight corner numbers")
    lines = {name: _converted(*parse_lines(text, layout), report) for name, text in texts.items()}
    return _write(lines, target_dir, report, str(source_dir))


def _converted(raw: list[RawBox], problems: Counter, report: ConversionReport) -> str:
    image = labeled_image(Path(), "", raw, problems)
    report.refused += image.problems
    report.boxes += len(image.boxes)
    report.ignored += int(image.ignored.sum())
    rows = zip(image.boxes.tolist(), image.texts, strict=True)
    return "".join(",".join(map(str, box)) + f",{' '.join(text.split())}\n" for box, text in rows)


def _write(lines: dict[str, str], folder: Path, report: ConversionReport, source: str) -> ConversionReport:
    if not lines:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.refused.items())
        raise AnnotationError(f"'{source}': no label could be converted ({reasons or 'nothing found'})")
    for name, text in lines.items():
        if len(os.fsencode(name)) > _LONGEST_NAME:
            report.refused["name too long for a label file"] += 1
            continue
        write_atomically(folder / name, [text.encode()], sync=False)
        report.files += 1
    return report
