"""One function that makes a process ready to train, evaluate or export."""

import os
import random
from collections.abc import MutableMapping
from dataclasses import dataclass

from src.common.errors import UserError
from src.model_utils.device_adapter import select_device, set_cpu_kernels
from src.model_utils.local_adapter import get_device_id, get_device_num, get_rank_id
from src.model_utils.run_options import ProcessOptions


@dataclass(frozen=True)
class Run:
    """Where this process stands in the run: its rank, the number of ranks, and its device."""

    rank_id: int
    rank_size: int
    device_target: str

    @property
    def is_main(self) -> bool:
        return self.rank_id == 0


def prepare_run(options: ProcessOptions) -> Run:
    """Set the CPU kernels, device, seed and, for a distributed run, the communication between ranks.

    Raises:
        UserError: the device is not there, a launcher's variable is not a number, or the ranks do not meet.
    """
    set_cpu_kernels()
    set_defaults(os.environ)
    import mindspore  # noqa: PLC0415 - only after the variables above, which it reads on import
    import numpy as np  # noqa: PLC0415

    mindspore.set_context(mode=mindspore.GRAPH_MODE)
    target = select_device(options.device_target, get_device_id(default=options.device_id))
    rank_id, rank_size = 0, 1
    if options.run_distribute:
        rank_id, rank_size = _join_ranks()
    random.seed(options.seed)
    np.random.seed(options.seed)
    mindspore.set_seed(options.seed)
    return Run(rank_id, rank_size, target)


def set_defaults(environment: MutableMapping[str, str]) -> None:
    """Variables that MindSpore reads, where the user has not set them."""
    # MindSpore's warnings on set-up speak of its own internals; errors (level 3) still show.
    environment.setdefault("GLOG_v", "3")
    if environment.get("MS_ROLE") == "MS_WORKER":
        # How long a rank on the CPU waits for the others: by itself 30 s, less than another one may need to compile
        # its network or to write results. The launcher notices without it when a rank ends. Its scheduler, which
        # reads the same variable, keeps the 30 s.
        environment.setdefault("MS_NODE_TIMEOUT", "3600")


def _join_ranks() -> tuple[int, int]:
    """Open the communication that the launcher set up; alone (no launcher), a run of one rank."""
    import mindspore  # noqa: PLC0415
    from mindspore import communication  # noqa: PLC0415

    expected = get_device_num()
    if expected == 1:
        return 0, 1
    try:
        communication.init()
    except RuntimeError as error:  # MindSpore's own text is a page
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
        raise UserError(f"process {get_rank_id()} of {expected} did not meet the others: {reason}") from error
    rank_id, rank_size = communication.get_rank(), communication.get_group_size()
    mindspore.set_auto_parallel_context(
        parallel_mode=mindspore.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=rank_size
    )
    return rank_id, rank_size


def describe(run: Run, options: ProcessOptions) -> str:
    """One line for the log: what was chosen."""
    chosen = " (chosen automatically)" if options.device_target == "auto" else ""
    rank = f", rank {run.rank_id} of {run.rank_size}" if run.rank_size > 1 else ""
    return f"device {run.device_target}{chosen}{rank}, seed {options.seed}"
