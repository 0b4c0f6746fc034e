"""Read an image from Python: python examples/read_image.py photo.jpg

In a notebook the same; a result shows itself as the drawn image.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.reader import TextReader


def main(path: str) -> None:
    reader = TextReader()  # or TextReader(engine="onnxruntime", recognizer="word", ...), see ReaderOptions
    result = reader.read(path, keep_image=True)  # keep_image: to draw it below
    for line in result.lines:
        print(f"{line.text!r} at {line.box}, {line.text_score:.2f}")

    Path("photo.json").write_text(result.to_json(), encoding="utf-8")
    Image.fromarray(result.draw()).save("photo_drawn.png")

    # Many images: the next ones are decoded while the network works.
    for result in reader.read_many([path, path]):
        print(result.image, f"{result.time_ms['total']:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("image", help="the image to read; photo.json and photo_drawn.png are written")
    main(parser.parse_args().image)
