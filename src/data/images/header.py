"""What an opened file holds, before any pixel is decoded: the header of its image, and its further images."""

from dataclasses import dataclass

from PIL import Image

from src.data.images.rgb import orientation

_SUBFILE_TYPE, _REDUCED_OR_MASK = 254, 1 | 4  # TIFF: an image that is a part of another one


@dataclass(frozen=True)
class ImageHeader:
    """What is known of a file's image before any pixel is decoded.

    Attributes:
        height, width: size in pixels as shown (EXIF orientation applied).
        orientation: EXIF orientation 1..8, 1 where the file has none.
        mode: Pillow's pixel mode as stored.
        has_alpha: whether the pixels or the palette carry transparency.
        has_color_profile: whether an ICC profile is embedded (it is not applied).
    """

    format: str
    mode: str
    height: int
    width: int
    orientation: int
    has_alpha: bool
    has_color_profile: bool


def frame_numbers(image: Image.Image) -> list[int]:
    """The images of a file that are images of their own: pages of a TIFF, frames of an animation."""
    # The further images of a camera's JPEG are copies of the first one, other exposures, or its depth.
    count = 1 if image.format in ("JPEG", "MPO") else _count(image)
    if count == 1 or image.format != "TIFF":
        return list(range(count))
    return [number for number in range(count) if number == 0 or not _is_part_of_another(image, number)]


def _count(image: Image.Image) -> int:
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:  # damage behind the first image, which may be sound
        return 1


def _is_part_of_another(image: Image.Image, number: int) -> bool:
    """Whether a TIFF marks this image as another one made smaller, or its mask."""
    try:
        image.seek(number)
        tags = image.tag_v2  # type: ignore[attr-defined] # a TIFF has them
        return bool(int(tags.get(_SUBFILE_TYPE, 0)) & _REDUCED_OR_MASK)
    except Exception:  # it cannot be read; decoding it raises the error
        return False


def header_of(image: Image.Image) -> ImageHeader:
    turned = orientation(image)
    width, height = image.size
    if turned >= 5 and image.format != "TIFF":  # 5..8 exchange rows and columns; Pillow does so itself in a TIFF
        width, height = height, width
    return ImageHeader(
        format=image.format or "",
        mode=image.mode,
        height=height,
        width=width,
        orientation=turned,
        has_alpha=image.has_transparency_data,
        has_color_profile="icc_profile" in image.info,
    )
