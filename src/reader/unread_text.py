"""Whether an image holds much that looks like text, of which hardly anything was read. Pure NumPy.

Text that is steep, blurred or of another script makes many proposals and few sure lines. Of 100 photographs without
text none makes so many.
"""

import numpy as np

MANY = 100  # proposals, from the half-seen ones on
READ = 0.25  # share of their width that lines with sure texts take, where they are text
SURE = 0.9  # score of a text

NOTE = (
    "much that looks like text was not read: it may be tilted by more than 35 degrees, blurred or in another script; "
    "straighten the image, or try --detector full"
)


def unread_text(half_seen: int, width: float, polygons: np.ndarray, scores: np.ndarray) -> tuple[str, ...]:
    """The note for a user, or none.

    Args:
        half_seen: proposals of all passes.
        width: pixels of the image that those of one pass take, side by side.
        polygons: (M, 4, 2) of the lines. scores: (M,) of their texts.
    """
    if half_seen < MANY:
        return ()
    tops = polygons[:, 1] - polygons[:, 0]
    return (NOTE,) if np.hypot(*tops[scores >= SURE].T).sum() < READ * width else ()
