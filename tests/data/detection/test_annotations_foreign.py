"""Labels of other tools: read where they are known, refused in one line where they cannot be meant."""

import json
from pathlib import Path

import pytest
from PIL import Image

from src.data.detection.annotations.label_files import read_icdar2013
from src.data.detection.annotations.label_pairs import OUTSIDE
from src.data.detection.annotations.labeled_image import AnnotationError
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.annotations.plausible import plausible
from src.data.detection.label_conversion import convert_icdar2015
from src.data.recognition.annotations import Word
from src.data.recognition.crops import read_detection_words


def make(folder: Path, labels: dict[str, str], images: tuple[str, ...] = ("img_1.png",)) -> tuple[Path, Path]:
    for name in images:
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (500, 160)).save(folder / "images" / name)
    for name, text in labels.items():
        (folder / "gt" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "gt" / name).write_text(text)
    return folder / "images", folder / "gt"


def labelme(*shapes: dict) -> str:
    return json.dumps({"shapes": list(shapes), "imagePath": "img_1.png", "version": "5.0"})


def test_polygons_are_read_whole(tmp_path):
    points = "40,40,100,48,160,49,220,41,280,33,340,31,400,38,400,110,340,118,280,119,220,111,160,103,100,101,40,108"
    folders = make(tmp_path, {"img_1.txt": f"{points},OPEN DAILY\n"})
    found = read_own_folder(*folders)
    (image,) = found.images
    assert (
        found.layout == "polygon" and image.boxes.tolist() == [[40, 31, 400, 119]] and image.texts == ["OPEN DAILY"]
    )
    (word,) = read_detection_words(folders[1], folders[0]).iterate()
    assert isinstance(word, Word) and word.text == "OPEN DAILY" and word.corners[2].tolist() == [400, 119]
    convert_icdar2015(folders[1], tmp_path / "out")
    assert (tmp_path / "out" / "img_1.txt").read_text() == "40,31,400,119,OPEN DAILY\n"


@pytest.mark.parametrize("read", [read_own_folder, read_icdar2013])
@pytest.mark.parametrize(
    "label", ["0 0.36 0.23 0.6 0.2\n0 0.5 0.6 0.9 0.25\n", "15 0.1 0.1 0.4 0.1 0.4 0.2 0.1 0.2\n"]
)
def test_yolo_is_refused_by_name(tmp_path, read, label):
    images, labels = make(tmp_path, {"img_1.txt": label})
    with pytest.raises(AnnotationError, match="YOLO"):
        read(images, labels)
    with pytest.raises(AnnotationError, match="YOLO"):
        read_detection_words(labels, images)
    with pytest.raises(AnnotationError, match="YOLO"):
        convert_icdar2015(labels, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1,0.2,0.5,0.6,a\n0.2,0.3,0.9,0.9,b\n", "2 of 2 boxes lie between 0 and 1"),
        ("0,0,1,1,a\n0,0,1,1,b\n", "2 of 2 boxes are 2 pixels thin"),
        ("3,10,200,11,a\n5,20,90,20,b\n5,40,90,60,c\n", "2 of 3 boxes are 2 pixels thin or less, read as 'corners'"),
    ],
)
def test_boxes_that_cannot_be_meant_are_refused(tmp_path, text, message):
    images, labels = make(tmp_path, {"img_1.txt": text})
    for read in (read_own_folder, read_icdar2013):
        with pytest.raises(AnnotationError, match=message):
            plausible(read)(images, labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10;20;60;40;a\n70;20;90;40;b\n", "2 of 2 lines are no labels, such as '10;20;60;40;a'"),
        ("text 0.98 10 20 60 40\n1,2,60,40,b\nword 0.9 7 20 60 40\n", "2 of 3 lines are no labels"),
        ("0 10 20 60 40\n0 70 20 90 40\n", "class"),
        ("1 0.98 10 20 60 40\n0 0.7 70 20 90 40\n", "class"),
        ("0 10 20 60 20 60 40 10 40\n0 70 20 90 20 90 40 70 40\n", "class"),
    ],
)
def test_lines_of_another_format_are_shown(tmp_path, text, message):
    images, labels = make(tmp_path, {"img_1.txt": text})
    for read in (read_own_folder, read_icdar2013):
        with pytest.raises(AnnotationError, match=message):
            read(images, labels)


def test_coco_with_shares_of_the_sides_is_refused(tmp_path):
    images, _ = make(tmp_path, {})
    boxes = [{"image_id": 1, "bbox": [0.1, 0.2, 0.5, 0.2]}] * 3
    table = {"images": [{"id": 1, "file_name": "img_1.png"}], "annotations": boxes}
    (tmp_path / "coco.json").write_text(json.dumps(table))
    with pytest.raises(AnnotationError, match="3 of 3"):
        plausible(read_own_folder)(images, tmp_path / "coco.json")


def test_paddleocr_label_file(tmp_path):
    images, _ = make(tmp_path, {}, ("img_1.png", "sub/img_2.png"))
    quad = [[10, 10], [60, 20], [58, 40], [8, 30]]
    lines = [
        "images/img_1.png\t" + json.dumps([{"transcription": "two words", "points": quad, "difficult": False}]),
        "sub/img_2.png\t"
        + json.dumps([{"transcription": "###", "points": quad}, {"transcription": "x", "points": [[1, 2]]}]),
        "broken line",
        "../img_3.png\t[]",
    ]
    (tmp_path / "Label.txt").write_text("\n".join(lines))
    found = read_own_folder(images, tmp_path / "Label.txt")
    first, second = found.images
    assert found.layout == "paddleocr" and found.skipped == {"not a line of PaddleOCR": 1, OUTSIDE: 1}
    assert first.path == images / "img_1.png" and first.texts == ["two words"]
    assert first.quads.tolist() == [quad] and first.boxes.tolist() == [[8, 10, 60, 40]]
    assert second.name == "sub/img_2.png" and second.ignored.tolist() == [True]
    assert second.problems == {"region without three points": 1}
    (images / "Label.txt").write_text(lines[0])  # where PPOCRLabel leaves it
    assert read_own_folder(images, images).images[0].texts == ["two words"]


def test_paddleocr_paths_of_another_machine_and_regions_to_ignore(tmp_path):
    images, _ = make(tmp_path, {}, ("sub/img_1.png",))
    quad = [[10, 10], [60, 20], [58, 40], [8, 30]]
    regions = json.dumps([{"transcription": text, "points": quad} for text in ("*", "###", "a*")])
    for name in (
        "/data/sub/img_1.png",
        "..\\images\\sub\\img_1.png",
        "C:\\a\\sub\\img_1.png",
        f"{images}/sub/img_1.png",
    ):
        (tmp_path / "Label.txt").write_text(f"{name}\t{regions}\n")
        (image,) = read_own_folder(images, tmp_path / "Label.txt").images
        assert image.name == "sub/img_1.png" and image.ignored.tolist() == [True, True, False]
    (tmp_path / "Label.txt").write_text(f"/data/img_2.png\t{regions}\n")
    with pytest.raises(AnnotationError, match="'/data/img_2.png' leads out of"):
        read_own_folder(images, tmp_path / "Label.txt")


def test_labelme_folder(tmp_path):
    rectangle = {"label": "SALE", "points": [[60, 40], [10, 20]], "shape_type": "rectangle"}
    quad = {"label": "50 %", "points": [[100, 60], [100, 20], [40, 20], [40, 60]], "shape_type": "polygon"}
    line = {"label": "x", "points": [[1, 2], [3, 4]], "shape_type": "line"}
    circle = {"label": None, "points": [[70, 60], [73, 64]], "shape_type": "circle"}
    folders = make(tmp_path, {"img_1.json": labelme(rectangle, quad, circle, line, {"label": "x"})})
    found = read_own_folder(*folders)
    (image,) = found.images
    assert found.layout == "labelme" and image.texts == ["SALE", "50 %", ""]
    assert image.boxes.tolist() == [[10, 20, 60, 40], [40, 20, 100, 60], [65, 55, 75, 65]]
    assert image.quads[1].tolist() == [[40, 20], [100, 20], [100, 60], [40, 60]]
    assert image.problems == {"shape of the kind 'line'": 1, "shape without points and label": 1}


def test_a_class_is_no_transcription(tmp_path):
    shape = {"label": "text", "points": [[10, 20], [60, 20], [60, 40]]}
    (image,) = read_own_folder(*make(tmp_path / "a", {"img_1.json": labelme(shape, shape)})).images
    assert image.texts == ["", ""]
    crossed_out = {**shape, "label": "###"}
    (image,) = read_own_folder(*make(tmp_path / "c", {"img_1.json": labelme(shape, crossed_out)})).images
    assert image.texts == ["", ""] and image.ignored.tolist() == [False, True]
    described = [{**shape, "description": text} for text in ("SALE", "", "###")]
    (image,) = read_own_folder(*make(tmp_path / "d", {"img_1.json": labelme(*described)})).images
    assert image.texts == ["SALE", "", "###"] and image.ignored.tolist() == [False, False, True]
    box = "<bndbox><xmin>10</xmin><ymin>20</ymin><xmax>60</xmax><ymax>40</ymax></bndbox>"
    objects = (
        f"<object><name>text</name>{box}</object><object><name>text</name><difficult>1</difficult>{box}</object>"
    )
    labels = {"img_1.xml": f"<annotation>{objects}<object><name>text</name></object></annotation>"}
    found = read_own_folder(*make(tmp_path / "b", labels))
    (image,) = found.images
    assert found.layout == "pascal voc" and image.texts == ["", ""] and image.ignored.tolist() == [False, True]
    assert image.boxes.tolist() == [[10, 20, 60, 40]] * 2
    assert image.problems == {"object without xmin, ymin, xmax and ymax": 1}


def test_one_file_of_an_annotation_tool_points_to_its_folder(tmp_path):
    images, labels = make(tmp_path, {"img_1.json": labelme(), "img_1.xml": "<annotation/>", "note.txt": "hello"})
    for name, message in (("img_1.json", "LabelMe"), ("img_1.xml", "folder"), ("note.txt", "known formats")):
        with pytest.raises(AnnotationError, match=message):
            read_own_folder(images, labels / name)
