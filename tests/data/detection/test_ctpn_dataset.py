import itertools
import json
import shutil
import threading

import cv2
import numpy as np
import pytest

pytest.importorskip("mindspore")
from mindspore.mindrecord import FileWriter

from src.common.errors import UserError
from src.data.detection.dataset import CtpnEvalData, CtpnTrainData
from src.data.detection.mindrecord_reader import MindRecordError, MindRecordSource
from src.data.detection.options import AugmentOptions
from src.data.detection.record import SCHEMA, pack_annotation
from src.data.loading import prefetch
from src.training.ctpn_samples import SampleMaker

SHAPE = (48, 64)
COUNT = 11
WITHOUT_TEXT = 4


def png(image):
    return cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()


def make_image(number):
    image = np.zeros((40 + number, 60, 3), np.uint8)
    image[:, :, 0] = number * 20
    image[:, :, 1] = 200
    return image


def record(number, image=None):
    boxes = np.array([[5, 6, 30 + number, 20], [5, 30, 20, 38]])
    ignored = np.array([False, True])
    if number == WITHOUT_TEXT:
        boxes, ignored = boxes[:0], ignored[:0]
    return {
        "image": png(make_image(number)) if image is None else image,
        "annotation": pack_annotation(boxes, ignored),
        "file_name": f"folder/图 {number}.png",
        "image_size": np.array([40 + number, 60], np.int32),
    }


def write(path, records, shards=2, schema=SCHEMA):
    path.parent.mkdir(exist_ok=True, parents=True)
    writer = FileWriter(str(path), shard_num=shards, overwrite=True)
    writer.add_schema(schema, "test")
    writer.write_raw_data(records)
    writer.commit()
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write(tmp_path_factory.mktemp("records") / "set.mindrecord", [record(i) for i in range(COUNT)])


def train_data(path, augment=None, image_size=SHAPE, **kwargs):
    make_sample = SampleMaker(image_size, anchor_heights=(6, 16, 30), options=augment)
    return CtpnTrainData(path, make_sample, **{"batch_size": 2, "seed": 3, **kwargs})


def numbers(batches):
    """Which image each sample shows, read from its color."""
    red = np.concatenate([batch[0][:, 0, 0, 0] for batch in batches]) * 58.395 + 123.675
    return np.rint(red / 20).astype(int).tolist()


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


ALL = AugmentOptions(
    expand_ratio=0.5, crop_ratio=0.5, photo_ratio=0.5, colour_ratio=0.5, blur_ratio=0.5, noise_ratio=0.5
)


def test_batches_are_what_the_network_takes(source):
    data = train_data(source)
    assert (data.batch_size, data.num_samples, data.steps_per_epoch) == (2, COUNT, 6)
    batches = list(data.epoch(0))
    assert len(batches) == 6
    for image, labels, targets, weights in batches:
        assert (image.shape, image.dtype) == ((2, 3, *SHAPE), np.float32)
        assert (labels.shape, labels.dtype) == ((2, 3 * 4 * 3), np.int32)
        assert (targets.shape, targets.dtype) == ((2, 36, 4), np.float32)
        assert (weights.shape, weights.dtype) == ((2, 36, 4), np.float32)
    assert sorted(set(numbers(batches))) == list(range(COUNT))
    text_of = dict(zip(numbers(batches), [(x == 1).any() for b in batches for x in b[1]], strict=True))
    assert [n for n, text in text_of.items() if not text] == [WITHOUT_TEXT]


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_the_number_of_workers_changes_nothing(source, monkeypatch, workers):
    monkeypatch.setattr(prefetch, "usable_cores", lambda: 16)
    expected = list(train_data(source, augment=ALL, num_workers=3).epoch(1))
    assert_same(list(train_data(source, augment=ALL, num_workers=workers).epoch(1)), expected)


def test_an_epoch_continues_at_any_step(source):
    data = train_data(source, augment=ALL)
    whole = list(data.epoch(2))
    for step in (0, 1, 4, 6):
        assert_same(list(train_data(source, augment=ALL).epoch(2, step)), whole[step:])


def test_epochs_and_seeds_differ(source):
    data = train_data(source)
    first = numbers(data.epoch(0))
    assert numbers(data.epoch(1)) != first
    assert numbers(train_data(source, seed=4).epoch(0)) != first
    labels = [{tuple(b[1][0]) for b in train_data(source, augment=ALL).epoch(e)} for e in (0, 1)]
    assert labels[0] != labels[1]


def test_ranks_together_see_every_sample(source):
    ranks = [train_data(source, rank_id=r, rank_size=3, batch_size=1) for r in range(3)]
    assert {data.steps_per_epoch for data in ranks} == {4}
    seen = [numbers(data.epoch(0)) for data in ranks]
    assert sorted(set(flat(seen))) == list(range(COUNT))
    assert len(flat(seen)) == 12  # eleven and one to fill the last step


def test_a_data_set_smaller_than_a_batch_is_repeated(source):
    (batch,) = train_data(source, batch_size=16).epoch(0)
    assert len(batch[0]) == 16
    assert set(numbers([batch])) == set(range(COUNT))


def test_leaving_an_epoch_early_leaves_no_thread(source):
    batches = train_data(source, num_workers=2).epoch(0)
    next(batches)
    batches.close()
    assert not [t for t in threading.enumerate() if t.name.startswith(("sample", "prefetch"))]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Number 3 is no image, number 7 is cut short, number 9 has labels nobody knows."""
    records = [record(i) for i in range(COUNT)]
    records[3] = record(3, image=b"not an image")
    records[7] = record(7, image=records[7]["image"][:60])
    records[9]["annotation"] = np.array([[1, 2, 3, 4, 7]], np.int32)
    return write(tmp_path_factory.mktemp("damaged") / "set.mindrecord", records, shards=1)


def test_damaged_records_are_named_and_replaced(damaged):
    data = train_data(damaged, max_bad_ratio=0.3)
    batches = list(data.epoch(0))
    assert len(batches) == data.steps_per_epoch
    assert set(numbers(batches)) == set(range(COUNT)) - {3, 7, 9}
    assert set(data.report.reasons) == {f"folder/图 {n}.png" for n in (3, 7, 9)}
    assert data.report.reasons["folder/图 3.png"] == "not an image"
    assert "label" in data.report.reasons["folder/图 9.png"]
    again = train_data(damaged, max_bad_ratio=0.3, num_workers=1)
    assert_same(list(again.epoch(0, 2)), batches[2:])


def test_too_many_damaged_records_stop_the_run(damaged):
    with pytest.raises(UserError, match=r"3 of 11 samples .* max_bad_ratio = 0.2"):
        list(train_data(damaged, max_bad_ratio=0.2).epoch(0))
    with pytest.raises(UserError, match=r"1 of 11 samples"):
        list(CtpnEvalData(damaged, batch_size=1, image_size=SHAPE, max_bad_ratio=0.0))


def test_nothing_but_damage(tmp_path):
    path = write(tmp_path / "set.mindrecord", [record(i, image=b"x") for i in range(3)], shards=1)
    with pytest.raises(UserError, match="none of the 3 records"):
        list(train_data(path, max_bad_ratio=1.0).epoch(0))


def test_evaluation_sees_every_image_once(source):
    whole = list(CtpnEvalData(source, batch_size=4, image_size=SHAPE))
    assert [len(batch["file_names"]) for batch in whole] == [4, 4, 3]
    names = flat(batch["file_names"] for batch in whole)
    assert sorted(names) == sorted(record(i)["file_name"] for i in range(COUNT))
    parts = [list(CtpnEvalData(source, batch_size=2, image_size=SHAPE, rank_id=r, rank_size=2)) for r in (0, 1)]
    shared = [flat(batch["file_names"] for batch in part) for part in parts]
    assert sorted(shared[0] + shared[1]) == sorted(names)
    assert abs(len(shared[0]) - len(shared[1])) <= 1
    for batch in whole:
        assert batch["images"].shape == (len(batch["file_names"]), 3, *SHAPE)
        for name, size, scale, boxes, ignored in zip(
            batch["file_names"],
            batch["sizes"],
            batch["scales"],
            batch["boxes"],
            batch["ignored"],
            strict=True,
        ):
            number = int(name.split()[1].split(".")[0])
            assert size.tolist() == [40 + number, 60]
            np.testing.assert_allclose(scale, [64 / 60, 48 / (40 + number)], rtol=1e-6)
            if number == WITHOUT_TEXT:
                assert boxes.shape == (0, 4)
            else:
                assert boxes.tolist() == [[5, 6, 30 + number, 20], [5, 30, 20, 38]]
                assert ignored.tolist() == [False, True]


def test_evaluation_of_a_folder(tmp_path):
    (tmp_path / "sub dir").mkdir()
    (tmp_path / "b.png").write_bytes(png(make_image(2)))
    (tmp_path / "sub dir" / "b.PNG").write_bytes(png(make_image(5)))
    (tmp_path / "broken.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no image")
    data = CtpnEvalData(tmp_path, batch_size=3, image_size=SHAPE, max_bad_ratio=0.5)
    (batch,) = data
    assert batch["file_names"] == ["b.png", "sub dir/b.PNG"]
    assert batch["sizes"].tolist() == [[42, 60], [45, 60]]
    assert [len(boxes) for boxes in batch["boxes"]] == [0, 0]
    assert data.report.reasons == {"broken.jpg": "empty file"}
    (second,) = data  # it can be read again
    np.testing.assert_array_equal(second["images"], batch["images"])


def test_a_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no images"):
        CtpnEvalData(tmp_path, batch_size=1, image_size=SHAPE)


def test_names_of_the_file_that_work(source):
    for name in (source, source.with_name("set.mindrecord0"), source.with_name("set.mindrecord1")):
        assert train_data(str(name)).num_samples == COUNT


def test_records_come_in_the_order_asked_for(source):
    columns = {"file_name": "string", "image": "bytes"}
    records = MindRecordSource(source, columns)
    names = [row["file_name"] for row in records.read(range(COUNT))]
    wanted = [5, 0, 10, 5, 5, 3, *range(COUNT), 2]
    assert [row["file_name"] for row in records.read(wanted)] == [names[i] for i in wanted]
    for row in records.read([7, 2]):
        number = int(row["file_name"].split()[1].split(".")[0])
        assert row["image"].tobytes() == record(number)["image"]


def test_bytes_that_end_in_zeros_come_whole(tmp_path):
    image = b"\x01\x02\x00\x00\x00"
    path = write(tmp_path / "set.mindrecord", [record(0, image=image)], shards=1)
    (row,) = MindRecordSource(path, {"image": "bytes"}).read([0])
    assert row["image"].tobytes() == image


def test_records_of_the_model_zoo_train_and_only_evaluation_needs_names(tmp_path, source):
    schema = {name: SCHEMA[name] for name in ("image", "annotation")}
    records = [{name: record(i)[name] for name in schema} for i in range(COUNT)]
    path = write(tmp_path / "set.mindrecord", records, schema=schema)
    for ours, theirs in zip(train_data(source).epoch(1), train_data(path).epoch(1), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(MindRecordError, match="needs the columns file_name.*src/create_dataset.py"):
        CtpnEvalData(path, batch_size=1, image_size=SHAPE)
    records[2]["image"] = b"broken"
    data = train_data(write(tmp_path / "bad" / "set.mindrecord", records, schema=schema), max_bad_ratio=0.5)
    list(data.epoch(1))
    assert list(data.report.reasons) == ["record 2"]


def broken(kind, folder):
    first = folder / "set.mindrecord0"
    if kind == "shard":
        (folder / "set.mindrecord1").unlink()
    elif kind == "index":
        (folder / "set.mindrecord0.db").unlink()
    elif kind == "first":
        first.unlink()
    elif kind == "short":
        first.write_bytes(first.read_bytes()[:100])
    elif kind == "tail":
        second = folder / "set.mindrecord1"
        second.write_bytes(second.read_bytes()[:-1])
    elif kind == "empty":
        first.write_bytes(b"")
    elif kind == "other":
        first.write_bytes(b"\x89PNG and more of an image" * 20)
    return folder / "set.mindrecord"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("shard", "1 of 4 files are missing: set.mindrecord1$"),
        ("index", "1 of 4 files are missing: set.mindrecord0.db$"),
        ("first", "no such MindRecord file"),
        ("short", "is not a MindRecord file, or its beginning is damaged"),
        ("tail", r"set.mindrecord1: is cut short \(\d+ of \d+ bytes\)$"),
        ("empty", "is not a MindRecord file, or its beginning is damaged"),
        ("other", "is not a MindRecord file, or its beginning is damaged"),
    ],
)
def test_incomplete_sets_give_one_clear_line(source, tmp_path, kind, message):
    shutil.copytree(source.parent, tmp_path / "copy")
    with pytest.raises(MindRecordError, match=message) as caught:
        train_data(broken(kind, tmp_path / "copy"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"page": [{"page_id": "x", "page_size": 1}], "page_size": 1 << 30},
        {"page": [{"page_id": 0, "page_size": 1}], "page_size": 1e400},
        {"page": [{"page_id": -1, "page_size": 1}]},
        {"shard_addresses": [""]},
        {"shard_addresses": ["/"]},
        {"shard_addresses": 5},
        {"schema": "x"},
    ],
)
def test_headers_that_cannot_be(tmp_path, changes):
    header = {"page": None, "page_size": 1, "header_size": 1, "shard_addresses": ["set.mindrecord"], **changes}
    check_header(tmp_path, json.dumps({"schema": [{"schema": {}}], **header}).encode())


def test_a_header_of_a_million_lists(tmp_path):
    check_header(tmp_path, b"[" * 1_000_000)


def check_header(folder, header):
    path = folder / "set.mindrecord"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(MindRecordError, match="is not a MindRecord file, or its beginning is damaged"):
        train_data(path)


def test_a_set_made_for_something_else_is_named(tmp_path):
    schema = {name: SCHEMA[name] for name in ("image", "file_name", "image_size")}
    records = [{name: record(0)[name] for name in schema}]
    path = write(tmp_path / "old.mindrecord", records, shards=1, schema=schema)
    with pytest.raises(MindRecordError, match=r"needs the columns annotation \(int32, found none\)"):
        train_data(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"rank_id": 2, "rank_size": 2},
        {"image_size": (50, 64)},
        {"max_bad_ratio": 2},
    ],
)
def test_impossible_options_are_refused(source, wrong):
    with pytest.raises(ValueError):
        train_data(source, **wrong)
