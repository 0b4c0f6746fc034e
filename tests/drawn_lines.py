"""Lines of text whose words are known to the pixel, shared by tests."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PALETTE = ["black on white", "white on black", "soft"]


def drawn(text, size=40, spacing=0, style=PALETTE[0]):
    """A line, gray (h, w), and where each of its words begins and ends."""
    ground, ink = {"black on white": (255, 0), "white on black": (0, 255), "soft": (150, 90)}[style]
    font = ImageFont.load_default(size)
    image = Image.new("L", (2000, size * 2), ground)
    pen, x, spans = ImageDraw.Draw(image), 10.0, []
    for word in text.split(" "):
        first = x
        for letter in word:
            pen.text((x, size // 3), letter, fill=ink, font=font)
            x += font.getlength(letter) + spacing
        spans.append((first, x - spacing))
        x += font.getlength(" ") + spacing
    box = image.point(lambda value: 255 * (value != ground)).getbbox()
    return np.asarray(image.crop(box)), [(a - box[0], b - box[0]) for a, b in spans]
