"""Names of pictures in a submission, which knows pictures by the stem of their file name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from src.metrics.submission import image_key


def submission_names(names: Iterable[str]) -> dict[str, str]:
    """File name of a picture -> the name it has in `submit_*.zip` and `gt.zip`, different for each.

    That is its stem, as the official script expects: `img_1` for `img_1.jpg`. Where several pictures share
    one (`a/1.jpg`, `b/1.jpg` and `1.png`), theirs is made of the whole name: `a_1_jpg`.
    """
    names = list(names)
    stems = Counter(image_key(name) for name in names)
    chosen = {name: image_key(name) for name in names if stems[image_key(name)] == 1}
    taken = set(chosen.values())
    for name in names:
        if name not in chosen:
            candidate = re.sub(r"[/\\.]", "_", name)
            while candidate in taken:
                candidate += "_"
            chosen[name] = candidate
            taken.add(candidate)
    return chosen
