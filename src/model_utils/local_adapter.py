"""Rank and world size of this process from the local machine and its launcher alone.

`msrun` sets RANK_ID, DEVICE_ID and (as MS_WORKER_NUM) the number of workers; `mpirun` sets OMPI_COMM_WORLD_*;
the rank-table launchers set RANK_ID, RANK_SIZE and DEVICE_ID.
"""

import os
import re
from collections.abc import Mapping

from src.common.options import OptionError

_RANK_ID = ("RANK_ID", "OMPI_COMM_WORLD_RANK")
_RANK_SIZE = ("RANK_SIZE", "MS_WORKER_NUM", "OMPI_COMM_WORLD_SIZE")
_DEVICE_ID = ("DEVICE_ID", "OMPI_COMM_WORLD_LOCAL_RANK")
_DEVICES_PER_NODE = 8


def get_rank_id(environment: Mapping[str, str] = os.environ) -> int:
    return _number(environment, _RANK_ID, 0)


def get_device_num(environment: Mapping[str, str] = os.environ) -> int:
    return _number(environment, _RANK_SIZE, 1)


def get_device_id(environment: Mapping[str, str] = os.environ, default: int = 0) -> int:
    return _number(environment, _DEVICE_ID, default)


def is_first_of_node(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is the one process of its machine that does what needs doing once.

    A job may be given any devices of a machine; of N numbers in a row exactly one is a multiple of N.
    """
    return get_device_id(environment) % max(1, min(get_device_num(environment), _DEVICES_PER_NODE)) == 0


def get_job_id(environment: Mapping[str, str] = os.environ) -> str:
    return environment.get("JOB_ID") or "local_job"


def _number(environment: Mapping[str, str], names: tuple[str, ...], default: int) -> int:
    for name in names:
        text = environment.get(name, "")
        if text:
            if not re.fullmatch("[0-9]{1,9}", text):
                raise OptionError(f"environment variable {name}: '{text}' is not a whole number")
            return int(text)
    return default
