"""Image files made to break readers."""

import io

from PIL import Image


def progressive_of_many_scans(scans):
    """A sound progressive JPEG whose last scan comes again and again."""
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"
