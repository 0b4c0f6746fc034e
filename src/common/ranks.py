"""Rank of this process in a run of several ranks, and collectives over all of them."""

import json
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops
from mindspore.communication import GlobalComm, get_group_size, get_rank


def current_ranks() -> tuple[int, int]:
    """(rank, number of ranks) of this process; (0, 1) where no communication was opened."""
    return (get_rank(), get_group_size()) if GlobalComm.INITED else (0, 1)


def gather_json(value: Any, rank_size: int) -> list:
    """The `value` (JSON) of each rank, in the order of ranks, on every rank."""
    if rank_size == 1:
        return [value]
    data = np.frombuffer(json.dumps(value).encode(), np.uint8).astype(np.int32)
    lengths = _gathered(np.array([len(data)], np.int32))[:, 0]
    rows = _gathered(np.pad(data, (0, int(lengths.max()) - len(data))))
    return [json.loads(row[:length].astype(np.uint8).tobytes()) for row, length in zip(rows, lengths, strict=True)]


def barrier(rank_size: int) -> None:
    """Return when every rank is here: a launcher ends all ranks when the first one ends with an exit code."""
    gather_json(None, rank_size)


def broadcast_statistics(network: nn.Cell, rank_size: int) -> None:
    """Give every rank the batch-norm statistics of rank 0, which are those in the checkpoints.

    The ranks saw different words, so their running means differ; weights are the same everywhere.
    """
    if rank_size == 1:
        return
    for parameter in network.get_parameters():
        if not parameter.requires_grad:
            parameter.set_data(ms.Tensor(_gathered(parameter.asnumpy())[0]))


def _gathered(array: np.ndarray) -> np.ndarray:
    """(R, *shape): the array of each of R ranks."""
    everything = ops.AllGather()(ms.Tensor(array[None]))
    return everything.asnumpy()
