"""The lists of what validates and never trains: as the tool makes them, and whole photographs."""

import os
from pathlib import Path

import pytest

from src.data.name_lists import read_names
from src.data.word_annotations import read_iiit5k
from tools.make_splits import held_out_words, in_blocks, make_lists

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("OCR_SHARED_DATA", ROOT.parent / "shared" / "data"))


def test_the_lists_are_what_the_tool_makes():
    if not DATA.is_dir():
        pytest.skip("the data sets are not at hand")
    made = make_lists(DATA)
    for name, names in made.items():
        assert read_names(ROOT / "weights" / "splits" / f"{name}.txt") == set(names)
    assert len(made["iiit5k_val"]) >= 500 and len(made["icdar2013_val"]) == 45
    held = {name.rpartition("_")[0] for name in made["iiit5k_val"]}
    words = read_iiit5k(DATA / "recognition" / "iiit5k_train" / "train.tags").iterate()
    rest = {word.name for word in words} - set(made["iiit5k_val"])
    assert len(rest) > 1400 and not held & {name.rpartition("_")[0] for name in rest}


def test_neighbours_are_held_out_together(tmp_path):
    (tmp_path / "gt").write_text("".join(f"w/{number}.png word\n" for number in range(400)))
    names = held_out_words(in_blocks(read_iiit5k(tmp_path / "gt")), 60)
    blocks = {int(name[2:-4]) // 50 for name in names}
    assert len(names) == 100 and len(blocks) == 2
