"""PDF files: each page an image, rendered by PDFium."""

import ctypes
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from src.data.images.decode import DecodedImage
from src.data.images.options import DEFAULT_DPI, DEFAULT_MAX_PIXELS
from src.data.images.source import ImageError

POINTS_PER_INCH = 72
MOST_SECONDS = 30.0  # a page: one of millions of strokes would keep a program for hours
_pdfium_lock = threading.Lock()  # PDFium works in one thread at a time


class PdfFile:
    """An opened PDF, whose pages are rendered one by one, as `ImageFile` decodes those of an image file.

    Raises:
        ImageError: it is damaged, needs a password, or pypdfium2 is not installed.
    """

    def __init__(
        self,
        source: bytes | Path | str,
        *,
        dpi: float = DEFAULT_DPI,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        name: str = "",
    ) -> None:
        self._name = name or (str(source) if isinstance(source, (str, Path)) else "PDF")
        self._dpi, self._max_pixels = dpi, max_pixels
        try:
            import pypdfium2  # noqa: PLC0415 - only where a PDF comes
            import pypdfium2.raw as pdfium  # noqa: PLC0415
        except ImportError:
            raise ImageError("other format", self._name, "PDF needs pypdfium2: pip install pypdfium2") from None
        with self._named():
            # Of a file without pages PDFium keeps the reason why an earlier one was refused; nothing is refused here.
            pdfium.FPDF_LoadMemDocument(b"", 0, None)
            self._document = pypdfium2.PdfDocument(source)
            if self._document.get_formtype():
                self._document.init_forms()  # what was filled in is drawn, too
            self.pages = len(self._document)

    def __enter__(self) -> "PdfFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with _pdfium_lock:
            self._document.close()

    def decode(self, page: int = 1) -> DecodedImage:
        """Render a page, numbered from 1.

        Raises:
            ImageError: this page cannot be rendered, or not in MOST_SECONDS.
        """
        with self._named():
            opened = self._document[page - 1]
            try:
                width, height = (max(side, 1.0) for side in opened.get_size())
                scale = self._dpi / POINTS_PER_INCH
                fitting = math.sqrt(self._max_pixels / (width * height))
                notes = []
                if scale > fitting:
                    scale = fitting
                    at = f"at {scale * POINTS_PER_INCH:.0f} instead of {self._dpi:.0f} dpi"
                    notes.append(f"rendered {at}, to stay below {self._max_pixels} pixels (--max_image_pixels)")
                size = max(1, int(width * scale)), max(1, int(height * scale))
                return DecodedImage(self._rendered(opened, size), tuple(notes))
            finally:
                opened.close()

    def _rendered(self, page: Any, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) uint8 RGB of a page, `size` (width, height) in pixels."""
        import pypdfium2  # noqa: PLC0415
        import pypdfium2.raw as pdfium  # noqa: PLC0415

        bitmap = pypdfium2.PdfBitmap.new_native(*size, pdfium.FPDFBitmap_BGR)
        try:
            bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
            until = time.monotonic() + MOST_SECONDS
            late = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(pdfium.IFSDK_PAUSE))(
                lambda _: int(time.monotonic() > until)
            )
            pause = pdfium.IFSDK_PAUSE(version=1, NeedToPauseNow=late)
            flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
            place = (0, 0, *size, 0, flags)
            status = pdfium.FPDF_RenderPageBitmap_Start(bitmap, page, *place, pause)
            pdfium.FPDF_RenderPage_Close(page)
            if status == pdfium.FPDF_RENDER_TOBECONTINUED:
                raise ImageError("unsupported", self._name, f"a page that is not drawn in {MOST_SECONDS:.0f} s")
            if status != pdfium.FPDF_RENDER_DONE:
                raise ImageError("truncated", self._name, "the page cannot be drawn")
            if self._document.formenv:
                pdfium.FPDF_FFLDraw(self._document.formenv, bitmap, page, *place)
            return np.array(bitmap.to_numpy())
        finally:
            bitmap.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """One thread at a time, and one error for whatever PDFium raises."""
        import pypdfium2  # noqa: PLC0415

        with _pdfium_lock:
            try:
                yield
            except pypdfium2.PdfiumError as error:
                if "password" in str(error).lower():
                    raise ImageError("unsupported", self._name, "the PDF needs a password") from None
                raise ImageError("truncated", self._name, f"damaged, or without pages; {error}") from None
            except FileNotFoundError:
                raise ImageError("missing", self._name) from None
            except OSError as error:
                raise ImageError("unreadable", self._name, error.strerror or str(error)) from None
            except MemoryError:
                raise ImageError("too large", self._name, "not enough memory") from None
