"""What kind of file it is, by its first bytes: those that are read, and those whose name a message can give."""

from functools import cache
from importlib.util import find_spec

HEAD_BYTES = 1024  # enough for every signature below

# Formats that no decoder here reads, by their signature.
_NOT_READ = (
    (b"8BPS", "PSD"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"AT&TFORM", "DjVu"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"gimp xcf", "XCF"),
    (b"PK\x03\x04", "ZIP"),
    (b"II\xbc\x01", "JPEG XR"),
)
_READ = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"%PDF-", "PDF"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_ADVICE = {
    "HEIC": "HEIC is not supported; convert it to JPEG, or install it: pip install pillow-heif",
    "AVIF": "AVIF is not supported by this build of Pillow; convert it to JPEG or PNG",
}


def file_type(head: bytes) -> str:
    """Name of the format that a file of these first bytes claims to be; "" where none is known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _type_of_brands(head)
    known = next((name for signature, name in (*_READ, *_NOT_READ) if head.startswith(signature)), "")
    return known or _type_of_text(head)


def _type_of_text(head: bytes) -> str:
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "PPM"
    if b"%PDF-" in head:  # readers of PDF accept bytes in front
        return "PDF"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:256].lower()
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in head.lower()):
        return "SVG"
    return ""


def _type_of_brands(head: bytes) -> str:
    """HEIC and AVIF share a container, whose brands name the format."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[place : place + 4] for place in range(16, length, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else "video"


def why_not_read(kind: str) -> str:
    """The message for a file of this kind; "" for those that are read."""
    if kind == "AVIF" and avif_is_read():
        return ""
    if kind == "HEIC" and heic_is_read():
        return ""
    if kind in {name for _, name in _READ} | {"WEBP", "PPM", ""}:
        return ""
    return _ADVICE.get(kind, f"{kind} is not supported; convert it to PNG or JPEG")


@cache
def avif_is_read() -> bool:
    from PIL import features  # noqa: PLC0415 - only where such a file comes

    return bool(features.check("avif"))


@cache
def heic_is_read() -> bool:
    """Whether pillow-heif is installed."""
    return find_spec("pillow_heif") is not None


@cache
def register_heic() -> None:
    """Let Pillow open HEIC; done once, when the first such file comes."""
    from pillow_heif import register_heif_opener  # noqa: PLC0415 - optional

    register_heif_opener(thumbnails=False)
