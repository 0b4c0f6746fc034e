"""Which data sets go where, and what is held out."""

from pathlib import Path

import pytest
from PIL import Image

from src.common.options import OptionError
from src.data.detection.annotations.labeled_image import labeled_image
from src.data.detection.annotations.sources import DATA_SETS, DataSetError, find_sources
from src.data.detection.data_sets import choose_held_out, plan_sets
from src.data.detection.data_sets import test_digests as digests_of_test_set
from src.data.detection.options import DataSetOptions


def options(**values):
    folders = {"pretrain_dataset_path": "pre", "finetune_dataset_path": "fine", "test_dataset_path": "test"}
    return DataSetOptions(**{**folders, **values})


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "gt").mkdir()
    for number in range(10):
        Image.new("RGB", (20, 20), (number, 0, 0)).save(tmp_path / f"images/{number}.png")
        (tmp_path / f"gt/gt_{number}.txt").write_text("1 2 10 12 a")
    return [str(tmp_path / "images"), str(tmp_path / "gt")]


def test_the_options_name_every_key_of_the_data_sets():
    for data_set in DATA_SETS:
        for key in (data_set.train_key, data_set.test_key, data_set.prefix_key):
            assert not key or key in DataSetOptions.model_fields
    given = DataSetOptions()
    for key, split in (("train_dataset", "train"), ("finetune_dataset", "train"), ("test_dataset", "test")):
        names = getattr(given, key)
        assert find_sources(names, given, split=split, list_key=key) == ([], list(names))


def test_only_sets_with_configured_paths_are_planned(pair):
    plans = plan_sets(options(icdar11_train_path=pair))
    assert [plan.set_name for plan in plans] == ["finetune"]
    assert plans[0].not_configured == ["icdar2013", "flick"] and plans[0].shards == 8
    plans = plan_sets(options(icdar13_train_path=pair, icdar13_test_path=pair))
    assert [(plan.set_name, plan.shards, plan.file_name) for plan in plans] == [
        ("pretrain", 8, "ctpn_pretrain.mindrecord"),
        ("finetune", 8, "ctpn_finetune.mindrecord"),
        ("test", 1, "ctpn_test.mindrecord"),
    ]


@pytest.mark.parametrize("name", ["icdar2013", "icdar13"])
def test_short_names_and_lists_of_pairs(pair, name):
    given = DataSetOptions(icdar13_train_path=[pair, pair])
    sources, _ = find_sources([name, name], given, split="train", list_key="train_dataset")
    assert [source.label for source in sources] == ["icdar2013", "icdar2013-2"]
    assert len(sources[1].read().images) == 10


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train_dataset": ["icdar2099"]}, "train_dataset: 'icdar2099' is not a data set"),
        ({"test_dataset": ["svt"]}, "test_dataset: 'svt' has no test part"),
        ({"icdar13_train_path": ["/none/images", "/none/gt"]}, "icdar13_train_path: '/none/images' does not exist"),
        ({"icdar13_train_path": ["only one"]}, "is not a pair"),
        ({"icdar13_train_path": [["a", "b", "c"]]}, "is not a pair"),
        ({"coco_root": "/"}, "cocotext_json: is empty"),
        ({"coco_root": "/none", "cocotext_json": "/none.json"}, "coco_root: '/none' does not exist"),
        ({}, "no data set is configured"),
    ],
)
def test_unusable_configurations(values, message):
    with pytest.raises(DataSetError, match=message.replace("[", r"\[")):
        plan_sets(options(**values))


def test_an_output_folder_is_needed():
    with pytest.raises(OptionError, match="pretrain_dataset_path: is empty"):
        options(pretrain_dataset_path="")


def image(name: str, missing: str = ""):
    return labeled_image(Path(name), name, [], missing=missing)


def test_held_out_choice():
    images = [image(f"{number}.jpg") for number in range(100)]
    chosen = choose_held_out(images, 20, seed=1)
    assert len(chosen) == 20 and chosen == choose_held_out(images[::-1], 20, seed=1)
    assert chosen != choose_held_out(images, 20, seed=2)
    assert chosen < choose_held_out(images, 30, seed=1)
    with pytest.raises(DataSetError, match="leaves none"):
        choose_held_out(images, 100, seed=1)
    assert Path("a") not in choose_held_out([*images, image("a", "no label file")], 99, seed=1)


def test_hold_out_stands_in_for_the_test_set_only_where_there_is_none(pair):
    held_out = options(icdar13_train_path=pair, holdout_count=3)
    (test,) = [plan for plan in plan_sets(held_out) if plan.set_name == "test"]
    (source,) = test.sources
    assert source.label == "icdar2013 hold-out" and len(source.read().images) == 3
    assert len(digests_of_test_set([test])) == 3
    (test,) = [plan for plan in plan_sets(held_out.replace(icdar13_test_path=pair)) if plan.set_name == "test"]
    assert len(test.sources[0].read().images) == 10
    for change in ({"test_dataset": ["folder"], "folder_test_path": pair}, {"icdar13_train_path": []}):
        with pytest.raises(DataSetError, match="holdout_count"):
            plan_sets(held_out.replace(icdar11_train_path=pair, **change))
