"""Names of images in a submission, which knows images by the stem of their file name."""

import re
from collections import Counter
from collections.abc import Iterable

from src.metrics.submission import image_key


def submission_names(names: Iterable[str]) -> dict[str, str]:
    """File name of an image -> the name to submit it under, whose stem no other image has.

    That is its own name (the official script expects `res_img_1.txt` for `img_1.jpg`), or, where several
    share a stem (`a/1.jpg`, `b/1.jpg` and `1.png`), one made of the whole of it: `a_1_jpg`.
    """
    names = list(names)
    stems = Counter(image_key(name) for name in names)
    chosen = {name: name for name in names if stems[image_key(name)] == 1}
    taken = {image_key(name) for name in chosen}
    for name in names:
        if name not in chosen:
            candidate = re.sub(r"[/\\.]", "_", name)
            while candidate in taken:
                candidate += "_"
            chosen[name] = candidate
            taken.add(candidate)
    return chosen
