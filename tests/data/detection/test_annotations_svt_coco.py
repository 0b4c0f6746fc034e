"""SVT XML and COCO-Text JSON."""

import json

import pytest
from PIL import Image

from src.data.detection.annotations.coco_text import read_coco_text
from src.data.detection.annotations.labeled_image import AnnotationError
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.annotations.sources import DataSetError, find_sources
from src.data.detection.annotations.svt_xml import read_svt
from src.data.detection.options import DataSetOptions

RECTANGLE = '<taggedRectangle height="75" width="236" x="375" y="253"><tag>LIVING</tag></taggedRectangle>'


def svt_xml(*images: tuple[str, str]) -> str:
    rows = (
        f"<image><imageName>{name}</imageName><lex>A,B</lex><Resolution x='1280' y='880'/>"
        f"<taggedRectangles>{rectangles}</taggedRectangles></image>"
        for name, rectangles in images
    )
    return f"<?xml version='1.0' encoding='utf-8'?><tagset>{''.join(rows)}</tagset>"


@pytest.fixture
def svt_folder(tmp_path):
    (tmp_path / "img").mkdir()
    for name in ("14_03.jpg", "14_04.jpg"):
        Image.new("RGB", (1280, 880)).save(tmp_path / "img" / name)
    return tmp_path


@pytest.mark.parametrize(("folder", "name"), [("img", "14_03.jpg"), ("", "img/14_03.jpg")])
def test_svt_official_xml(svt_folder, folder, name):
    xml = svt_folder / "train.xml"
    xml.write_text(svt_xml(("img/14_03.jpg", RECTANGLE), ("img/14_04.jpg", "")))
    first, second = read_svt(svt_folder / folder, xml).images
    assert first.boxes.tolist() == [[375, 253, 375 + 236 - 1, 253 + 75 - 1]] and first.texts == ["LIVING"]
    assert first.path == svt_folder / "img/14_03.jpg" and first.name == name
    assert len(second.boxes) == 0


def test_svt_bad_rectangles_and_names(svt_folder):
    xml = svt_folder / "train.xml"
    broken = '<taggedRectangle height="75" width="wide" x="1" y="2"/><taggedRectangle x="1"/>'
    names = ["../secret.jpg", "/etc/passwd", "img\\..\\..\\a.jpg", "", "C:/a.jpg"]
    xml.write_text(svt_xml(("img/14_03.jpg", RECTANGLE + broken), *((name, RECTANGLE) for name in names)))
    found = read_svt(svt_folder / "img", xml)
    (image,) = found.images
    assert len(image.boxes) == 1 and image.problems == {"rectangle without x, y, width and height": 2}
    assert found.skipped == {"unsafe image name in the XML": len(names)}


@pytest.mark.parametrize(
    "content",
    [
        "no xml at all",
        "<tagset><image>",
        "<annotations/>",
        '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><tagset>&d;</tagset>',
        "",
    ],
)
def test_svt_foreign_files(svt_folder, content):
    xml = svt_folder / "train.xml"
    xml.write_text(content)
    with pytest.raises(AnnotationError):
        read_svt(svt_folder / "img", xml)
    with pytest.raises(AnnotationError):
        read_svt(svt_folder / "img", svt_folder / "none.xml")


def coco_text(**changes) -> dict:
    def image_entry(number, split="train"):
        name = f"COCO_train2014_{number:012d}.jpg"
        return {"id": number, "set": split, "width": 600, "height": 400, "file_name": name}

    def word(number, image, bbox, **attributes):
        base = {"legibility": "legible", "language": "english", "class": "machine printed"}
        return {"id": number, "image_id": image, "bbox": bbox, "utf8_string": "w", **base, **attributes}

    content = {
        "imgs": {"1": image_entry(1), "2": image_entry(2), "3": image_entry(3, "val"), "4": image_entry(4)},
        "anns": {
            "10": word(10, 1, [10.4, 20.0, 100.0, 30.0]),
            "11": word(11, 1, [200, 20, 50, 30], legibility="illegible"),
            "12": word(12, 1, [10, 60, 9, 30]),
            "13": word(13, 1, [10, 100, 40, 30], language="not english"),
            "14": word(14, 1, [10, 140, 40, 30], **{"class": "handwritten"}),
            "15": word(15, 1, "broken"),
            "20": word(20, 2, [10, 20, 50, 30], legibility="illegible"),
            "30": word(30, 3, [10, 20, 50, 30]),
        },
        "imgToAnns": {"1": [10, 11, 12, 13, 14, 15], "2": [20], "3": [30], "4": []},
    }
    return {**content, **changes}


def write_coco(tmp_path, content, images=("train2017/000000000001.jpg",)):
    for name in images:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (600, 400)).save(tmp_path / name)
    (tmp_path / "cocotext.v2.json").write_text(json.dumps(content))
    return tmp_path, tmp_path / "cocotext.v2.json"


def test_coco_text_rules(tmp_path):
    found = read_coco_text(*write_coco(tmp_path, coco_text()))
    (image,) = found.images
    assert image.path == tmp_path / "train2017/000000000001.jpg"
    # Illegible, and narrower than a sixtieth of the image: ignored, not dropped.
    assert image.ignored.tolist() == [False, True, True, False, False]
    assert image.boxes[0].tolist() == [10, 20, 109, 49]
    assert image.problems == {"annotation without bbox x, y, width, height": 1}
    assert found.skipped == {"another split": 1, "no legible text": 2}


@pytest.mark.parametrize(
    "where", ["val2017/000000000001.jpg", "train2014/COCO_train2014_000000000001.jpg", "000000000001.jpg"]
)
def test_coco_images_are_found_where_coco_keeps_them(tmp_path, where):
    (image,) = read_coco_text(*write_coco(tmp_path, coco_text(), [where])).images
    assert image.path == tmp_path / where


def test_coco_validation_split(tmp_path):
    (image,) = read_coco_text(*write_coco(tmp_path, coco_text()), split="val").images
    assert image.name == "000000000003.jpg"


def test_coco_lists_as_own_labels(tmp_path):
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 600, "height": 400}],
        "annotations": [
            {"id": 1, "image_id": 7, "bbox": [10, 20, 50, 30]},
            {"id": 2, "image_id": 7, "bbox": [100, 20, 50, 30], "iscrowd": 1},
        ],
    }
    (image,) = read_own_folder(*write_coco(tmp_path, content, ["a.jpg"])).images
    assert image.boxes.tolist() == [[10, 20, 59, 49], [100, 20, 149, 49]]
    assert image.ignored.tolist() == [False, True] and image.path == tmp_path / "a.jpg"


def standard(annotations, categories=()):
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 600, "height": 400} for number in (1, 2)]
    numbered = [{"id": number, "image_id": 1, **item} for number, item in enumerate(annotations, 1)]
    return {"images": images, "annotations": numbered, "categories": [{"id": i, "name": n} for i, n in categories]}


def test_standard_coco_has_polygons_texts_and_crowds(tmp_path):
    quad = [10, 20, 110, 30, 108, 60, 8, 50]
    content = standard(
        [
            {"segmentation": [quad], "utf8_string": "one", "bbox": [0, 0, 1, 1]},
            {"segmentation": [[0, 90, 20, 90, 10, 99], [30, 90, 50, 90, 40, 95]], "attributes": {"text": "two"}},
            {"segmentation": {"counts": [1, 2], "size": [400, 600]}, "bbox": [100, 200, 50, 30], "iscrowd": 1},
            {"bbox": [300, 20, 50, 30], "attributes": {"legible": False, "transcription": "dim"}},
            {"bbox": [300, 90, 50, 30], "utf8_string": "###"},
            {"bbox": [1, 2, 3]},
            {"segmentation": [[1, 2, 3, 4]]},
        ]
    )
    read, without_text = read_own_folder(*write_coco(tmp_path, content, ["1.jpg", "2.jpg"])).images
    assert read.boxes.tolist()[:3] == [[8, 20, 110, 60], [0, 90, 50, 99], [100, 200, 149, 229]]
    assert read.texts == ["one", "two", "", "dim", "###"]
    assert read.ignored.tolist() == [False, False, True, True, True]
    assert read.problems == {"annotation without polygon and bbox x, y, width, height": 2}
    assert len(without_text.boxes) == 0 and without_text.path == tmp_path / "2.jpg"


def test_of_several_categories_those_of_text_count(tmp_path):
    boxes = [{"bbox": [10, 20, 50, 30], "category_id": 1}, {"bbox": [100, 20, 50, 30], "category_id": 2}]
    found = read_own_folder(*write_coco(tmp_path, standard(boxes, [(1, "car"), (2, "Text")]), ["1.jpg"]))
    assert found.images[0].boxes.tolist() == [[100, 20, 149, 49]]
    assert found.skipped == {"annotation of another category": 1}
    found = read_own_folder(*write_coco(tmp_path, standard(boxes, [(1, "sign"), (2, "plate")]), ["1.jpg"]))
    assert len(found.images[0].boxes) == 2


@pytest.mark.parametrize(
    "content",
    [
        {"images": [{"file_name": "a.jpg"}], "annotations": []},
        {"images": [{"id": 1}], "annotations": []},
        {"images": 3, "annotations": []},
        {"images": [], "annotations": [{"id": 1}]},
        {"images": [{"id": [], "file_name": "a.jpg"}], "annotations": []},
        {"images": [], "annotations": [4]},
        {"images": [], "annotations": [], "categories": [{"id": 1}]},
        {"images": [], "annotations": [{"id": 1, "image_id": 1}], "categories": [{"id": 1, "name": "text"}]},
    ],
)
def test_standard_coco_foreign_files(tmp_path, content, capsys):
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match=r"c\.json': not COCO annotations \(\w+: .*\)$"):
        read_own_folder(tmp_path, tmp_path / "c.json")
    assert capsys.readouterr().out == ""


def test_coco_unsafe_names(tmp_path):
    content = coco_text()
    content["imgs"]["1"]["file_name"] = "../../secret.jpg"
    found = read_coco_text(*write_coco(tmp_path, content))
    assert not found.images and found.skipped["unsafe image name in the JSON"] == 1


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"imgs": {}}', '{"imgs": 3, "anns": {}}', '{"imgs": [1], "anns": []}']
)
def test_coco_foreign_files(tmp_path, content):
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(AnnotationError):
        read_coco_text(tmp_path, tmp_path / "c.json")


def test_a_folder_of_coco_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "cocotext.json").write_text('{"imgs": {}, "anns": {}}')
    options = DataSetOptions(
        coco_root=str(tmp_path), cocotext_json=str(tmp_path / "cocotext.json"), coco_train_data_type="train2041"
    )
    with pytest.raises(DataSetError, match="coco_train_data_type: .* has no folder 'train2041'"):
        find_sources(["coco"], options, split="train", list_key="train_dataset")
