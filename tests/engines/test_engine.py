"""Which engine is chosen, and what is said where it is not installed."""

import pytest

from src.engines import engine
from src.engines.engine import EngineError, choose_engine


@pytest.mark.parametrize(
    ("name", "advice"), [("mindspore", "pip install -r requirements.txt"), ("openvino", "pip install openvino")]
)
def test_an_engine_that_is_not_installed_says_what_to_install(monkeypatch, name, advice):
    monkeypatch.setattr(engine, "find_spec", lambda package: package == "onnxruntime" or None)
    with pytest.raises(EngineError, match=rf"{name} is not installed \(installed: onnxruntime\); {advice}$"):
        choose_engine(name)
    assert choose_engine("auto") == "onnxruntime"
