"""Small word databases, a configuration for them, and stand-ins for the network, shared by tests."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter
from src.data.recognition.preprocess import bucket_width, kept_ratio_width, normalize, resize_word, to_gray
from src.model_utils.config import load_config
from src.model_utils.network_config import CrnnConfig

WIDTH = 32  # of the network's input: 9 time steps
CLASSES = 37
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def tiny_config(**changes) -> CrnnConfig:
    """The configuration of crnn at a size that compiles in seconds."""
    values = {
        "network_width": 0.03,
        "image_width": [WIDTH],
        "batch_size": 4,
        "test_batch_size": 4,
        "total_epoch": 2,
        "log_interval": 1,
        "seed": 3,
        "device_target": "CPU",
        "save_checkpoint_minutes": 0.0,
    }
    return load_config([], "crnn").replace(**{**values, **changes})


def preprocess_word(image: np.ndarray, height: int, widths: Sequence[int]) -> np.ndarray:
    """A word image, uint8 (h, w) or RGB (h, w, 3) -> float32 (1, height, W), as the loaders make it in batches.

    With one width the image is stretched to it; with several (ascending), proportions are kept and W is the
    narrowest that holds the image.
    """
    gray = to_gray(image)
    width = bucket_width(kept_ratio_width(*gray.shape, height), widths)
    return normalize(resize_word(gray, height, width, keep_ratio=len(widths) > 1))[None]


def png(pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(".png", pixels)
    assert done
    return data.tobytes()


def write_lmdb(path: Path, samples: list[tuple[bytes, str]]) -> LmdbWords:
    with LmdbWriter(path) as writer:
        for data, text in samples:
            writer.add(data, text)
    return LmdbWords(path)


def drawn(text: str, seed: int = 0) -> bytes:
    """A word as an image of blocks, one per character and different for each character."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 40, (16, 16), dtype=np.uint8)
    columns = np.array_split(np.arange(16), max(len(text), 1))
    for character, place in zip(text.lower(), columns, strict=True):
        level = LETTERS.index(character)
        rows = slice(level % 6, level % 6 + 8)
        pixels[rows, place[0] : place[-1]] = 120 + 3 * level
    return png(pixels)


def flat(index: int) -> bytes:
    """An image whose only gray level is the number of the sample, for `spell`."""
    return png(np.full((8, 8), index, np.uint8))


def spell(texts: list[str], time_steps: int = 16):
    """A stand-in for the network that sees the number i in a `flat` image and "reads" texts[i]."""

    def predict(images: np.ndarray) -> np.ndarray:
        log_probs = np.full((time_steps, len(images), CLASSES), np.log(0.1 / (CLASSES - 1)), np.float32)
        for column, image in enumerate(images):
            index = round((float(image.mean()) + 1) * 127.5)
            for step in range(time_steps):
                text = texts[index]
                written = step % 2 == 0 and step // 2 < len(text)
                best = LETTERS.index(text[step // 2]) + 1 if written else 0
                log_probs[step, column, best] = np.log(0.9)
        return log_probs

    return predict


def safetensors_bytes(params: dict[str, np.ndarray]) -> bytes:
    """The arrays in the .safetensors format, written from its description."""
    header, body = {}, b""
    for name, array in params.items():
        data = np.ascontiguousarray(array, np.float32).tobytes()
        place = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": place}
        body += data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body
