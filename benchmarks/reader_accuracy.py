"""How much of the text in labeled images the reader reads: `--recognizer line` and `word` on the same lines.

    python benchmarks/reader_accuracy.py IMAGES LABELS [--only FILE] [--images N] [--recognizers line,word]
                                          [--key value ...]

LABELS is what `folder` accepts in the detection data: a folder of text files, an SVT XML or a COCO JSON. Words are
compared as a bag an image: a word counts as read when the image's text has it, as often as it is there. "exact"
asks for every character, "letters and digits" leaves case and punctuation aside. Words marked as illegible neither
count nor are counted against the reader. FILE names the images to take, one per line. --key value are options of
`ReaderOptions`.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.reader_inputs import labeled_images, reader_options
from src.reader import ReadResult, TextReader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images_folder", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--only", type=Path)
    parser.add_argument("--images", type=int, default=0, help="so many, taken evenly; 0 takes all")
    parser.add_argument("--recognizers", default="line,word")
    arguments, more = parser.parse_known_args()
    options = reader_options(more)
    images = labeled_images(arguments.images_folder, arguments.labels, arguments.only)
    if arguments.images:
        images = images[:: max(1, len(images) // arguments.images)][: arguments.images]
    print(f"{len(images)} images, {sum(len(image.texts) for image in images)} words")
    for recognizer in arguments.recognizers.split(","):
        reader = TextReader(recognizer=recognizer, **options)
        start = time.perf_counter()
        results = list(reader.read_many(image.path for image in images))
        seconds = (time.perf_counter() - start) / len(images)
        print(f"--recognizer {recognizer}, {seconds:.2f} s per image with {reader.engine}")
        for title, seen in (("exact", str), ("letters and digits", plain)):
            read, there, right = tally(images, results, seen)
            precision, recall = right / max(read, 1), right / max(there, 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            print(
                f"  {title:20s} {right} of {there} words, recall {recall:.3f}, precision {precision:.3f}, f1 {f1:.3f}"
            )


def tally(images: list, results: list, seen) -> tuple[int, int, int]:
    """Words that were read, that are there, and that are both, over all images; `seen` is how a word counts."""
    read = there = right = 0
    for image, result in zip(images, results, strict=True):
        words = Counter(filter(None, map(seen, result.text.split()))) if isinstance(result, ReadResult) else Counter()
        legible = zip(image.texts, image.ignored, strict=True)
        parts = {True: Counter(), False: Counter()}  # by whether they are ignored
        for text, ignored in legible:
            parts[bool(ignored)].update(filter(None, map(seen, text.split())))
        both = words & parts[False]
        right += both.total()
        there += parts[False].total()
        read += words.total() - ((words - both) & parts[True]).total()
    return read, there, right


def plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


if __name__ == "__main__":
    main()
