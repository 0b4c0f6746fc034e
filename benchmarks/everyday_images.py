"""Everyday images with known text, drawn the same everywhere: a page, a receipt, a screenshot, a slide, signs.

They are drawn with Pillow's own font. Each comes with its lines: text and box (x1, y1, x2, y2), or without a box
where the image was turned or bent afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PROSE = (
    "The ferry leaves the old harbor at seven every morning and comes back before dark. In winter the crossing takes "
    "twice as long, because the captain keeps close to the shore where the ice is thin. Most of the passengers are "
    "pupils and nurses; on Thursdays there are also farmers with cheese, wool and baskets of apples for the market. "
    "Nobody on board reads the safety notice beside the door, which says that dogs must be kept on a lead. "
)


@dataclass
class Everyday:
    """An image, uint8 RGB (H, W, 3), and the lines of text in it."""

    name: str
    pixels: np.ndarray
    texts: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)


class _Sheet:
    """A drawing that remembers its lines."""

    def __init__(self, size: tuple[int, int], ground: str = "white"):
        self.image = Image.new("RGB", size, ground)
        self.texts: list[str] = []
        self.boxes: list[tuple[float, float, float, float]] = []

    def line(self, place: tuple[float, float], text: str, size: int, color: str = "black") -> float:
        """Draw a line; its right end."""
        draw, font = ImageDraw.Draw(self.image), ImageFont.load_default(size)
        draw.text(place, text, fill=color, font=font)
        box = draw.textbbox(place, text, font=font)
        self.texts.append(text)
        self.boxes.append(tuple(map(float, box)))
        return box[2]

    def paragraph(self, place: tuple[int, int], width: int, lines: int, size: int, color: str = "black") -> int:
        """Running text; where it ends."""
        font, words = ImageFont.load_default(size), (PROSE * 9).split()
        y = place[1]
        for _ in range(lines):
            line = [words.pop(0)]
            while font.getlength(" ".join([*line, words[0]])) < width:
                line.append(words.pop(0))
            self.line((place[0], y), " ".join(line), size, color)
            y += round(1.45 * size)
        return y

    def done(self, name: str) -> Everyday:
        return Everyday(name, np.asarray(self.image).copy(), self.texts, self.boxes)


def book_page() -> Everyday:
    """A page of a paperback at 300 dpi."""
    sheet = _Sheet((1536, 2360), "#f7f3ea")
    sheet.line((620, 150), "CHAPTER NINE", 40)
    sheet.paragraph((190, 320), 1160, 28, 40, "#202020")
    sheet.line((745, 2220), "113", 34)
    return sheet.done("book page")


def receipt() -> Everyday:
    """A receipt that somebody photographed on a table, a little tilted and unsharp."""
    sheet = _Sheet((1500, 2000), "#6b5a48")
    ImageDraw.Draw(sheet.image).rectangle((300, 80, 1200, 1900), fill="#f4f4f0")
    sheet.line((520, 150), "RIVER STORES", 60)
    sheet.line((560, 240), "4 Bridge Street", 38)
    rows = ("Tea bags", "2.10"), ("Rye bread", "3.45"), ("Tomatoes", "1.98"), ("Olive oil", "7.60"), ("Soap", "0.99")
    y = 400
    for name, price in (*rows, ("Batteries", "5.25"), ("TOTAL", "21.37"), ("CASH", "25.00"), ("CHANGE", "3.63")):
        sheet.line((360, y), name, 44)
        sheet.line((1030, y), price, 44)
        y += 100
    sheet.line((430, 1450), "Thank you, come again", 44)
    sheet.line((480, 1560), "2026-04-21 09:17", 40)
    found = sheet.done("receipt photo")
    turn = cv2.getRotationMatrix2D((750, 1000), 1.5, 1)
    pixels = cv2.warpAffine(found.pixels, turn, (1500, 2000), borderMode=cv2.BORDER_REPLICATE)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 1.2).astype(np.float32)
    pixels += np.random.default_rng(1).normal(0, 5, pixels.shape)
    corners = np.array([[(a, b), (c, b), (c, d), (a, d)] for a, b, c, d in found.boxes]) @ turn[:, :2].T + turn[:, 2]
    boxes = [(*each.min(axis=0), *each.max(axis=0)) for each in corners]
    return Everyday(found.name, pixels.clip(0, 255).astype(np.uint8), found.texts, boxes)


def screenshot() -> Everyday:
    """A window with text of 13 pixels."""
    sheet = _Sheet((1366, 768), "#ffffff")
    draw = ImageDraw.Draw(sheet.image)
    draw.rectangle((0, 0, 1366, 40), fill="#2d3748")
    draw.rectangle((0, 40, 230, 768), fill="#edf2f7")
    sheet.line((20, 12), "Project settings", 14, "white")
    menu = "General", "Members", "Access rights", "Notifications", "Storage", "Billing", "History"
    for row, name in enumerate(menu):
        sheet.line((24, 70 + 36 * row), name, 13, "#2d3748")
    sheet.line((270, 70), "Storage", 22)
    rows = (
        ("Used space", "18.4 GB of 50 GB"),
        ("Files", "12,480"),
        ("Last backup", "today at 04:30"),
        ("Region", "West"),
    )
    for row, (name, value) in enumerate(rows):
        sheet.line((270, 130 + 40 * row), name, 13, "#4a5568")
        sheet.line((520, 130 + 40 * row), value, 13)
    sheet.paragraph((270, 330), 900, 6, 13, "#4a5568")
    sheet.line((290, 520), "Save changes", 13, "#2b6cb0")
    return sheet.done("screenshot")


def slide() -> Everyday:
    """A slide of a talk."""
    sheet = _Sheet((1920, 1080), "#10243e")
    sheet.line((120, 110), "Results of the second year", 76, "white")
    points = "Three new stations", "Costs fell by 12 percent", "Waiting time: 4 minutes", "Next review in October"
    for row, text in enumerate(points):
        sheet.line((180, 330 + 130 * row), text, 52, "#e2e8f0")
    sheet.line((120, 1010), "Annual meeting, Lakeside Hall", 24, "#a0aec0")
    sheet.line((1780, 1010), "7", 24, "#a0aec0")
    return sheet.done("slide")


def plate() -> Everyday:
    """A door plate, photographed from the side."""
    sheet = _Sheet((1280, 960), "#8a8f94")
    ImageDraw.Draw(sheet.image).rectangle((240, 240, 1040, 700), fill="#e8e4d8", outline="#444444", width=8)
    sheet.line((330, 300), "Dr. Ellen Marsh", 72, "#222222")
    sheet.line((330, 420), "Dentist", 60, "#222222")
    sheet.line((330, 530), "Mon - Fri 8:30 - 17:00", 48, "#222222")
    found = sheet.done("plate")
    before = np.array([[240, 240], [1040, 240], [1040, 700], [240, 700]], np.float32)
    after = np.array([[280, 260], [1000, 230], [1000, 730], [280, 670]], np.float32)
    bent = cv2.getPerspectiveTransform(before, after)
    pixels = cv2.warpPerspective(found.pixels, bent, (1280, 960), borderMode=cv2.BORDER_REPLICATE)
    return Everyday(found.name, cv2.GaussianBlur(pixels, (0, 0), 1.0), found.texts)


def notice() -> Everyday:
    """A notice in the street with two columns of text."""
    sheet = _Sheet((1280, 1600), "#5d6b57")
    ImageDraw.Draw(sheet.image).rectangle((90, 90, 1190, 1510), fill="#fbfbf7")
    sheet.line((330, 140), "PUBLIC NOTICE", 84)
    for x in (140, 670):
        sheet.paragraph((x, 330), 450, 22, 30, "#1a1a1a")
    sheet.line((420, 1420), "City of Northbridge, 2026", 36)
    return sheet.done("two columns")


def form() -> Everyday:
    """A form, scanned three degrees askew, with a table of small numbers."""
    sheet = _Sheet((1240, 1000))
    rows = ("Name", "Peter Lang"), ("Street", "Hill Road 3"), ("City", "Ashford"), ("Phone", "555 0177")
    for row, (name, value) in enumerate(rows):
        sheet.line((120, 130 + 80 * row), name, 34, "#333333")
        sheet.line((640, 130 + 80 * row), value, 34)
    for row, cells in enumerate(
        (("Item", "Qty", "Price"), ("Bolts", "4", "1.20"), ("Lamp", "1", "18.50"), ("Cable", "2", "6.00"))
    ):
        for x, text in zip((120, 560, 900), cells, strict=True):
            sheet.line((x, 540 + 80 * row), text, 34)
    found = sheet.done("tilted form")
    turn = cv2.getRotationMatrix2D((620, 500), 3, 1)
    pixels = cv2.warpAffine(found.pixels, turn, (1240, 1000), borderValue=(255, 255, 255))
    return Everyday(found.name, pixels, found.texts)


EVERYDAY: tuple[Callable[[], Everyday], ...] = (book_page, receipt, screenshot, slide, plate, notice, form)
