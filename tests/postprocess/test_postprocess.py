"""Dumped outputs give what an evaluation of the same maps gives, for any image size, ending and kind of dump."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dumped_outputs import write_outputs
from program_environment import program_environment
from tiny_detection import HEIGHT, WIDTH, bright_is_text, make_entries, tiny_config, write_images, write_labels

from src.common.errors import UserError
from src.ctpn.proposal_generator import generate_proposals
from src.ctpn.text_lines import detect_options
from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.evaluation.ctpn import evaluate_source
from src.evaluation.detection_results import write_detection_results
from src.metrics.official_script import evaluate_archives
from src.metrics.submission import read_submission
from src.postprocess.ctpn import postprocess_ctpn
from src.postprocess.output_files import OutputFileError

SCORE = 0.9  # so that the bright bars are found and little else
ROWS = 400  # more than there are anchors, so that some are masked


def maps_of(path, keep_ratio=False):
    decoded = decode_image(path)
    image, _ = preprocess(decoded, (HEIGHT, WIDTH), keep_ratio)
    return decoded.shape[:2], bright_is_text(image[None])


def proposals_of(maps, rows=ROWS):
    """(1, rows, 5) and (1, rows) as the exported graph with proposals gives them, filled up with what is masked."""
    options = detect_options(tiny_config())
    found = generate_proposals(*maps, options.anchors())[0]
    table = np.full((rows, 5), 7, np.float32)
    count = min(rows, len(found))
    table[:count] = np.column_stack([found.boxes, found.scores])[:count]
    return table[None], (np.arange(rows) < count)[None]


@pytest.fixture(scope="module")
def expected(test_set, tmp_path_factory):
    """Metrics and boxes of an evaluation of the MindRecord, keyed as in the submission."""
    folder = tmp_path_factory.mktemp("evaluated")
    evaluation = evaluate_source(tiny_config(text_proposals_min_scores=SCORE), bright_is_text, test_set.record)
    metrics = write_detection_results(evaluation, folder, "x", {})
    assert 0.2 < metrics["deteval"]["hmean"] < 1
    return metrics, read_submission(folder / "submit_x.zip")


def settings(test_set, results, output, **changes):
    return tiny_config(
        **{
            "export_dataset_path": str(test_set.images),
            "result_path": str(results),
            "eval_output_path": str(output),
            "label_path": str(test_set.labels),
            "text_proposals_min_scores": SCORE,
            **changes,
        }
    )


def dump_all(test_set, folder, write):
    for name in test_set.entries:
        write(folder, name, *maps_of(test_set.images / name))
    return folder


def write_heads(folder, name, size, maps):
    write_outputs(folder, name, size, {"score_map": maps[0], "delta_map": maps[1]})


def write_heads_without_batch(folder, name, size, maps):
    write_outputs(folder, name, size, {"delta_map": maps[1][0], "score_map": maps[0][0]})


def write_proposals(folder, name, size, maps):
    boxes, mask = proposals_of(maps)
    write_outputs(folder, name, size, {"proposals": boxes, "mask": mask})


def write_undescribed(folder, name, size, maps, dtype=np.float32):
    boxes, mask = proposals_of(maps)
    stem = folder / Path(name).parent / Path(name).name.split(".")[0]
    stem.parent.mkdir(parents=True, exist_ok=True)
    boxes.astype(dtype).tofile(f"{stem}_0.bin")
    mask.astype(np.int8).tofile(f"{stem}_1.bin")


@pytest.mark.parametrize("write", [write_heads, write_heads_without_batch, write_proposals, write_undescribed])
def test_every_kind_of_dump_equals_the_evaluation(test_set, expected, tmp_path, write):
    results = dump_all(test_set, tmp_path / "results", write)
    metrics = postprocess_ctpn(settings(test_set, results, tmp_path / "out"))
    assert metrics == expected[0]
    submitted = read_submission(tmp_path / "out" / "submit.zip")
    assert set(submitted) == set(expected[1])
    for name, boxes in expected[1].items():
        np.testing.assert_array_equal(submitted[name], boxes)
        with open(tmp_path / "out" / "output" / f"res_{name}.txt") as file:
            np.testing.assert_array_equal(np.array(list(csv.reader(file)), int).reshape(-1, 4), boxes)
    drawn = [path for path in (tmp_path / "out" / "output_img").rglob("*") if path.is_file()]
    assert len(drawn) == len(test_set.entries)


def test_half_precision_moves_boxes_by_less_than_a_pixel(test_set, expected, tmp_path):
    def write(*arguments):
        write_undescribed(*arguments, dtype=np.float16)

    results = dump_all(test_set, tmp_path / "results", write)
    postprocess_ctpn(settings(test_set, results, tmp_path / "out", draw_results=False))
    for name, boxes in read_submission(tmp_path / "out" / "submit.zip").items():
        assert abs(boxes - expected[1][name]).max(initial=0) <= 1
    assert not (tmp_path / "out" / "output_img").exists()


def test_kept_proportions(test_set, tmp_path):
    for name in test_set.entries:
        write_heads(tmp_path / "results", name, *maps_of(test_set.images / name, keep_ratio=True))
    postprocess_ctpn(settings(test_set, tmp_path / "results", tmp_path / "out", keep_ratio=True))
    config = tiny_config(text_proposals_min_scores=SCORE, keep_ratio=True)
    evaluation = evaluate_source(config, bright_is_text, test_set.record)
    write_detection_results(evaluation, tmp_path, "x", {})
    found, wanted = (read_submission(tmp_path / name) for name in ("out/submit.zip", "submit_x.zip"))
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_without_labels_there_are_no_metrics(test_set, tmp_path):
    results = dump_all(test_set, tmp_path / "results", write_heads)
    assert postprocess_ctpn(settings(test_set, results, tmp_path / "out", label_path="")) == {}
    assert (tmp_path / "out" / "submit.zip").exists()


def test_the_archives_score_as_printed(test_set, tmp_path, capsys):
    """With gt.zip as labels; those of other images are not counted, and that is said."""
    evaluation = evaluate_source(tiny_config(), bright_is_text, test_set.record)
    write_detection_results(evaluation, tmp_path, "x", {})
    results = dump_all(test_set, tmp_path / "results", write_heads)
    metrics = postprocess_ctpn(settings(test_set, results, tmp_path / "out", label_path=str(tmp_path / "gt.zip")))
    official = evaluate_archives(tmp_path / "gt.zip", tmp_path / "out" / "submit.zip")
    assert official.metrics() == metrics["deteval"]
    assert "are not counted" not in capsys.readouterr().out
    (test_set.images / "img_3.jpg").rename(tmp_path / "img_3.jpg")
    try:
        postprocess_ctpn(settings(test_set, results, tmp_path / "out"))
    finally:
        (tmp_path / "img_3.jpg").rename(test_set.images / "img_3.jpg")
    assert "1 labels belong to no image" in capsys.readouterr().out


@pytest.fixture
def one(tmp_path):
    """A set of one image of 90 x 70, its label, and its maps."""
    entries = make_entries({"a.jpg": (70, 90)})
    images = write_images(tmp_path / "images", entries)
    labels = write_labels(tmp_path / "labels", entries)

    class One:
        results, path, size, maps = tmp_path / "results", images / "a.jpg", *maps_of(images / "a.jpg")

        @staticmethod
        def run(**changes):
            return postprocess_ctpn(
                tiny_config(
                    export_dataset_path=str(images),
                    result_path=str(tmp_path / "results"),
                    label_path=str(labels),
                    **{"eval_output_path": str(tmp_path / "out"), **changes},
                )
            )

    One.results.mkdir()
    return One


def test_what_does_not_fit_is_named(one):
    with pytest.raises(OutputFileError, match="'a.jpg': neither a.jpg.json nor a_0.bin"):
        one.run()
    for outputs, words in (
        ({"score_map": one.maps[0]}, r"outputs \['score_map'\]; expected"),
        ({"score_map": one.maps[0], "delta_map": one.maps[0]}, "maps .* are not those of a network with 14 anchors"),
        ({"score_map": one.maps[0][:, :20], "delta_map": one.maps[1][:, :40]}, "14 anchors"),
        ({"score_map": np.repeat(one.maps[0], 2, 0), "delta_map": one.maps[1]}, "expected that of one image"),
        ({"score_map": one.maps[0][:, :, :0], "delta_map": one.maps[1]}, "expected that of one image"),
        ({"proposals": np.zeros((1, 9, 5), np.float32), "mask": np.zeros((1, 8), bool)}, "do not fit a mask of 8"),
        ({"proposals": np.zeros((1, 8, 4), np.float32), "mask": np.zeros((1, 8), bool)}, "do not fit a mask of 8"),
    ):
        write_outputs(one.results, "a.jpg", one.size, outputs)
        with pytest.raises(OutputFileError, match=f"'a.jpg'.*{words}"):
            one.run()
    write_outputs(one.results, "a.jpg", (90, 70), dict(zip(("score_map", "delta_map"), one.maps, strict=True)))
    with pytest.raises(OutputFileError, match="an image of 70x90 pixels, this one has 90x70"):
        one.run()
    write_proposals(one.results, "a.jpg", one.size, one.maps)
    with pytest.raises(OutputFileError, match="side_refinement needs dx among the outputs"):
        one.run(side_refinement=True)


def test_outputs_that_are_not_finite_find_nothing(one):
    maps = {"score_map": np.full_like(one.maps[0], np.nan), "delta_map": one.maps[1]}
    write_outputs(one.results, "a.jpg", one.size, maps)
    assert one.run()["deteval"] == {"precision": 0, "recall": 0, "hmean": 0}
    boxes = {"proposals": np.full((1, 8, 5), np.inf, np.float32), "mask": np.ones((1, 8), bool)}
    write_outputs(one.results, "a.jpg", one.size, boxes)
    assert one.run()["deteval"]["hmean"] == 0


def test_an_unreadable_image_is_left_out_and_named(one, capsys):
    write_heads(one.results, "a.jpg", one.size, one.maps)
    (one.path.parent / "broken.png").write_text("no image")
    with pytest.raises(UserError, match="1 of 2 samples.*broken.png: not an image"):
        one.run()
    one.run(max_bad_ratio=0.5)
    assert "left out broken.png: not an image" in capsys.readouterr().out


def test_odd_names_have_results_of_their_own(one, tmp_path):
    """Not UTF-8, with control characters, too long for any output; a second run does not take drawings for images."""
    names = ["a.jpg", "line\n.jpg", "\udcff.jpg", "%FF.jpg", "x/a.jpg", "n" * 251 + ".jpg"]
    data = one.path.read_bytes()
    for name in names:
        (one.path.parent / name).parent.mkdir(exist_ok=True)
        (one.path.parent / name).write_bytes(data)
        if len(name) < 250:
            write_heads(one.results, name, one.size, one.maps)
    for name in names[1:-1]:
        (tmp_path / "labels" / f"gt_{Path(name).stem}.txt").write_text("1,1,50,20,word\n")
    (tmp_path / "labels" / "gt_x_a_jpg.txt").write_text("1,1,50,20,word\n")
    (tmp_path / "labels" / "gt_a_jpg.txt").write_text("1,1,50,20,word\n")
    os.mkfifo(tmp_path / "labels" / "gt_pipe.txt")
    for _ in range(2):
        one.run(max_bad_ratio=0.5, eval_output_path=str(one.path.parent), draw_results=True)
    submitted = read_submission(one.path.parent / "submit.zip")
    assert set(submitted) == {"a_jpg", "x_a_jpg", "line%0A", "%FF", "%FF_"}
    assert {path.name for path in (one.path.parent / "output").iterdir()} == {f"res_{key}.txt" for key in submitted}
    drawn = [path for path in (one.path.parent / "output_img").rglob("*.jpg") if path.is_file()]
    assert len(drawn) == 5 and all(path.name.isprintable() for path in drawn)


def test_images_and_labels_that_are_missing(one, tmp_path):
    write_heads(one.results, "a.jpg", one.size, one.maps)
    (tmp_path / "labels" / "gt_a.txt").rename(tmp_path / "labels" / "gt_b.txt")
    with pytest.raises(UserError, match="label_path: no gt_a.txt for 'a.jpg'"):
        one.run()
    assert not (tmp_path / "out").exists()
    one.path.unlink()
    with pytest.raises(UserError, match="export_dataset_path: no image"):
        one.run()


def test_the_header_names_the_format(one):
    """The names that the C++ application has to use."""
    write_heads(one.results, "a.jpg", one.size, one.maps)
    described = json.loads((one.results / "a.jpg.json").read_text())
    assert [output["name"] for output in described["outputs"]] == ["score_map", "delta_map"]
    assert described["outputs"][0]["shape"] == [1, 28, 4, 6]


def test_post_processing_needs_no_mindspore():
    """What scripts/lib/infer.sh and postprocess.py import, on a host that has the C++ application alone."""
    modules = (
        "src.evaluation.tables, src.model_utils.network_spec, src.postprocess.crnn, src.postprocess.ctpn, "
        "src.postprocess.labels, src.weights.card_config, src.weights.exported_card"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['mindspore'] = None; import {modules}"],
        capture_output=True,
        text=True,
        check=False,
        env=program_environment(),
    )
    assert done.returncode == 0, done.stderr
