"""What is special about PNG files: metadata without end."""

_SIGNATURE_BYTES = 8
_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}


def without_texts(data: bytes) -> bytes:
    """The file without its texts and color profile, which Pillow refuses the image for when they are long."""
    parts = [data[:_SIGNATURE_BYTES]]
    place = _SIGNATURE_BYTES
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] not in _TEXTS:
            parts.append(data[place:end])
        place = end
    parts.append(data[place:])
    return b"".join(parts)
