"""Draw docs/images/sample.jpg, the image that the quick start reads: python examples/draw_sample.py [FILE]

A shop sign on a brick wall and a poster beside it, in Pillow's own font, seen a little from the side, in uneven
light, with the blur, the noise and the compression of a camera. The same image every time.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.data.synthesis.degradations import defocus, sensor_noise, to_bytes, uneven_light
from src.data.synthesis.textures import cloud_field

SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "images" / "sample.jpg"
SIZE = 960, 640  # width, height
SIGN = [("Riverside Bakery", 60), ("Fresh bread every morning", 34), ("Open 7 am to 6 pm", 34)]
POSTER = [("Coffee", 42), ("and Cakes", 42), ("No. 24", 34)]
LINE_STEP = 1.5  # distance of base lines in type sizes


def brick_wall(rng: np.random.Generator) -> np.ndarray:
    """float32 (H, W, 3)."""
    width, height = SIZE
    wall = np.full((height, width, 3), (176, 160, 148), np.float32)
    row, length = 26, 78
    for number, top in enumerate(range(-4, height, row)):
        for left in range(-length // 2 * (number % 2) - length, width, length):
            tone = np.array((150, 84, 64)) * (0.85 + 0.3 * rng.random()) + rng.normal(0, 4, 3)
            cv2.rectangle(wall, (left + 2, top + 2), (left + length - 3, top + row - 3), tone.tolist(), -1)
    return wall + 14 * cloud_field(rng, height, width)[..., None]


def board(texts: list[tuple[str, int]], ground: tuple[int, ...], ink: tuple[int, ...]) -> Image.Image:
    """A framed board with centered lines, as large as they need, drawn at twice the size for smooth edges."""
    fonts = [ImageFont.load_default(2 * size) for _, size in texts]
    steps = [2 * LINE_STEP * size for _, size in texts]
    width = max(font.getlength(text) for font, (text, _) in zip(fonts, texts, strict=True)) + 2 * texts[0][1] * 1.6
    image = Image.new("RGB", (round(width), round(sum(steps) + 2 * texts[0][1])), ground)
    pen = ImageDraw.Draw(image)
    frame = [18, 18, image.width - 19, image.height - 19]
    pen.rectangle(frame, outline=ink, width=5)
    y = float(texts[0][1])
    for font, (text, _), step in zip(fonts, texts, steps, strict=True):
        pen.text((image.width / 2, y + step / 2), text, fill=ink, font=font, anchor="mm")
        y += step
    return image


def hang(wall: np.ndarray, image: Image.Image, *, left: int, top: int, width: int, rise: int) -> None:
    """Put a board onto the wall with its shadow; its right side is `rise` pixels higher and a little smaller."""
    height = image.height * width / image.width
    right, upper = left + width, top - rise
    corners = [(left, top), (right, upper), (right + 2, upper + 0.96 * height), (left + 2, top + height)]
    pixels = np.asarray(image, np.float32)
    edges = np.array([[0, 0], [image.width, 0], [image.width, image.height], [0, image.height]], np.float32)
    matrix = cv2.getPerspectiveTransform(edges, np.array(corners, np.float32))
    warped = cv2.warpPerspective(pixels, matrix, SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    whole = np.ones(pixels.shape[:2], np.float32)
    mask = cv2.warpPerspective(whole, matrix, SIZE, flags=cv2.INTER_LINEAR)[..., None]
    shadow = cv2.GaussianBlur(np.roll(mask[..., 0], (10, 8), (0, 1)), (0, 0), 7)[..., None]
    wall *= 1 - 0.5 * shadow
    wall += mask * (warped - wall)


def draw_sample() -> np.ndarray:
    """(640, 960, 3) uint8 RGB."""
    rng = np.random.default_rng(5)
    wall = brick_wall(rng)
    hang(wall, board(SIGN, (24, 62, 52), (240, 232, 208)), left=56, top=84, width=600, rise=6)
    hang(wall, board(POSTER, (236, 228, 210), (120, 28, 30)), left=704, top=290, width=210, rise=2)
    photo = uneven_light(rng, wall, 0.18)
    photo = sensor_noise(rng, defocus(photo, 0.8), 4.0, 1.5)
    return to_bytes(photo)


def main(path: str) -> None:
    Image.fromarray(draw_sample()).save(path, "JPEG", quality=88)
    print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", default=str(SAMPLE), help="where to write it")
    main(parser.parse_args().file)
