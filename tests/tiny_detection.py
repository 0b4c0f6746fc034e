"""Small detection sets, a configuration for them, and a stand-in for the network, shared by tests."""

from pathlib import Path

import cv2
import numpy as np

from src.ctpn.topology import ANCHOR_HEIGHTS
from src.model_utils.config import load_config
from src.model_utils.network_config import CtpnConfig

HEIGHT, WIDTH = 64, 96  # of the network's input
ANCHORS = len(ANCHOR_HEIGHTS)


def tiny_config(**changes) -> CtpnConfig:
    """The default configuration at a size that compiles in seconds, with thresholds that let anything be a line."""
    values = {
        "img_height": HEIGHT,
        "img_width": WIDTH,
        "backbone_width": 0.0625,
        "batch_size": 2,
        "log_interval": 1,
        "num_parallel_workers": 1,
        "text_proposals_min_scores": 0.0,
        "line_min_score": 0.0,
        "min_num_proposals": 1,
        "device_target": "CPU",
    }
    return load_config([]).replace(**{**values, **changes})


def scene(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An image (height, width, 3) with one or two bright bars as words, their boxes, and which are ignored."""
    rng = np.random.default_rng(seed)
    height, width = size
    image = rng.integers(0, 60, (height, width, 3), dtype=np.uint8)
    boxes = []
    for row in range(1 + seed % 2):
        # The second or fourth row of cells, from the first third of the image to the last.
        x1, x2 = rng.integers(4, width // 3), rng.integers(2 * width // 3, width - 4)
        y1, y2 = (1 + 2 * row) * height // 4, (2 + 2 * row) * height // 4 - 1
        image[y1 : y2 + 1, x1 : x2 + 1] = rng.integers(200, 255, 3)
        boxes.append([x1, y1, x2, y2])
    return image, np.array(boxes, np.int32), np.arange(len(boxes)) == 1


def encode(image: np.ndarray, suffix: str) -> bytes:
    """The file of an RGB image, without loss where the format allows it."""
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def write_set(folder: Path, entries: dict[str, tuple], file_name="ctpn_test.mindrecord", shards: int = 1) -> Path:
    """A MindRecord of {file name: (encoded image, boxes, ignored, (height, width))}; returns its first file."""
    from src.data.detection.mindrecord_writer import MindRecordWriter
    from src.data.detection.record import SCHEMA, pack_annotation

    with MindRecordWriter(folder, file_name, SCHEMA, shards=shards) as writer:
        for name, (data, boxes, ignored, size) in entries.items():
            writer.add(
                {
                    "image": data,
                    "annotation": pack_annotation(boxes, ignored),
                    "file_name": name,
                    "image_size": np.array(size, np.int32),
                }
            )
        return writer.publish()


def make_entries(sizes: dict[str, tuple[int, int]]) -> dict[str, tuple]:
    """Entries for `write_set`: one scene for each {file name: (height, width)}."""
    entries = {}
    for seed, (name, size) in enumerate(sizes.items()):
        image, boxes, ignored = scene(seed, size)
        suffix = Path(name).suffix.lower()
        stored = suffix if suffix in (".jpg", ".png", ".bmp", ".jpeg") else ".png"
        entries[name] = (encode(image, stored), boxes, ignored, size)
    return entries


def write_images(folder: Path, entries: dict[str, tuple]) -> Path:
    """The images of the entries as files; returns the folder."""
    for name, (data, *_) in entries.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_labels(folder: Path, entries: dict[str, tuple]) -> Path:
    """gt_<stem>.txt of the entries; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, boxes, ignored, _) in entries.items():
        lines = [
            f'{",".join(map(str, box))},"{"###" if skip else "word"}"\n'
            for box, skip in zip(boxes.tolist(), ignored, strict=True)
        ]
        (folder / f"gt_{Path(name).stem}.txt").write_text("".join(lines))
    return folder


def bright_is_text(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps as a network gives them, a function of each image alone: bright cells are text.

    (B, 3, 16 H, 16 W) -> (B, 2A, H, W), (B, 4A, H, W); the fifth anchor (16 pixels) is the likeliest.
    """
    batch, _, height, width = images.shape
    cells = images.mean(1).reshape(batch, height // 16, 16, width // 16, 16).mean((2, 4))  # B x H x W
    anchor = np.arange(ANCHORS, dtype=np.float32)[None, :, None, None]
    text = 3 * cells[:, None] - abs(anchor - 4) / 2 + 0.01 * anchor  # B x A x H x W
    scores = np.stack([-text, text], axis=2).reshape(batch, 2 * ANCHORS, height // 16, width // 16)
    deltas = np.stack([0 * text, 0.1 * np.sin(5 * text), 0 * text, 0.1 * np.cos(7 * text)], axis=2)
    return scores.astype(np.float32), deltas.reshape(batch, 4 * ANCHORS, *scores.shape[2:]).astype(np.float32)
