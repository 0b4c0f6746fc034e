"""From folders of images and labels to MindRecord files and back, with every kind of bad file among them."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

ds = pytest.importorskip("mindspore.dataset")

from src.common.errors import UserError
from src.common.folder_lock import hold_folder
from src.common.image_name import file_of
from src.data.detection.annotations.label_files import read_icdar2013
from src.data.detection.annotations.sources import Source
from src.data.detection.evaluation_images import check_folder, images_of
from src.data.detection.mindrecord_builder import build_set
from src.data.detection.mindrecord_reader import MindRecordSource
from src.data.detection.record import pack_annotation, parse_annotation
from src.data.detection.report import TooManyBadError
from src.data.detection.set_plan import SetPlan, file_digests
from src.data.images.storage import storable_image

REPOSITORY = Path(__file__).resolve().parents[3]
ROWS, COLUMNS = np.mgrid[0:40, 0:60]
IMAGE = np.stack([ROWS * 6, COLUMNS * 4, 255 - ROWS * 3 - COLUMNS], axis=-1).astype(np.uint8)
LABEL = '5 6 30 20 "word"\n10 22 30 30 "###"\n'


def encoded(image_format: str, image: Image.Image | None = None, orientation: int = 1, **options) -> bytes:
    stream = io.BytesIO()
    if orientation != 1:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    (image or Image.fromarray(IMAGE)).save(stream, image_format, **options)
    return stream.getvalue()


GOOD = {
    "plain.jpg": encoded("JPEG"),
    "plain.png": encoded("PNG"),
    "gray.jpg": encoded("JPEG", Image.fromarray(IMAGE[..., 0])),
    "cmyk.jpg": encoded("JPEG", Image.fromarray(IMAGE).convert("CMYK")),
    "turned.jpg": encoded("JPEG", orientation=6, quality=95),
    "alpha.png": encoded("PNG", Image.fromarray(np.dstack([IMAGE, IMAGE[..., 0]]))),
    "deep.png": encoded("PNG", Image.fromarray(IMAGE[..., 0].astype(np.uint16) << 8)),
    "moving.gif": encoded("GIF", save_all=True, append_images=[Image.new("RGB", (60, 40))]),
    "bitmap.bmp": encoded("BMP"),
    "empty_label.jpg": encoded("JPEG"),
}
BAD = {
    "zero.jpg": (b"", "empty file"),
    "cut.jpg": (encoded("JPEG")[:400], "truncated"),
    "text.jpg": (b"not an image" * 30, "not an image"),
    "dot.png": (encoded("PNG", Image.new("L", (1, 1))), "too small"),
    "line.png": (encoded("PNG", Image.new("L", (400, 1))), "too small"),
    "huge.png": (encoded("PNG", Image.new("1", (300, 300))), "too large"),
    "unlabeled.jpg": (encoded("JPEG", Image.new("RGB", (60, 40))), "no label file"),
}


def write_folder(folder: Path, files: dict[str, bytes], label: str = LABEL) -> tuple[Path, Path]:
    images, gt = folder / "images", folder / "gt"
    images.mkdir(parents=True)
    gt.mkdir()
    for name, data in files.items():
        (images / name).write_bytes(data)
        if name != "unlabeled.jpg":
            content = "" if name == "empty_label.jpg" else label
            (gt / f"gt_{Path(name).stem}.txt").write_text(content)
    return images, gt


def source(folders: tuple[Path, Path], label: str = "icdar2013") -> Source:
    return Source(label, "icdar2013", lambda: read_icdar2013(*folders))


def plan(output: Path, *sources: Source, shards: int = 1) -> SetPlan:
    return SetPlan("test" if shards == 1 else "pretrain", list(sources), output, shards, [])


def read_back(first_file: Path | str) -> dict[str, dict]:
    rows = ds.MindDataset(str(first_file), num_parallel_workers=1, shuffle=False)
    return {str(row["file_name"]): row for row in rows.create_dict_iterator(output_numpy=True, num_epochs=1)}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("built")
    # Two images share the stem "plain" and so the label file, as they may.
    folders = write_folder(root, {**GOOD, **{name: data for name, (data, _) in BAD.items()}})
    report = build_set(
        plan(root / "out", source(folders), shards=8), max_bad_ratio=1.0, max_pixels=80_000, draw_samples=3
    )
    return root, report, read_back(report.mindrecord_file)


def test_eight_shards_hold_the_good_images(built):
    root, report, rows = built
    assert set(rows) == set(GOOD) and report.accepted == len(GOOD)
    names = {path.name for path in (root / "out").iterdir()}
    expected = {f"ctpn_pretrain.mindrecord{i}{end}" for i in range(8) for end in ("", ".db")}
    assert names == expected | {"ctpn_pretrain.mindrecord.hashes.json", "ctpn_pretrain_report.json", "samples"}
    assert report.mindrecord_file.endswith("ctpn_pretrain.mindrecord0")


def test_each_bad_file_is_named_with_its_reason(built):
    root, report, _ = built
    content = json.loads((root / "out/ctpn_pretrain_report.json").read_text())
    found = {Path(bad["file"]).name: bad["reason"] for bad in content["data_sets"][0]["rejected_files"]}
    assert found == {name: reason for name, (_, reason) in BAD.items()}
    assert content["images_rejected"] == len(BAD) and content["images_accepted"] == len(GOOD)
    assert content["text_boxes"] == content["ignored_boxes"] == len(GOOD) - 1
    assert content["data_sets"][0]["images"]["accepted_without_text"] == 1
    assert report.data_sets[0].repaired_boxes == {"turned with the image": 2}


@pytest.mark.parametrize("name", GOOD)
def test_stored_bytes_show_the_upright_image_to_any_decoder(built, name):
    _, _, rows = built
    data = np.frombuffer(rows[name]["image"].tobytes(), np.uint8)
    stored = cv2.imdecode(data, cv2.IMREAD_COLOR)
    unturned = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    np.testing.assert_array_equal(stored, unturned)
    expected = IMAGE
    if name == "turned.jpg":
        expected = IMAGE[::-1].transpose(1, 0, 2)
    elif name in ("gray.jpg", "deep.png"):
        expected = np.repeat(IMAGE[..., :1], 3, axis=2)
    elif name == "alpha.png":
        expected = IMAGE * (IMAGE[..., :1] / 255)  # bright beside what is transparent: on black
    error = np.abs(stored[..., ::-1].astype(float) - expected)
    limit = {".jpg": 6, ".gif": 30}.get(Path(name).suffix, 1)  # mean error: JPEG and the GIF palette lose some
    assert stored.shape == expected.shape and error.mean() < limit
    assert rows[name]["image_size"].tolist() == list(expected.shape[:2])


def test_only_images_that_need_it_are_encoded_anew(built):
    _, report, rows = built
    for name in ("plain.jpg", "plain.png", "gray.jpg", "empty_label.jpg"):
        assert rows[name]["image"].tobytes() == GOOD[name]
    assert report.data_sets[0].encoded_anew == {
        "pixel mode CMYK": 1,
        "turned by EXIF": 1,
        "transparency": 1,
        "pixel mode I;16": 1,
        "format GIF": 1,
        "format BMP": 1,
    }


def test_annotations_come_back(built):
    _, _, rows = built
    boxes, ignored = parse_annotation(rows["plain.jpg"]["annotation"])
    assert boxes.tolist() == [[5, 6, 30, 20], [10, 22, 30, 30]] and ignored.tolist() == [False, True]
    boxes, ignored = parse_annotation(rows["empty_label.jpg"]["annotation"])
    assert boxes.shape == (0, 4) and ignored.shape == (0,)
    # Stored 60 x 40, shown 40 x 60 (turned clockwise): x' = 39 - y, y' = x.
    boxes, _ = parse_annotation(rows["turned.jpg"]["annotation"])
    assert boxes[0].tolist() == [39 - 20, 5, 39 - 6, 30]


def test_samples_are_drawn_inside_the_output(built):
    root, _, _ = built
    names = sorted(path.name for path in (root / "out/samples").iterdir())
    assert len(names) == 3 and all(name.startswith("ctpn_pretrain_") for name in names)
    drawn = cv2.imread(str(root / "out/samples" / names[0]))
    assert drawn.shape == (40, 60, 3)


def test_annotation_rows_are_checked():
    empty = pack_annotation(np.zeros((0, 4)), np.zeros(0, bool))
    assert empty.tolist() == [[0, 0, 0, 0, 0]]
    for rows in (np.zeros((2, 4)), np.full((1, 5), 7), np.zeros((0, 5))):
        with pytest.raises(UserError):
            parse_annotation(rows)


def test_too_many_bad_images_fail_and_keep_the_older_set(tmp_path):
    folders = write_folder(tmp_path / "a", {"1.jpg": GOOD["plain.jpg"]})
    build_set(plan(tmp_path / "out", source(folders)), max_bad_ratio=0, max_pixels=10**6)
    bad = write_folder(tmp_path / "b", {f"{i}.jpg": GOOD["plain.jpg"] for i in range(9)} | {"10.jpg": b""})
    with pytest.raises(TooManyBadError, match=r"1 of 10 images are bad.*0.05.*1 empty file"):
        build_set(plan(tmp_path / "out", source(bad)), max_bad_ratio=0.05, max_pixels=10**6)
    assert list(read_back(tmp_path / "out/ctpn_test.mindrecord")) == ["1.jpg"]
    report = json.loads((tmp_path / "out/ctpn_test_report.json").read_text())
    assert report["mindrecord_file"] == "" and report["images_rejected"] == 1
    build_set(plan(tmp_path / "out", source(bad)), max_bad_ratio=0.1, max_pixels=10**6)
    assert len(read_back(tmp_path / "out/ctpn_test.mindrecord")) == 9
    assert not [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_too_many_bad_images_are_said_while_reading(tmp_path):
    seen = []
    folders = write_folder(tmp_path / "a", {f"{i}.jpg": b"" for i in range(450)})
    with pytest.raises(TooManyBadError, match="200 of 450 images are bad already, more than max_bad_ratio 0.1"):
        build_set(
            plan(tmp_path / "out", source(folders)),
            max_bad_ratio=0.1,
            max_pixels=10**6,
            progress=lambda done, total: seen.append(done),
        )
    assert seen[-1] == 200
    assert json.loads((tmp_path / "out/ctpn_test_report.json").read_text())["images_rejected"] == 200


def test_a_set_of_no_usable_image_says_why(tmp_path):
    folders = write_folder(tmp_path / "a", {"1.jpg": GOOD["plain.jpg"]})
    (folders[1] / "gt_2.txt").write_text(LABEL)
    digests = file_digests(source(folders).read().images)
    with pytest.raises(TooManyBadError, match="no usable image .icdar2013: 1 label file without an image, 1 also in"):
        build_set(
            plan(tmp_path / "out", source(folders)), max_bad_ratio=0, max_pixels=10**6, excluded_digests=digests
        )


def test_too_many_bad_boxes_fail(tmp_path):
    label = LABEL + "900 10 950 20 outside\nno label line\n"
    folders = write_folder(tmp_path, {"1.jpg": GOOD["plain.jpg"]}, label)
    with pytest.raises(TooManyBadError, match="2 of 4 boxes"):
        build_set(plan(tmp_path / "out", source(folders)), max_bad_ratio=0.4, max_pixels=10**6)
    assert not list((tmp_path / "out").glob("*.mindrecord*"))


def test_same_names_in_two_data_sets_stay_apart(tmp_path):
    first = source(write_folder(tmp_path / "a", {"img_1.jpg": GOOD["plain.jpg"], "x.jpg": GOOD["gray.jpg"]}))
    second = source(write_folder(tmp_path / "b", {"img_1.jpg": GOOD["plain.jpg"]}), "icdar2013-2")
    report = build_set(plan(tmp_path / "out", first, second), max_bad_ratio=0, max_pixels=10**6)
    assert set(read_back(report.mindrecord_file)) == {"icdar2013/img_1.jpg", "icdar2013-2/img_1.jpg", "x.jpg"}


def test_images_of_the_test_set_are_left_out_under_any_name(tmp_path):
    train = write_folder(tmp_path / "a", {"1.jpg": GOOD["plain.jpg"], "2.jpg": GOOD["gray.jpg"]})
    test = write_folder(tmp_path / "b", {"other.jpg": GOOD["plain.jpg"], "bad.jpg": b""})
    digests = file_digests(read_icdar2013(*test).images)
    report = build_set(
        plan(tmp_path / "out", source(train)), max_bad_ratio=0, max_pixels=10**6, excluded_digests=digests
    )
    assert list(read_back(report.mindrecord_file)) == ["2.jpg"]
    assert report.data_sets[0].skipped == {"also in the test set": 1}


def test_fewer_shards_leave_no_older_ones(tmp_path):
    folders = write_folder(tmp_path, {"1.jpg": GOOD["plain.jpg"]})
    for shards in (8, 2):
        build_set(plan(tmp_path / "out", source(folders), shards=shards), max_bad_ratio=0, max_pixels=10**6)
    names = sorted(path.name for path in (tmp_path / "out").glob("*.mindrecord*"))
    shards = [f"ctpn_pretrain.mindrecord{i}{end}" for i in (0, 1) for end in ("", ".db")]
    assert names == ["ctpn_pretrain.mindrecord.hashes.json", *shards]


@pytest.mark.parametrize("count", [1, 3])
def test_a_set_with_fewer_images_than_shards_can_be_trained_on(tmp_path, count):
    files = {f"{i}.jpg": GOOD["plain.jpg"] for i in range(count)}
    folders = write_folder(tmp_path, files)
    report = build_set(plan(tmp_path / "out", source(folders), shards=8), max_bad_ratio=0, max_pixels=10**6)
    names = {path.name for path in (tmp_path / "out").glob("*.mindrecord?")}
    assert names == {f"ctpn_pretrain.mindrecord{i}" for i in range(8)}
    records = MindRecordSource(report.mindrecord_file, {"file_name": "string"})
    assert {row["file_name"] for row in records.read(range(len(records)))} == set(files)


def test_files_have_the_mode_that_the_umask_gives(tmp_path):
    folders = write_folder(tmp_path, {"1.jpg": GOOD["plain.jpg"]})
    before = os.umask(0o027)
    try:
        build_set(plan(tmp_path / "out", source(folders), shards=2), max_bad_ratio=0, max_pixels=10**6)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()}
    assert len(modes) == 6 and set(modes.values()) == {0o640}


def test_systems_that_do_not_say_which_cores_are_usable(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    folders = write_folder(tmp_path, {"1.jpg": GOOD["plain.jpg"]})
    assert build_set(plan(tmp_path / "out", source(folders)), max_bad_ratio=0, max_pixels=10**6).accepted == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from src.data.detection.annotations.sources import Source
from src.data.detection.annotations.label_files import read_icdar2013
from src.data.detection.mindrecord_builder import build_set
from src.data.detection.set_plan import SetPlan
root = Path(sys.argv[1])
source = Source("icdar2013", "icdar2013", lambda: read_icdar2013(root / "images", root / "gt"))
def kill(done, total):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
build_set(SetPlan("test", [source], root / "out", 1, []), max_bad_ratio=0, max_pixels=10**6, progress=kill)
"""


def test_a_killed_run_leaves_nothing_that_looks_finished(tmp_path):
    folders = write_folder(tmp_path, {f"{i}.jpg": GOOD["plain.jpg"] for i in range(3)})
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left, lock = sorted((tmp_path / "out").iterdir())
    assert (left.name, lock.name) == (".ctpn_test.mindrecord.building", "build.lock")
    build_set(plan(tmp_path / "out", source(folders)), max_bad_ratio=0, max_pixels=10**6)
    assert not left.exists() and len(read_back(tmp_path / "out/ctpn_test.mindrecord")) == 3


def test_an_error_on_the_way_leaves_nothing(tmp_path):
    folders = write_folder(tmp_path, {"1.jpg": GOOD["plain.jpg"]})

    def fail(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_set(plan(tmp_path / "out", source(folders)), max_bad_ratio=0, max_pixels=10**6, progress=fail)
    assert not (tmp_path / "out").exists()


def test_another_build_in_the_folder(tmp_path):
    """Shards of two builds would be mixed, whatever the numbers of their processes."""
    folders = write_folder(tmp_path, {"1.jpg": GOOD["plain.jpg"]})
    plan_ = plan(tmp_path / "out", source(folders))
    with (
        hold_folder(tmp_path / "out", "build", print),
        pytest.raises(UserError, match=f"another build writes there .process {os.getpid()} on"),
    ):
        build_set(plan_, max_bad_ratio=0, max_pixels=10**6)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".ctpn_test.mindrecord.building").symlink_to(victim)
    build_set(plan_, max_bad_ratio=0, max_pixels=10**6)
    assert (victim / "precious").exists()


def test_drawn_samples_of_an_earlier_run_stay_when_a_run_fails(tmp_path):
    good = source(write_folder(tmp_path / "good", {"1.jpg": GOOD["plain.jpg"]}))
    build_set(plan(tmp_path / "out", good), max_bad_ratio=0, max_pixels=10**6, draw_samples=1)
    (before,) = (tmp_path / "out" / "samples").iterdir()
    bad = source(write_folder(tmp_path / "bad", {"2.jpg": GOOD["plain.jpg"], "3.jpg": b"no image"}))
    with pytest.raises(TooManyBadError):
        build_set(plan(tmp_path / "out", bad), max_bad_ratio=0, max_pixels=10**6, draw_samples=1)
    assert list((tmp_path / "out" / "samples").iterdir()) == [before]
    build_set(plan(tmp_path / "out", bad), max_bad_ratio=0.5, max_pixels=10**6, draw_samples=1)
    (after,) = (tmp_path / "out" / "samples").iterdir()
    assert after != before


def test_storage_refuses_what_no_page_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("src.data.images.storage.MAX_STORED_BYTES", 1000)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(encoded("PNG", Image.fromarray(noise)))
    with pytest.raises(UserError, match="too large"):
        storable_image(tmp_path / "a.png")


def run_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(REPOSITORY / "src/create_dataset.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_builds_what_is_configured_and_says_the_rest(tmp_path):
    files = {f"{i}.jpg": encoded("JPEG", Image.new("RGB", (60, 40), (i, 0, 0))) for i in range(0, 250, 25)}
    images, gt = write_folder(tmp_path, files)
    done = run_command(
        tmp_path,
        f"--icdar13_train_path=[{images}, {gt}]",
        "--holdout_count=3",
        "--pretrain_dataset_path=pre",
        "--finetune_dataset_path=fine",
        "--test_dataset_path=test",
    )
    assert done.returncode == 0, done.stderr
    assert "pretrain: coco is left out, its path is not configured" in done.stdout
    train = set(read_back(tmp_path / "pre/ctpn_pretrain.mindrecord0"))
    assert train == set(read_back(tmp_path / "fine/ctpn_finetune.mindrecord0"))
    test = set(read_back(tmp_path / "test/ctpn_test.mindrecord"))
    assert len(test) == 3 and not train & test and train | test == set(files)


def test_command_errors_are_one_line_with_code_two(tmp_path):
    for arguments, named in (
        ((), "no data set is configured"),
        (("--icdar13_train_path=[none, gt]",), "icdar13_train_path: 'none' does not exist"),
        (("--train_dataset=[icdar99]",), "train_dataset: 'icdar99'"),
    ):
        done = run_command(tmp_path, *arguments)
        assert done.returncode == 2 and named in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_one_odd_name_costs_nothing(tmp_path):
    """Bytes that are not UTF-8, control characters, and names as long as they can be."""
    odd = [os.fsdecode(name) for name in (b"caf\xe9.jpg", b"a\nb.jpg", b"y" * 240 + b".jpg", b"'\"; x.jpg")]
    content = {**dict.fromkeys([*odd, "good.jpg"], GOOD["plain.jpg"]), os.fsdecode(b"bad\xff.jpg"): b"no image"}
    folders = write_folder(tmp_path, content)
    report = build_set(plan(tmp_path / "out", source(folders)), max_bad_ratio=1.0, max_pixels=80_000, draw_samples=9)
    assert report.accepted == 5
    rows = read_back(report.mindrecord_file)
    assert {"caf%E9.jpg", "a%0Ab.jpg", "good.jpg"} < set(rows)
    assert all(file_of(folders[0], name).is_file() for name in rows)
    written = json.loads((tmp_path / "out/ctpn_test_report.json").read_text(encoding="utf-8"))
    assert written["data_sets"][0]["rejected_files"][0]["file"].endswith("bad\\xff.jpg")
    check_folder(report.mindrecord_file, folders[0])
    shown = dict(images_of(report.mindrecord_file, folders[0], set(rows)))
    assert shown.keys() == rows.keys()
