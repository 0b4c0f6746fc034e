"""Work that one process of a node does for all of them."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.model_utils.local_adapter import get_device_num, get_job_id, is_first_of_node

_WAIT_SECONDS = 3 * 3600


def once_per_node(task: str, work: Callable[[], None], *, folder: Path | None = None) -> None:
    """Run `work` in the first process of the node while the others wait; its failure is everybody's.

    The marker is named for the job and the launcher's process, so that one left by an earlier job on the same
    machine is never taken for this one's. A process that is alone leaves none.
    """
    if get_device_num() == 1:
        work()
        return
    marker = _marker(task, folder)
    if is_first_of_node():
        _write_marker(marker, "")
        try:
            work()
        except BaseException as error:
            _write_marker(marker, f"failed: {error or type(error).__name__}")
            raise
        _write_marker(marker, "done")
        return
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        state = marker.read_text(encoding="utf-8") if marker.exists() else ""
        if state == "done":
            return
        if state.startswith("failed"):
            raise UserError(f"the first process of this node could not fetch the {task}: {state[8:]}")
        if time.monotonic() > deadline:
            raise UserError(f"the first process of this node did not fetch the {task} in {_WAIT_SECONDS} s")
        time.sleep(0.5)


def claim(task: str, *, folder: Path | None = None) -> bool:
    """Whether this process is the first of the node that asks to do `task`."""
    try:
        _marker(f"{task}_claimed", folder).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _marker(task: str, folder: Path | None) -> Path:
    return (folder or Path(tempfile.gettempdir())) / f"scene_text_{task}_{get_job_id()}_{os.getppid()}"


def _write_marker(marker: Path, text: str) -> None:
    write_atomically(marker, [text.encode()], sync=False)  # nobody reads it after a power cut
