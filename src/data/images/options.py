"""How large an image may be, and how pages become images."""

from src.common.options import Options, option

DEFAULT_MAX_PIXELS = 64_000_000
DEFAULT_DPI = 200.0
LEAST_DPI, MOST_DPI = 10, 2400


class ImageLimits(Options):
    """What is refused before it takes memory."""

    max_image_pixels: int = option(DEFAULT_MAX_PIXELS, "larger images are refused before they take memory", low=1)


class PdfOptions(Options):
    """How the pages of a PDF become images."""

    dpi: float = option(
        DEFAULT_DPI, "resolution at which the pages of a PDF are rendered", low=LEAST_DPI, high=MOST_DPI
    )
