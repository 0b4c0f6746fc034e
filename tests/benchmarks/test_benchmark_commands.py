"""The command lines of the measurements: `--help` explains them, a mistake is one line."""

import sys

import pytest
from tiny_words import drawn

from benchmarks import bench_word_loader, everyday_worker, reader_memory, reader_worker
from benchmarks.reader_inputs import reader_options
from src.common.options import OptionError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter


@pytest.mark.parametrize("module", [everyday_worker, reader_memory, reader_worker])
def test_help_explains_the_command(module, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [module.__name__, "--help"])
    try:
        module.main()
    except SystemExit as ending:
        assert ending.code == 0
    assert module.__doc__.split("\n")[0] in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["images", "--count", "many"], ["images", "--count"]])
def test_a_mistake_is_one_line(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["reader_memory.py", *arguments])
    with pytest.raises(SystemExit) as ending:
        reader_memory.main()
    assert ending.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_options_of_the_reader_come_in_pairs():
    assert reader_options(["--threads", "2", "--engine", "onnxruntime"]) == {"threads": 2, "engine": "onnxruntime"}
    for words in (["--threads"], ["threads", "2"], ["--threads", "2", "left"]):
        with pytest.raises(OptionError, match="pairs"):
            reader_options(words)


def test_words_of_any_lmdb_are_loaded(tmp_path):
    """Also those with capitals, punctuation and more characters than a label has places for."""
    with LmdbWriter(tmp_path / "words") as writer:
        for text in ("Café, 7!", "x" * 99):
            writer.add(drawn("cafe7"), text)
    words = bench_word_loader.OurWords(LmdbWords(tmp_path / "words"))
    assert [int(words[number][2]) for number in range(2)] == [4, bench_word_loader.LABEL_PLACES]
