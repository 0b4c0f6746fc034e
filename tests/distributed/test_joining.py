"""How a process joins the others, without any others."""

import pytest

from src.common.errors import UserError
from src.model_utils import prepare_run

mindspore = pytest.importorskip("mindspore")


@pytest.fixture
def asked(monkeypatch):
    """Calls of MindSpore; nothing is opened."""
    calls = []
    monkeypatch.setattr(mindspore.communication, "init", lambda: calls.append("init"))
    monkeypatch.setattr(mindspore.communication, "get_rank", lambda: 2)
    monkeypatch.setattr(mindspore.communication, "get_group_size", lambda: 4)
    monkeypatch.setattr(mindspore, "set_auto_parallel_context", lambda **options: calls.append(options))
    for name in ("RANK_SIZE", "MS_WORKER_NUM", "OMPI_COMM_WORLD_SIZE", "RANK_ID"):
        monkeypatch.delenv(name, raising=False)
    return calls


def test_alone_there_is_nobody_to_meet(asked):
    assert prepare_run._join_ranks() == (0, 1)
    assert asked == []


def test_ranks_average_their_gradients(asked, monkeypatch):
    monkeypatch.setenv("MS_WORKER_NUM", "4")
    assert prepare_run._join_ranks() == (2, 4)
    options = {"parallel_mode": "data_parallel", "gradients_mean": True, "device_num": 4}
    assert asked == ["init", options]


def test_a_rank_waits_longer_than_a_compilation_takes():
    worker, scheduler, chosen = {"MS_ROLE": "MS_WORKER"}, {"MS_ROLE": "MS_SCHED"}, {"MS_NODE_TIMEOUT": "7"}
    for environment in (worker, scheduler, chosen):
        prepare_run.set_defaults(environment)
    assert int(worker["MS_NODE_TIMEOUT"]) > 600
    assert "MS_NODE_TIMEOUT" not in scheduler
    assert chosen["MS_NODE_TIMEOUT"] == "7"


def test_ranks_that_do_not_meet_are_one_line(asked, monkeypatch):
    def fail():
        raise RuntimeError("\n\nThe nccl library is missing.\n\n----\n- C++ Call Stack\nnccl.cc:12")

    monkeypatch.setattr(mindspore.communication, "init", fail)
    monkeypatch.setenv("RANK_SIZE", "4")
    monkeypatch.setenv("RANK_ID", "3")
    with pytest.raises(UserError) as caught:
        prepare_run._join_ranks()
    assert str(caught.value) == "process 3 of 4 did not meet the others: The nccl library is missing."
