"""The pages of one source, taken one after another."""

from src.common.errors import UserError
from src.data.images.decode import DecodedImage
from src.reader.image_source import ImageSource, OpenOptions, PageFile, open_image, shown_name
from src.reader.page_numbers import PageRanges, as_ranges


class PageQueue:
    """The wanted pages of an opened source; those that are left out are in the notes of the first.

    Attributes:
        count: pages of the source.
        page: number of the page that `decode_next` gives, from 1.
        name: of that page: that of the source, with "#page" behind it where there are several.
    """

    def __init__(self, image: ImageSource, options: OpenOptions, wanted: PageRanges):
        """Open the source and choose its pages.

        Raises:
            UserError: the source cannot be opened, or has none of the wanted pages.
        """
        self._image = image
        self._file: PageFile = open_image(image, options)
        self.count = self._file.pages
        # An image that is no document is read whatever pages of documents are wanted.
        self._pages = wanted.chosen(self.count) if self.count > 1 else [1]
        self._position = 0
        if not self._pages:
            self.close()
            raise UserError(f"{shown_name(image)}: has {self.count} pages, none of those that are wanted (--pages)")

    @property
    def page(self) -> int:
        return self._pages[self._position]

    @property
    def name(self) -> str:
        return f"{self._image.name}#{self.page}" if self.count > 1 else self._image.name

    def is_empty(self) -> bool:
        return self._position == len(self._pages)

    def decode_next(self) -> DecodedImage:
        """Decode the page and go on to the next, also when it cannot be decoded: then ImageError is raised."""
        page = self.page
        left_out = sorted(set(range(1, self.count + 1)) - set(self._pages)) if self._position == 0 else []
        self._position += 1
        try:
            decoded = self._file.decode(page)
        finally:
            if self.is_empty():
                self.close()
        if left_out:
            pages, were = ("page", "was") if len(left_out) == 1 else ("pages", "were")
            note = f"{pages} {as_ranges(left_out)} of {self.count} {were} not read (--pages)"
            return DecodedImage(decoded.pixels, (*decoded.notes, note))
        return decoded

    def close(self) -> None:
        self._file.close()
