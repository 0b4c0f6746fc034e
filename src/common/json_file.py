"""JSON files that are either the old one or the complete new one, because their being there means something."""

import json
from pathlib import Path
from typing import Any

from src.common.atomic_file import write_atomically


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path`, in UTF-8 and readable for people. UserError leaves the old file as it was.

    What of a text is not UTF-8, as of the name of a file, is written as JSON escapes.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, [text.encode("utf-8", "backslashreplace")])
