"""A build that what is there outlives: in a hidden folder, from which the finished files are moved.

Every layer may import it, as `errors`.
"""

import glob
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.common.folder_lock import hold_folder

logger = logging.getLogger(__name__)


@contextmanager
def build_folder(folder: Path, name: str) -> Iterator[Path]:
    """An empty hidden folder in `folder`, which is made if it is not there; removed with what is still in it.

    No other build writes to `folder` inside; what a killed one of this name left is removed.

    Raises:
        UserError: another build writes to `folder`.
    """
    with hold_folder(folder, "build", logger.info):
        work = folder / f".{name}.building"
        try:
            for left in folder.glob(f"{glob.escape(work.name)}*"):  # earlier versions put a number behind it
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink()
            work.mkdir()
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)
