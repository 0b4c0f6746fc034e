"""Half precision by default where the original work has it: on Ascend."""

import pytest

ms = pytest.importorskip("mindspore")

from src.model_utils.network_config import CrnnConfig, CtpnConfig
from src.training import run_training


@pytest.mark.parametrize("model", [CtpnConfig, CrnnConfig])
@pytest.mark.parametrize(("device", "half"), [("Ascend", True), ("GPU", False), ("CPU", False)])
def test_auto_is_half_precision_on_ascend(monkeypatch, model, device, half):
    monkeypatch.setattr(run_training.ms, "get_context", lambda key: device)
    assert model().mixed_precision == "auto"
    assert run_training.settle_precision(model()).mixed_precision is half
    assert run_training.settle_precision(model(mixed_precision=not half)).mixed_precision is (not half)
