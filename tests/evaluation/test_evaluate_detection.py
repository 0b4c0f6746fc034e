"""Evaluation over a test set with a stand-in for the network, which is a function of each image alone."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_detection import HEIGHT, WIDTH, bright_is_text, make_entries, tiny_config, write_images, write_set

from src.common.errors import UserError
from src.ctpn.text_lines import detect_options, lines_from_maps
from src.data.detection.evaluation_images import check_folder, images_of
from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.data.recognition.word_gaps import word_boxes
from src.evaluation.ctpn import choose_source, evaluate_source
from src.evaluation.detection import DetectionEvaluation, evaluate_detection
from src.evaluation.detection_results import draw_detections, drawn_names, write_detection_results
from src.metrics.detection_result import GroundTruth
from src.metrics.official_script import evaluate_archives
from src.metrics.submission import read_ground_truth, read_submission, result_name, submission_names
from src.model_utils.config import load_config
from src.text_connector.detector import TextLines


def evaluated(source, **changes):
    return evaluate_source(tiny_config(**changes), bright_is_text, Path(source))


def same(first, second):
    """Whether two evaluations found the same, in the same images."""
    assert list(first.lines) == list(second.lines)
    for name, lines in first.lines.items():
        np.testing.assert_array_equal(lines.boxes, second.lines[name].boxes)
        np.testing.assert_array_equal(lines.scores, second.lines[name].scores)


@pytest.fixture(scope="module")
def evaluation(test_set):
    return evaluated(test_set.record)


def test_every_image_has_the_lines_found_in_it_alone(test_set, evaluation):
    """By name, whatever the order of the files: each is compared with a detection in that file only."""
    options = detect_options(tiny_config())
    assert list(evaluation.lines) == list(test_set.entries)
    assert sum(map(len, evaluation.lines.values())) >= len(test_set.entries)
    for name, (_, boxes, ignored, size) in test_set.entries.items():
        decoded = decode_image(test_set.images / name)
        assert decoded.shape[:2] == size
        image, _ = preprocess(decoded, (HEIGHT, WIDTH))
        alone = lines_from_maps(*bright_is_text(image[None]), np.array([size]), options)[0]
        np.testing.assert_allclose(evaluation.lines[name].boxes, alone.boxes, atol=1e-4)
        np.testing.assert_array_equal(evaluation.ground_truth[name].boxes, boxes)
        np.testing.assert_array_equal(evaluation.ground_truth[name].ignored, ignored)


@pytest.mark.parametrize("batch_size", [2, 3, 5, 8])
def test_the_batch_size_changes_nothing(test_set, evaluation, batch_size):
    shapes = []

    def predict(images):
        shapes.append(images.shape)
        return bright_is_text(images)

    config = tiny_config(test_batch_size=batch_size)
    same(evaluate_source(config, predict, test_set.record), evaluation)
    assert set(shapes) == {(batch_size, 3, HEIGHT, WIDTH)}, "a compiled network sees one shape"


def test_more_workers_and_kept_proportions(test_set, evaluation):
    same(evaluated(test_set.record, num_parallel_workers=4), evaluation)
    kept = evaluated(test_set.record, keep_ratio=True)
    assert any(not np.array_equal(kept.lines[name].boxes, evaluation.lines[name].boxes) for name in kept.lines)
    for name, (_, _, _, (height, width)) in test_set.entries.items():
        boxes = kept.lines[name].boxes
        assert (boxes >= 0).all()
        assert (boxes[:, [2, 3]] <= [width - 1, height - 1]).all()


def test_a_folder_of_images_has_no_ground_truth(test_set, evaluation, tmp_path):
    found = evaluated(test_set.images)
    assert set(found.lines) == set(evaluation.lines)
    for name in ("img_10.png", "b/img_2.bmp"):  # stored without loss, so the same pixels
        np.testing.assert_array_equal(found.lines[name].boxes, evaluation.lines[name].boxes)
    assert not found.has_ground_truth
    assert write_detection_results(found, tmp_path, "x", {}) == {}
    assert not (tmp_path / "gt.zip").exists()
    assert draw_detections(found, images_of(test_set.images, None, found.lines), tmp_path / "drawn") == 5


def test_two_images_of_one_name_and_none_at_all():
    options = detect_options(tiny_config())
    batch = {
        "images": np.zeros((2, 3, HEIGHT, WIDTH), np.float32),
        "pixels": [np.zeros((50, 50, 3), np.uint8)] * 2,
        "file_names": ["a.jpg"] * 2,
        "indices": [0, 1],
        "sizes": np.full((2, 2), 50),
        "boxes": [np.zeros((0, 4))] * 2,
        "ignored": [np.zeros(0, bool)] * 2,
    }
    with pytest.raises(UserError, match="two images named 'a.jpg'"):
        evaluate_detection(bright_is_text, [batch], 2, options)
    with pytest.raises(UserError, match="no image"):
        evaluate_detection(bright_is_text, [], 2, options)


# ---- what is written


def test_the_archives_score_as_printed(test_set, tmp_path):
    """The official protocol on submit_*.zip and gt.zip gives the metrics of results_*.json, to the last digit."""
    evaluation = evaluated(test_set.record, text_proposals_min_scores=0.9)
    metrics = write_detection_results(evaluation, tmp_path, "ctpn-1_5", {"checkpoint": "ctpn-1_5.ckpt"})
    record = json.loads((tmp_path / "results_ctpn-1_5.json").read_text())
    assert record["figures"] == metrics
    assert 0.2 < metrics["deteval"]["hmean"] < 1, "where nothing is found, everything agrees"
    for protocol, name in (("deteval", "deteval"), ("iou", "iou_0.5")):
        official = evaluate_archives(tmp_path / "gt.zip", tmp_path / "submit_ctpn-1_5.zip", protocol)
        assert official.metrics() == pytest.approx(metrics[name], abs=1e-9)
    assert record["images"] == 5
    assert record["checkpoint"] == "ctpn-1_5.ckpt"
    assert set(record["lines"]) == set(test_set.entries)
    submitted = read_submission(tmp_path / "submit_ctpn-1_5.zip")
    for name, lines in record["lines"].items():
        assert [line["box"] for line in lines] == submitted[Path(name).stem].tolist()
    truth = read_ground_truth(tmp_path / "gt.zip")
    assert truth["img_10"].ignored.tolist() == [False, True]


def test_words_of_a_line_match_word_ground_truth_one_to_one():
    image = np.full((40, 300, 3), 255, np.uint8)
    for x in (10, 200):
        cv2.putText(image, "word", (x, 28), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    line = one_line([8, 4, 282, 34])
    words = word_boxes(image, line.boxes)
    truth = GroundTruth(np.array([[8, 4, 92, 34], [198, 4, 282, 34]]))
    metrics = DetectionEvaluation({"1.jpg": line}, {"1.jpg": truth}, words={"1.jpg": words}).metrics()
    assert metrics["deteval_words"] == {"precision": 1.0, "recall": 1.0, "hmean": 1.0}
    assert metrics["iou_0.5"]["hmean"] == 0.0


def one_line(box):
    box = np.array([box], np.float32)
    return TextLines(box, np.array([0.9], np.float32), box[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(1, 4, 2))


def test_images_of_one_stem_do_not_collide(tmp_path):
    names = ["x/1.jpg", "y/1.jpg", "1.png", "2.v1.jpg", "x_1_jpg.png"]
    evaluation = DetectionEvaluation(
        {name: one_line([number, 0, 50, 20]) for number, name in enumerate(names)},
        {name: GroundTruth(np.array([[number, 0, 50, 20]])) for number, name in enumerate(names)},
    )
    metrics = write_detection_results(evaluation, tmp_path, "s", {})
    assert metrics["deteval"]["hmean"] == 1
    submitted = read_submission(tmp_path / "submit_s.zip")
    assert sorted(boxes[0, 0] for boxes in submitted.values()) == [0, 1, 2, 3, 4]
    assert set(submitted) == set(read_ground_truth(tmp_path / "gt.zip"))
    assert evaluate_archives(tmp_path / "gt.zip", tmp_path / "submit_s.zip").hmean == 1
    keys = submission_names(names)
    assert keys["2.v1.jpg"] == "2.v1.jpg"
    assert keys["y/1.jpg"] == "y_1_jpg"
    assert {"2.v1", "y_1_jpg", "1_png"} < set(submitted)


@pytest.mark.parametrize("name", ["submit_s.zip", "gt.zip", "results_s.json", "1.jpg"])
def test_a_full_disk_names_the_file(tmp_path, no_room_for, name):
    evaluation = DetectionEvaluation(
        {"1.jpg": one_line([1, 1, 9, 9])}, {"1.jpg": GroundTruth(np.array([[1, 1, 9, 9]]))}
    )
    no_room_for(name)
    with pytest.raises(UserError, match=f"cannot write .*/{name}: No space left on device"):
        write_detection_results(evaluation, tmp_path, "s", {})
        draw_detections(evaluation, [("1.jpg", np.zeros((20, 20, 3), np.uint8))], tmp_path)
    assert name not in os.listdir(tmp_path)


def test_drawn_images_keep_names_and_sizes(test_set, evaluation, tmp_path):
    images = images_of(test_set.record, None, evaluation.lines)
    assert draw_detections(evaluation, images, tmp_path) == 5
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"img_3.jpg", "img_10.png.jpg", "img_1.JPEG", "b/img_2.bmp.jpg", "a.b/img_7.v2.png.jpg"}
    drawn = cv2.imread(str(tmp_path / "b" / "img_2.bmp.jpg"))
    assert drawn.shape == (33, 200, 3)
    plain = cv2.cvtColor(decode_image(test_set.images / "b/img_2.bmp"), cv2.COLOR_RGB2BGR)
    assert (abs(drawn.astype(int) - plain).max(axis=2) > 60).mean() > 0.02


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a/b.png", "a/b.png.jpg"),
        ("../../x.jpg", "x.jpg"),
        ("/etc/x.jpg", "etc/x.jpg"),
        ("..", "unnamed.jpg"),
        ("a\\..\\..\\x.JPG", "a/x.JPG"),
        ("//server/x", "server/x.jpg"),
        ("", "unnamed.jpg"),
        ("a\0b.jpg", "a_b.jpg"),
        (".jpg", ".jpg.jpg"),
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path, name, inside):
    assert str(drawn_names([name])[name]) == inside
    evaluation = DetectionEvaluation({name: one_line([1, 1, 9, 9])}, {}, has_ground_truth=False)
    draw_detections(evaluation, [(name, np.zeros((20, 20, 3), np.uint8))], tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.[jJ][pP][gG]")] == [inside]


def test_drawings_of_two_images_never_share_a_file():
    names = ["a", "a.jpg", "A.JPG", "a_.jpg", "b.jpg/1.png", "b", "../a.jpg"]
    places = drawn_names(names)
    assert str(places["a.jpg"]) == "a.jpg"
    shown = [str(place).lower() for place in places.values()]
    assert len(set(shown)) == len(names)
    assert "b.jpg" not in shown, "it is a folder"
    assert all(place.suffix.lower() == ".jpg" for place in places.values())


def test_long_names_are_cut_and_kept_apart():
    names = ["d" * 200 + "/" + "a" * 200 + end for end in ("1.png", "2.png")] + [
        "n" * 251 + ".png",
        "a/1.png",
        "b/1.png",
    ]
    keys, places = submission_names([*names, "e/" + names[0]]), drawn_names(names)
    assert len(set(keys.values())) == len(keys) and all(len(result_name(key)) <= 255 for key in keys.values())
    assert all(len(part) <= 255 for place in places.values() for part in place.parts)
    assert len(set(places.values())) == len(names)


# ---- where the images come from


def test_images_come_from_the_folder_by_name(test_set, tmp_path):
    """Files of a folder that have nothing to do with the test set shift nothing."""
    folder = write_images(tmp_path, make_entries({"0.jpg": (50, 50), "zzz.png": (50, 50)}))
    write_images(folder, test_set.entries)
    black = np.zeros((70, 100, 3), np.uint8)
    cv2.imwrite(str(folder / "img_3.jpg"), black)
    check_folder(test_set.record, folder)
    shown = dict(images_of(test_set.record, folder, test_set.entries))
    assert set(shown) == set(test_set.entries)
    np.testing.assert_array_equal(shown["img_3.jpg"], black)
    assert {name: image.shape[:2] for name, image in shown.items()} == {
        name: entry[3] for name, entry in test_set.entries.items()
    }
    (folder / "b" / "img_2.bmp").unlink()
    with pytest.raises(UserError, match=r"lacks 1 of the 5 images of the test set .*: b/img_2.bmp$"):
        check_folder(test_set.record, folder)


def test_a_damaged_record_is_left_out_named_and_not_drawn(test_set, tmp_path, capsys):
    entries = dict(test_set.entries)
    entries["broken.jpg"] = (b"no image", *entries["img_3.jpg"][1:])
    source = write_set(tmp_path, entries)
    with pytest.raises(UserError, match="1 of 6 samples.*broken.jpg: not an image"):
        evaluated(source)
    evaluation = evaluated(source, max_bad_ratio=0.2)
    assert "left out broken.jpg: not an image" in capsys.readouterr().out
    assert set(evaluation.lines) == set(test_set.entries)
    assert draw_detections(evaluation, images_of(source, None, evaluation.lines), tmp_path / "drawn") == 5


def chosen(*arguments):
    return choose_source(load_config([*map(str, arguments)]))


def test_the_source_and_the_folder_that_is_drawn_on(test_set, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record, images = test_set.record, test_set.images
    assert chosen("--dataset_path", record) == (record, None)
    for key in ("--image_path", "--img_dir"):
        assert chosen("--dataset_path", record, key, images) == (record, images)
        assert chosen("--dataset_path=", key, images) == (images, images)
    assert capsys.readouterr().out == ""
    # Alone: nobody asked for the usual MindRecord, and it is not there.
    assert chosen("--image_path", images) == (images, images)
    assert "without ground truth" in capsys.readouterr().out
    # The usual MindRecord is there.
    usual = write_set(tmp_path / "data/ctpn/test", test_set.entries)
    assert chosen("--image_path", images) == (usual.relative_to(tmp_path), images)
    assert chosen() == (usual.relative_to(tmp_path), None)


def test_sources_that_cannot_be_used_are_told_before_any_work(test_set, tmp_path):
    record, images = test_set.record, test_set.images
    for arguments, words in (
        (["--dataset_path="], "dataset_path: is empty, and so is image_path"),
        (["--image_path", record], "image_path: .* is not a folder"),
        (["--image_path", "a", "--img_dir", "b"], "img_dir: 'b' differs from image_path 'a'"),
        (["--dataset_path", record.parent], "dataset_path: .* is a folder"),
        (["--dataset_path", record, "--image_path", tmp_path], "image_path: .* lacks 5 of the 5 images"),
        (["--dataset_path", tmp_path / "no", "--image_path", images], "dataset_path: .*: no such MindRecord"),
        (["--dataset_path", "no.mindrecord"], "no.mindrecord: no such MindRecord file .*create_dataset.py makes it"),
    ):
        with pytest.raises(UserError, match=words):
            chosen(*arguments)
    # Nothing is drawn, so the folder need not hold anything.
    assert chosen("--dataset_path", record, "--image_path", tmp_path, "--draw_results", "False")[0] == record
