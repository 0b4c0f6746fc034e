"""The order of the samples of an epoch, and each rank's part of it."""

import numpy as np


def count_steps(size: int, batch_size: int, rank_size: int = 1) -> int:
    """Steps of an epoch, the same on every rank: as many as it takes to see all of `size` samples."""
    return -(-size // (batch_size * rank_size))


def epoch_order(
    size: int, epoch: int, *, seed: int, batch_size: int, rank_id: int = 0, rank_size: int = 1
) -> np.ndarray:
    """Sample indices (steps, batch_size) of one rank in one epoch.

    One permutation of all samples, drawn from (seed, epoch), is dealt out step by step: the samples of a step
    are the same whatever the number of ranks that share it (if batch_size * rank_size stays). Ranks see
    disjoint parts; together they see every sample. Where the last step is not full, the permutation starts
    over, so that every rank has the same number of full steps, however small the data set is.
    """
    if size < 1 or batch_size < 1 or not 0 <= rank_id < rank_size:
        raise ValueError(f"cannot deal {size} samples in batches of {batch_size} to rank {rank_id} of {rank_size}")
    steps = count_steps(size, batch_size, rank_size)
    permutation = np.random.default_rng([seed, epoch]).permutation(size)
    dealt = np.resize(permutation, steps * rank_size * batch_size)  # repeats from the start
    return dealt.reshape(steps, rank_size, batch_size)[:, rank_id]
