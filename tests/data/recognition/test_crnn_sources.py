"""Where words come from: LMDBs by name or path, mixtures, rendered words."""

import re
from string import ascii_lowercase

import pytest
from tiny_words import drawn, write_lmdb

from src.common.errors import UserError
from src.data.recognition.preprocess import kept_ratio_width
from src.data.recognition.sources import find_lmdbs, mix_sources, open_lmdbs, rendered_words


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lmdbs")
    for name, count in (("MJ_LMDB", 6), ("IIIT5K_lmdb", 2), ("other/MJ_LMDB", 3)):
        write_lmdb(folder / name, [(drawn("word"), "word")] * count)
    return folder


def test_names_in_either_case_and_paths(root):
    opened = open_lmdbs(["mj_lmdb", "IIIT5k_lmdb"], root)
    assert {name: len(source) for name, source in opened.items()} == {"MJ_LMDB": 6, "IIIT5K_lmdb": 2}
    assert list(open_lmdbs([str(root / "IIIT5K_lmdb")], "nowhere")) == ["IIIT5K_lmdb"]


def test_two_of_one_name_are_told_apart(root):
    opened = open_lmdbs([str(root / "MJ_LMDB"), str(root / "other" / "MJ_LMDB")], root)
    assert [len(source) for source in opened.values()] == [6, 3]
    assert list(opened) == [f"{root.name}/MJ_LMDB", "other/MJ_LMDB"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["ST_LMDB"], "ST_LMDB"),
        (["nothing/here"], "no data.mdb"),
        ([3], "'3'"),
        ([""], "''"),
        (["MJ_LMDB", "mj_lmdb"], "twice"),
    ],
)
def test_names_that_mean_nothing(root, names, message):
    with pytest.raises(UserError, match=re.escape(message)):
        open_lmdbs(names, root)


def test_a_root_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="lmdb_root: .*none"):
        open_lmdbs(["MJ_LMDB"], tmp_path / "none")


def test_a_data_set_path_is_an_lmdb_or_holds_some(root, tmp_path):
    assert find_lmdbs(root / "MJ_LMDB") == [str(root / "MJ_LMDB")]
    assert find_lmdbs(root) == [str(root / "IIIT5K_lmdb"), str(root / "MJ_LMDB")]
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="dataset_path"):
            find_lmdbs(path)


def test_mixtures(root):
    stored = list(open_lmdbs(["MJ_LMDB", "IIIT5k_lmdb"], root).values())
    rendered = rendered_words([], [], "", "abc", seed=1, height=32, widths=[100])
    (source, part), *others = rendered
    assert (part, others) == (1.0, [])
    assert mix_sources(stored, [], [], 0.0) == stored
    assert mix_sources(stored, [3, 1], [], 0.0) == [(stored[0], 3), (stored[1], 1)]
    assert mix_sources(stored, [], rendered, 1.0) == rendered
    assert mix_sources([], [], rendered, 0.3) == rendered
    sources, weights = zip(*mix_sources(stored, [], rendered, 0.2), strict=True)
    assert sources == (*stored, source)
    assert weights == pytest.approx((0.8 * 6 / 8, 0.8 * 2 / 8, 0.2))
    two = [(source, 0.75), (source, 0.25)]
    assert [w for _, w in mix_sources(stored, [], two, 0.2)] == pytest.approx([0.6, 0.2, 0.15, 0.05])
    assert [w for _, w in mix_sources(stored, [1, 1], rendered, 0.5)] == pytest.approx([0.25, 0.25, 0.5])
    for weights, share in (([1], 0.0), ([1, -1], 0.0), ([1, "2"], 0.0), ([0, 0], 0.5)):
        with pytest.raises(UserError, match="train_weight"):
            mix_sources(stored, weights, rendered, share)
    with pytest.raises(UserError, match="train_lmdb: is empty"):
        mix_sources([], [], [], 0.0)


def test_rendered_words_follow_seed_and_alphabet(tmp_path):
    (tmp_path / "words.txt").write_text("Zebra\nQuagga\n")
    source, again, other = (
        rendered_words([], [], str(tmp_path / "words.txt"), ascii_lowercase, seed, height=32, widths=[100])[0][0]
        for seed in (1, 1, 2)
    )
    samples = [source.sample(index) for index in range(12)]
    for index, (image, text) in enumerate(samples):
        assert again.sample(index)[1] == text
        assert (again.sample(index)[0] == image).all()
    assert [text for _, text in samples] != [other.sample(index)[1] for index in range(12)]
    assert all(set(text) <= set(ascii_lowercase) for _, text in samples)
    assert {"zebra", "quagga"} & {text for _, text in samples}
    with pytest.raises(UserError, match="lexicon"):
        rendered_words([], [], str(tmp_path / "none.txt"), "abc", 1, height=32, widths=[100])


def test_rendered_lines_are_made_for_each_width():
    characters = "".join(map(chr, range(32, 127)))
    widths = (100, 200, 300, 400)
    rendered = rendered_words([], [], "", characters, 1, max_words=4, height=32, widths=widths)
    shares = [share for _, share in rendered]
    assert shares == pytest.approx([1 / w**2 / sum(1 / v**2 for v in widths) for w in widths])
    for (source, _), low, high in zip(rendered, (0, *widths), widths, strict=False):
        samples = [source.sample(index) for index in range(25)]
        natural = [kept_ratio_width(*image.shape, 32) for image, _ in samples]
        assert low <= min(natural) and max(natural) <= high
        assert max(len(text.split()) for _, text in samples) <= 4
    assert max(len(text.split()) for _, text in samples) > 2
    assert {len(source.sample(i)[1].split()) for source, _ in rendered[:1] for i in range(40)} == {1, 2}


def test_single_words_are_not_asked_to_fill_the_widest_inputs():
    rendered = rendered_words([], [], "", "abc", 1, height=32, widths=(100, 200, 400))
    assert [source.aspect for source, _ in rendered] == [(0, 100 / 32), (100 / 32, 200 / 32)]
    # of one width: takes every text
    ((source, share),) = rendered_words([], [], "", "abc", 1, max_words=3, height=32, widths=[100])
    assert (source.aspect, source.max_words, share) == (None, 3, 1.0)
