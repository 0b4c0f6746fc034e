import json
import os

import pytest

from src.common.atomic_file import write_json
from src.common.errors import UserError


def test_a_file_is_readable_and_alone(tmp_path):
    write_json(tmp_path / "report.json", {"名": [1, None]})
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert "名" in text and text.endswith("\n") and json.loads(text) == {"名": [1, None]}
    assert os.listdir(tmp_path) == ["report.json"]


def test_the_old_file_stays_when_the_new_one_cannot_be_finished(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write_json(tmp_path / "report.json", "old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="report.json: No space left"):
        write_json(tmp_path / "report.json", "new")
    assert json.loads((tmp_path / "report.json").read_text()) == "old"
    assert os.listdir(tmp_path) == ["report.json"]
