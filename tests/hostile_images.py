"""Image files made to break readers."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def progressive_of_many_scans(scans):
    """A sound progressive JPEG whose last scan comes again and again."""
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def png(*chunks):
    """A PNG of (kind, body) with right checksums."""
    stored = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(stored)


def forged_pngs():
    """{name: (file, whether all of its pixels are there)}: right checksums around what decoders take differently."""
    pixels = np.random.default_rng(5).integers(1, 256, (12, 10, 3), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    stream = zlib.compress(rows)
    header = (b"IHDR", struct.pack(">IIBBBBB", 10, 12, 8, 2, 0, 0, 0))
    indexed = (b"IHDR", struct.pack(">IIBBBBB", 10, 12, 8, 3, 0, 0, 0))
    indices = (b"IDAT", zlib.compress(bytes(([0] + [3] * 10) * 12)))
    palette, end = (b"PLTE", bytes(range(12))), (b"IEND", b"")

    def body(data):
        return (b"IDAT", data)

    files = {
        "sound": (header, body(stream), end),
        "in pieces": (header, *(body(stream[at : at + 3]) for at in range(0, len(stream), 3)), body(b""), end),
        "fewer rows": (header, body(zlib.compress(rows[: 31 * 7])), end),
        "fewer rows, stream not ended": (header, body(zlib.compress(rows[: 31 * 7])[:-6]), end),
        "more rows": (header, body(zlib.compress(rows + rows)), end),
        "stream not ended": (header, body(stream[:-4]), end),
        "wrong checksum of the stream": (header, body(stream[:-4] + b"abcd"), end),
        "more behind the stream": (header, body(stream + b"behind"), end),
        "no end": (header, body(stream)),
        "unknown filter": (header, body(zlib.compress(rows[:31] + b"\x05" + rows[32:])), end),
        "chunk among the pixels": (header, body(stream[:20]), (b"tEXt", b"a\0b"), body(stream[20:]), end),
        "chunk between two images": (header, body(stream), (b"tEXt", b"a\0b"), body(stream), end),
        "unknown critical chunk": (header, (b"ABCD", b"x"), body(stream), end),
        "two headers": (header, header, body(stream), end),
        "two orientations": (header, exif(6), exif(3), body(stream), end),
        "orientation behind the pixels": (header, body(stream), exif(6), end),
        "transparency behind the pixels": (header, body(stream), (b"tRNS", b"\0\1" * 3), end),
        "transparency of a wrong length": (header, (b"tRNS", b"\0"), body(stream), end),
        "resolution of a wrong length": (header, (b"pHYs", b"\0"), body(stream), end),
        "gamma of a wrong length": (header, (b"gAMA", b"\0"), body(stream), end),
        "animation of a wrong length": (header, (b"acTL", b"\0"), body(stream), end),
        "palette of an RGB image": (header, (b"PLTE", b"12345"), body(stream), end),
        "palette": (indexed, palette, indices, end),
        "no palette": (indexed, indices, end),
        "palette behind the pixels": (indexed, indices, palette, end),
        "empty palette": (indexed, (b"PLTE", b""), indices, end),
        "palette of a wrong length": (indexed, (b"PLTE", b"1234"), indices, end),
        "two palettes": (indexed, palette, (b"PLTE", b"x" * 12), indices, end),
        "transparency before the palette": (indexed, (b"tRNS", b"\0" * 4), palette, indices, end),
        "index beyond the palette": (indexed, (b"PLTE", b"123"), indices, end),
        "no pixels": (header, end),
        "no header": (body(stream), end),
        "depth that cannot be": ((b"IHDR", struct.pack(">IIBBBBB", 10, 12, 3, 2, 0, 0, 0)), body(stream), end),
        "interlace that cannot be": ((b"IHDR", struct.pack(">IIBBBBB", 10, 12, 8, 2, 0, 0, 2)), body(stream), end),
        "interlaced, fewer rows": ((b"IHDR", struct.pack(">IIBBBBB", 10, 12, 8, 2, 0, 0, 1)), body(stream), end),
    }
    lacking = {"fewer rows", "fewer rows, stream not ended", "unknown filter", "chunk among the pixels", "no palette"}
    lacking |= {"palette behind the pixels", "empty palette", "palette of a wrong length", "no pixels", "no header"}
    lacking |= {"depth that cannot be", "interlace that cannot be", "interlaced, fewer rows"}
    return {name: (png(*chunks), name not in lacking) for name, chunks in files.items()}


def exif(orientation):
    return b"eXIf", b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0" + bytes([orientation]) + bytes(6)


def damaged(data, rng):
    """A file with one to four random changes: bits, bytes, zeros, a part that is lost, doubled, cut off or added."""
    data = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3, 4]))):
        if len(data) < 10:
            break
        place, length = int(rng.integers(2, len(data))), int(rng.integers(1, 40))
        match int(rng.integers(8)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                del data[-length:]
            case 2:
                data[place : place + length] = bytes(len(data[place : place + length]))
            case 3:
                data += rng.bytes(length)
            case 4:
                data[place] = int(rng.integers(256))
            case 5:
                del data[place : place + length]
            case 6:
                data[place:place] = data[place : place + length]
            case _:  # most headers are there
                data[int(rng.integers(2, min(len(data), 120)))] = int(rng.integers(256))
    return bytes(data)
