"""Reading and writing the files of the protocols, and the command that scores them."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import UserError
from src.metrics import safe_zip
from src.metrics.deteval import deteval
from src.metrics.official_script import evaluate_archives, main
from src.metrics.safe_zip import ArchiveError, read_text_members
from src.metrics.submission import (
    SubmissionError,
    ground_truth_name,
    image_key,
    parse_ground_truth,
    parse_results,
    read_ground_truth,
    read_submission,
    result_name,
    write_results,
    write_submission,
)

SHARED = Path(os.environ.get("OCR_SHARED_DATA") or Path(__file__).resolve().parents[2].parent / "shared")
SETS = SHARED / "data" / "detection"


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "image, key",
    [
        ("img_12.jpg", "img_12"),
        ("100.jpg", "100"),
        ("a/b/img_1.JPEG", "img_1"),
        (r"a\img_1.png", "img_1"),
        ("img.v2.png", "img.v2"),
        ("img_3", "img_3"),
    ],
)
def test_names(image, key):
    assert image_key(image) == key
    assert result_name(image) == f"res_{key}.txt"
    assert ground_truth_name(image) == f"gt_{key}.txt"


@pytest.mark.parametrize(
    "text",
    [
        '38, 43, 920, 215, "Tiredness"\n275, 264, 665, 450, "kills, \\"now\\""\n0, 0, 9, 9, "###"\n',
        '38,43,920,215,"Tiredness"\n275,264,665,450,"kills, \\"now\\""\n0,0,9,9,"###"',
        '38 43 920 215 "Tiredness"\n275 264 665 450 "kills, \\"now\\""\n0 0 9 9 "###"\n',
        '38 43 920 215 Tiredness\r\n\r\n275 264 665 450 kills, "now"\r\n0 0 9 9 ###\r\n',
    ],
)
def test_ground_truth_formats(text):
    truth = parse_ground_truth(text)
    np.testing.assert_array_equal(truth.boxes, [[38, 43, 920, 215], [275, 264, 665, 450], [0, 0, 9, 9]])
    assert truth.texts == ("Tiredness", 'kills, "now"', "###")
    assert truth.ignored.tolist() == [False, False, True]
    assert truth.polygons is None


def test_ground_truth_words_that_look_like_numbers():
    truth = parse_ground_truth('1,2,3,4,"5,6,7,8"\n1,2,3,4,56\n1 2 3 45 6 7\n1,2,3,4\n1,2,3,4,""')
    assert truth.texts == ("5,6,7,8", "56", "6 7", "", "")
    np.testing.assert_array_equal(truth.boxes[2], [1, 2, 3, 45])


def test_quadrilaterals():
    truth = parse_ground_truth("377,117,463,117,465,130,378,130,Genaxis Theatre\n1,1,5,0,6,4,0,5,###\n")
    np.testing.assert_array_equal(truth.boxes, [[377, 117, 465, 130], [0, 0, 6, 5]])
    np.testing.assert_array_equal(truth.polygons[0], [[377, 117], [463, 117], [465, 130], [378, 130]])
    assert truth.texts[0] == "Genaxis Theatre"
    assert truth.ignored.tolist() == [False, True]
    mlt = parse_ground_truth("0,0,9,0,9,9,0,9,Latin,###\n0,0,9,0,9,9,0,9,Latin,a")
    assert mlt.ignored.tolist() == [True, False]


def test_empty_files_are_images_without_text():
    assert parse_ground_truth(" \n\n").boxes.shape == (0, 4)
    assert parse_results("\r\n").shape == (0, 4)


@pytest.mark.parametrize("line", ["1,2,3", "a,b,c,d", "1;2;3;4", "9,9,1,1,w", "1,2,3,x,word"])
def test_bad_ground_truth_line_is_named(line):
    with pytest.raises(SubmissionError, match="line 2"):
        parse_ground_truth(f"1,2,3,4,a\n{line}\n")


@pytest.mark.parametrize("line", ["1,2,3", "1.5,2,3,4", "1,2,3,4,.9", "5,0,4,9", "0 0 4 4", "1,2,3,4,5,6,7,8"])
def test_results_are_as_strict_as_the_official_script(line):
    with pytest.raises(SubmissionError, match="line 2"):
        parse_results(f"1,2,3,4\n{line}\n")


def test_submission_round_trip(tmp_path):
    found = {
        "img_1.jpg": np.array([[0.4, 1.6, 99.5, 20.0], [-0.2, 3, 5, 7]], np.float32),
        "img_2.png": np.empty((0, 4)),
        "100.jpg": [[1, 2, 3, 4]],
    }
    path = write_submission(tmp_path / "new" / "submit_ctpn-1.zip", found)
    with zipfile.ZipFile(path) as packed:
        assert sorted(packed.namelist()) == ["res_100.txt", "res_img_1.txt", "res_img_2.txt"]
        assert packed.read("res_img_1.txt") == b"0,2,100,20\n0,3,5,7\n"
    assert [file.name for file in path.parent.iterdir()] == ["submit_ctpn-1.zip"]
    back = read_submission(path)
    assert sorted(back) == ["100", "img_1", "img_2"]
    np.testing.assert_array_equal(back["img_1"], [[0, 2, 100, 20], [0, 3, 5, 7]])
    assert back["img_2"].shape == (0, 4)
    first = path.read_bytes()
    assert write_submission(path, found).read_bytes() == first
    files = write_results(tmp_path / "submit", found)
    assert {file.name for file in files} == {"res_100.txt", "res_img_1.txt", "res_img_2.txt"}
    assert (tmp_path / "submit" / "res_100.txt").read_text() == "1,2,3,4\n"


def test_a_full_disk_names_the_file(tmp_path, no_room_for):
    no_room_for("res_b.txt")
    with pytest.raises(UserError, match="cannot write .*/res_b.txt: No space left on device"):
        write_results(tmp_path, {"a.jpg": np.zeros((0, 4)), "b.jpg": np.zeros((0, 4))})
    assert os.listdir(tmp_path) == ["res_a.txt"]


def test_two_images_of_one_name_are_refused(tmp_path):
    nothing = np.empty((0, 4))
    with pytest.raises(SubmissionError, match=r"res_img_1\.txt"):
        write_submission(tmp_path / "s.zip", {"a/img_1.jpg": nothing, "b/img_1.png": nothing})
    with pytest.raises(SubmissionError, match="not finite"):
        write_submission(tmp_path / "s.zip", {"img_1.jpg": np.array([[0, 0, np.nan, 1]])})
    assert list(tmp_path.iterdir()) == []


def test_byte_order_mark_and_windows_lines(tmp_path):
    content = '\ufeff1, 2, 3, 4, "a"\r\n5, 6, 7, 8, "é"\r\n'
    path = archive(tmp_path / "gt.zip", {"gt_img_1.txt": content.encode()})
    truth = read_ground_truth(path)["img_1"]
    np.testing.assert_array_equal(truth.boxes, [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert truth.texts == ("a", "é")
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt_9.txt").write_bytes('\ufeff1 2 3 4 "a"\r\n'.encode())
    assert read_ground_truth(tmp_path / "gt")["9"].texts == ("a",)


def test_foreign_members_are_passed_over(tmp_path):
    members = {"gt_1.txt": "1,2,3,4,a", "__MACOSX/._gt_1.txt": b"\xff", ".DS_Store": b"\x00", "read.me": "x"}
    assert list(read_ground_truth(archive(tmp_path / "gt.zip", members))) == ["1"]


@pytest.mark.parametrize(
    "members, message",
    [
        ({"sub/res_1.txt": "1,2,3,4"}, "at the root"),
        ({"../res_1.txt": "1,2,3,4"}, "at the root"),
        ({"..\\res_1.txt": "1,2,3,4"}, "at the root"),
        ({"img_1.txt": "1,2,3,4"}, "must be named res_"),
        ({"res_1.txt": b"\xff\xfe1"}, "not UTF-8"),
        ({"readme.md": "hello"}, "no res_"),
        ({"res_1.txt": " " * 200}, "over 100 bytes"),
        ({f"res_{i}.txt": " " * 90 for i in range(9)}, "more than 500 bytes"),
        ({f"res_{i}.txt": "" for i in range(11)}, "at most 10"),
    ],
)
def test_bad_archives(tmp_path, monkeypatch, members, message):
    monkeypatch.setattr(safe_zip, "MAX_MEMBER_BYTES", 100)
    monkeypatch.setattr(safe_zip, "MAX_TOTAL_BYTES", 500)
    monkeypatch.setattr(safe_zip, "MAX_MEMBERS", 10)
    path = archive(tmp_path / "submit.zip", members)
    with pytest.raises(UserError, match=message):
        read_submission(path)
    assert [file.name for file in tmp_path.iterdir()] == ["submit.zip"]


def test_damaged_archives(tmp_path):
    path = tmp_path / "submit.zip"
    with pytest.raises(ArchiveError, match="No such file"):
        read_text_members(path)
    path.write_bytes(b"")
    with pytest.raises(ArchiveError, match="not a readable zip"):
        read_text_members(path)
    archive(path, {"res_1.txt": os.urandom(300).hex()})
    whole = bytearray(path.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError, match="not a readable zip"):
        read_text_members(path)
    whole[100] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(ArchiveError, match="not a readable zip"):
        read_text_members(path)
    whole[100] ^= 0xFF
    for flags in (6, whole.rfind(b"PK\x01\x02") + 8):
        whole[flags] |= 1
    path.write_bytes(whole)
    with pytest.raises(ArchiveError, match="encrypted"):
        read_text_members(path)


def test_a_member_larger_than_it_says_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_zip, "MAX_MEMBER_BYTES", 1000)
    path = archive(tmp_path / "submit.zip", {"res_1.txt": " " * 100_000})
    content = bytearray(path.read_bytes())
    size = (100_000).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (900).to_bytes(4, "little")))
    with pytest.raises(ArchiveError):
        read_text_members(path)


def test_command_answers_as_the_official_script(tmp_path, capsys):
    truth = archive(
        tmp_path / "gt.zip",
        {"gt_img_1.txt": '0, 0, 99, 19, "a"\n0, 50, 99, 69, "b"\n', "gt_img_2.txt": '5, 5, 9, 9, "###"\n'},
    )
    submission = write_submission(
        tmp_path / "submit.zip", {"img_1.jpg": [[0, 0, 99, 19], [0, 0, 49, 9]], "img_2.jpg": [[5, 5, 9, 9]]}
    )
    assert main([f"-g={truth}", f"-s={submission}", f"-o={tmp_path / 'out'}"]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("Calculated!{")
    metrics = json.loads(line.removeprefix("Calculated!"))
    assert list(metrics) == ["precision", "recall", "hmean"]
    want = deteval(read_ground_truth(truth), read_submission(submission))
    assert metrics == pytest.approx(want.metrics())
    assert metrics == pytest.approx({"precision": 0.8, "recall": 0.4, "hmean": 0.64 / 1.2})
    with zipfile.ZipFile(tmp_path / "out" / "results.zip") as packed:
        assert json.loads(packed.read("method.json")) == metrics
        assert json.loads(packed.read("img_2.json"))["ignored_detections"] == [0]
    assert main(["-g", str(truth), "-s", str(submission), "-p", "iou"]) == 0
    assert json.loads(capsys.readouterr().out.split("!")[1])["recall"] == 0.5


def test_command_reports_bad_input_in_one_line(tmp_path, capsys):
    truth = archive(tmp_path / "gt.zip", {"gt_img_1.txt": '0, 0, 99, 19, "a"\n'})
    submission = write_submission(tmp_path / "submit.zip", {"img_7.jpg": [[0, 0, 9, 9]]})
    assert main([f"-g={truth}", f"-s={submission}"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1 and "img_7" in output.err
    with pytest.raises(UserError, match="protocol"):
        evaluate_archives(truth, submission, "other")


@pytest.mark.skipif(not SETS.is_dir(), reason="the shared data sets are not here")
@pytest.mark.parametrize("name, images", [("icdar2013_train", 194), ("icdar2011_borndigital_train", 410)])
def test_real_ground_truth_scores_itself(tmp_path, name, images):
    truth = read_ground_truth(SETS / name / "gt")
    assert len(truth) == images
    words = [word for image in truth.values() for word in image.texts]
    assert len(words) > images and all(words)
    assert sum(word.startswith('"') for word in words) < 0.01 * len(words)  # a few were painted with quotes
    found = {key: image.boxes for key, image in truth.items()}
    result = deteval(truth, read_submission(write_submission(tmp_path / "submit.zip", found)))
    assert 0.97 < result.hmean <= 1
