"""What is said of the processor."""

import pytest

from src.engines.processor import describe_processor, has_bf16_units, processor_flags


def test_flags_are_those_of_the_first_processor(tmp_path):
    (tmp_path / "x86").write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16\nprocessor\t: 1\nflags\t\t: other\n")
    assert processor_flags(tmp_path / "x86") == {"fpu", "avx2", "amx_bf16"}
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert processor_flags(tmp_path / "arm") == {"fp", "asimd", "bf16"}
    (tmp_path / "empty").write_text("")
    assert processor_flags(tmp_path / "empty") == processor_flags(tmp_path / "none") == frozenset()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"avx", "avx2", "avx512f", "amx_bf16", "avx512_bf16"}, "avx512f, bf16 units: amx_bf16, avx512_bf16"),
        ({"avx", "avx2"}, "avx2, no bf16 units"),
        ({"fpu"}, "no vector unit, no bf16 units"),
        (set(), "units not known"),
    ],
)
def test_the_processor_in_words(flags, words):
    assert describe_processor(frozenset(flags)).endswith(words)
    assert has_bf16_units(frozenset(flags)) == (": amx_bf16" in words)
