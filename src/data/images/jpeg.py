"""What is special about JPEG files: a quick decoder, a lost end marker, and scans without end."""

import re
from collections.abc import Iterator

import numpy as np
import simplejpeg

# Every scan is a pass over the whole image: a file of 55 KB in 5,000 of them takes minutes. Encoders make 1 to 20.
MOST_SCANS = 100
_MOST_SEGMENTS = 50_000
_SCAN, _PROGRESSIVE_FRAME = 0xDA, 0xC2
_END = b"\xff\xd9"
_TEM, _APP0, _COMMENT = 0x01, 0xE0, 0xFE
_JFIF, _SHORTEST_JFIF = b"JFIF", 9  # with the version, at which Pillow looks; the length counts itself
_STANDALONE = {_TEM, *range(0xD0, 0xD9)}  # markers that have no length
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # the next marker that is not part of coded data


def decode_sound(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a gray or color JPEG without any fault, as Pillow would give it, in half its time.

    The same decoder is behind both, but here it writes where the pixels stay.

    Raises:
        ValueError: for whatever it complains of: that is left to Pillow, so that it alone decides what a damaged
            file gives.
    """
    return simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=True)


def with_end_marker(data: bytes) -> bytes | None:
    """The file completed, if nothing but its end marker is missing or was overwritten with zeros; else None."""
    if _lacks_scans(data):
        return None
    candidates = [data, data[:-1] if data.endswith(b"\xff") else b"", data.rstrip(b"\0"), data.rstrip(b"\0") + b"\0"]
    for candidate in dict.fromkeys(candidates):
        completed = candidate + _END
        for color_space in ("GRAY", "CMYK"):  # the cheapest; CMYK files are decoded as nothing else
            try:
                simplejpeg.decode_jpeg(completed, color_space, strict=True)
            except ValueError:
                continue
            return completed
    return None


def has_too_many_scans(data: bytes) -> bool:
    """Whether the image has more than MOST_SCANS scans; what lies behind its end marker does not count.

    Segments without end, which real files have at most some hundreds of, are as bad.
    """
    scans = 0
    for number, (marker, _) in enumerate(_segments(data)):
        scans += marker == _SCAN
        if scans > MOST_SCANS or number > _MOST_SEGMENTS:
            return True
    return False


def with_headers_for_pillow(data: bytes) -> bytes:
    """The file without TEM markers among its headers, a cut JFIF segment as a comment; else the same bytes.

    TEM has no content, and such a JFIF segment none of use. libjpeg, and so the C++ application, passes over both;
    Pillow refuses the file.
    """
    parts, start, place = [], 0, 2
    while (place := _next_marker(data, place)) >= 0 and (marker := data[place + 1]) not in (_SCAN, _END[1]):
        if marker == _TEM:
            parts.append(data[start:place])
            start = place + 2
        elif marker == _APP0 and data.startswith(_JFIF, place + 4) and _length(data, place) < _SHORTEST_JFIF:
            parts += [data[start : place + 1], bytes([_COMMENT])]
            start = place + 2
        is_alone = marker == 0 or marker in _STANDALONE
        place += 2 if is_alone else 2 + _length(data, place)
    return b"".join([*parts, data[start:]])


def _lacks_scans(data: bytes) -> bool:
    """Whether scans of a progressive image are missing that would make it finer."""
    precision: dict[int, list[int]] = {}  # of a component's 64 coefficients: bits still to come, or -1 for all
    for marker, content in _segments(data):
        count = content[5] if marker == _PROGRESSIVE_FRAME and len(content) > 5 else content[0] if content else 0
        if marker == _PROGRESSIVE_FRAME:
            precision = {component: [-1] * 64 for component in content[6::3][:count]}
        elif marker == _SCAN and precision:
            if len(content) < 4 + 2 * count or content[2 + 2 * count] > 63:
                return True  # the header of the scan is damaged
            first, last, bits = content[1 + 2 * count : 4 + 2 * count]
            for component in content[1 : 1 + 2 * count : 2]:
                precision.get(component, [])[first : last + 1] = [bits & 15] * (last + 1 - first)
    return any(any(bits) for bits in precision.values())


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment, up to the end marker or the end of the data."""
    place = 2
    while (place := _next_marker(data, place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker == _END[1]:
            return
        if marker in _STANDALONE:
            place += 2
            continue
        end = place + 2 + _length(data, place)
        yield marker, data[place + 4 : end]
        place = end
        if marker == _SCAN:
            found = _AFTER_SCAN.search(data, place)
            if found is None:
                return
            place = found.start()


def _length(data: bytes, place: int) -> int:
    """What the segment at `place` says that it has behind its marker."""
    return int.from_bytes(data[place + 2 : place + 4], "big")


def _next_marker(data: bytes, place: int) -> int:
    """Where the next marker begins, behind other bytes and fill bytes; -1 where there is none."""
    place = data.find(b"\xff", place)
    while 0 <= place < len(data) - 1 and data[place + 1] == 0xFF:
        place += 1
    return place if place < len(data) - 1 else -1
