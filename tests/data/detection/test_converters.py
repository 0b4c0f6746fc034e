"""convert_svt and convert_icdar2015, through their command lines and read back."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from src.data.detection.annotations.label_files import read_icdar2015
from src.data.detection.annotations.labeled_image import AnnotationError
from src.data.detection.annotations.svt_xml import read_svt
from src.data.detection.label_conversion import convert_icdar2015, convert_svt

REPOSITORY = Path(__file__).resolve().parents[3]
QUADS = "\ufeff377,117,463,117,465,130,378,130,Genaxis, Theatre\r\n493,115,519,115,519,131,493,131,###\r\nbroken\r\n"
XML = """<tagset>
<image><imageName>img/14_03.jpg</imageName><taggedRectangles>
<taggedRectangle height="75" width="236" x="375" y="253"><tag>LIVING</tag></taggedRectangle>
</taggedRectangles></image>
<image><imageName>img/missing.jpg</imageName><taggedRectangles/></image>
<image><imageName>../outside.jpg</imageName><taggedRectangles/></image>
</tagset>"""


def run(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    # From a folder of its own: the command must find the project without PYTHONPATH.
    command = [sys.executable, str(REPOSITORY / "src" / script), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def svt(tmp_path):
    (tmp_path / "img").mkdir()
    Image.new("RGB", (1280, 880)).save(tmp_path / "img" / "14_03.jpg")
    Image.new("RGB", (10, 10)).save(tmp_path / "outside.jpg")
    (tmp_path / "train.xml").write_text(XML)
    return tmp_path


@pytest.mark.parametrize("flag", ["--dataset_path", "--dataset_dir"])
def test_convert_svt_command(svt, flag):
    done = run("convert_svt.py", svt, f"{flag}=img", "--xml_file=train.xml", "--location_dir=location")
    assert done.returncode == 0, done.stderr
    assert "1 image missing" in done.stdout and "1 unsafe image name" in done.stdout
    assert [path.name for path in (svt / "location").iterdir()] == ["gt_14_03.txt"]
    assert (svt / "location/gt_14_03.txt").read_text() == "375,253,610,327,LIVING\n"
    (from_xml, *_) = read_svt(svt / "img", svt / "train.xml").images
    (converted,) = read_svt(svt / "img", svt / "location").images
    assert converted.boxes.tolist() == from_xml.boxes.tolist() and converted.texts == from_xml.texts


def test_convert_icdar2015_command_keeps_ignored_marks(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/gt_img_1.txt").write_bytes(QUADS.encode())
    (tmp_path / "labels/gt_img_2.txt").write_bytes(b"")
    done = run("convert_icdar2015.py", tmp_path, "--src_label_path", "labels", "--target_label_path", "boxes")
    assert done.returncode == 0, done.stderr
    assert "2 label files with 2 boxes, 1 of them ignored" in done.stdout
    assert "1 not a label line" in done.stdout
    converted = (tmp_path / "boxes/gt_img_1.txt").read_text()
    assert converted == "377,117,465,130,Genaxis, Theatre\n493,115,519,131,###\n"
    assert (tmp_path / "boxes/gt_img_2.txt").read_text() == ""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (1280, 720)).save(tmp_path / "images/img_1.png")
    (official,) = read_icdar2015(tmp_path / "images", tmp_path / "labels").images
    (boxes,) = read_icdar2015(tmp_path / "images", tmp_path / "boxes").images
    assert official.boxes.tolist() == boxes.boxes.tolist()
    assert official.ignored.tolist() == boxes.ignored.tolist() == [False, True]


def test_mlt_labels_convert_too(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/gt_img_1.txt").write_text("1,2,30,2,30,40,1,40,Latin,word\n")
    convert_icdar2015(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b/gt_img_1.txt").read_text() == "1,2,30,40,word\n"


def test_command_errors_are_one_line(tmp_path):
    done = run("convert_icdar2015.py", tmp_path, "--src_label_path", "none", "--target_label_path", "b")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "'none'" in done.stderr
    done = run("convert_svt.py", tmp_path, "--xml_file=a", f"--{'x' * 5000}")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and len(done.stderr) <= 301


def test_nothing_is_read_or_written_outside(tmp_path):
    source = tmp_path / "labels"
    source.mkdir()
    (tmp_path / "secret.txt").write_text("1,2,30,2,30,40,1,40,secret\n")
    (source / "gt_link.txt").symlink_to(tmp_path / "secret.txt")
    (source / "gt_1.txt").write_text("1,2,30,2,30,40,1,40,word\n")
    report = convert_icdar2015(source, tmp_path / "boxes")
    assert [path.name for path in (tmp_path / "boxes").iterdir()] == ["gt_1.txt"]
    assert report.refused == {"link out of the folder": 1}


def test_sources_are_never_overwritten(tmp_path):
    (tmp_path / "gt_1.txt").write_text("1,2,30,2,30,40,1,40,word\n")
    with pytest.raises(AnnotationError, match="source folder"):
        convert_icdar2015(tmp_path, tmp_path / "." / "")
    with pytest.raises(AnnotationError, match="eight"):
        (tmp_path / "gt_1.txt").write_text("1,2,30,40,word\n")
        convert_icdar2015(tmp_path, tmp_path / "b")


def test_svt_images_that_share_a_label_file(svt):
    image = "<image><imageName>img/14_03.jpg</imageName><taggedRectangles/></image>"
    (svt / "train.xml").write_text(f"<tagset>{image}{image}</tagset>")
    with pytest.raises(AnnotationError, match="share"):
        convert_svt(svt / "img", svt / "train.xml", svt / "location")
