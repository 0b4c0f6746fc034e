"""What a camera, a lens and a file format do to an image. All take and return float32, gray or RGB, 0 to 255."""

import cv2
import numpy as np

from src.data.synthesis.textures import noise_field, smooth_field


def uneven_light(rng: np.random.Generator, image: np.ndarray, strength: float, cells: int = 2) -> np.ndarray:
    """Brighten and darken smoothly, by up to `strength` (0.3 = 30 %)."""
    field = 1 + strength * smooth_field(rng, image.shape[0], image.shape[1], cells)
    return image * (field if image.ndim == 2 else field[..., None])


def cast_shadow(rng: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """Darken one side of a random, soft-edged line by `strength`."""
    height, width = image.shape[:2]
    angle = rng.random() * 2 * np.pi
    along = (
        np.arange(width, dtype=np.float32) * np.float32(np.cos(angle))
        + (np.arange(height, dtype=np.float32) * np.float32(np.sin(angle)))[:, None]
    )
    low, high = float(along.min()), float(along.max())
    edge = low + (high - low) * (0.2 + 0.6 * rng.random())
    softness = max(1.0, (high - low) * 0.15 * rng.random())
    field = 1 - strength * np.clip((along - edge) / softness + 0.5, 0, 1)
    return image * (field if image.ndim == 2 else field[..., None])


def highlight(rng: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """Add a soft bright spot, as of a lamp on a glossy surface, up to `strength` gray levels."""
    height, width = image.shape[:2]
    x = (np.arange(width, dtype=np.float32) - rng.random() * width) / (width * (0.08 + 0.3 * rng.random()))
    y = (np.arange(height, dtype=np.float32) - rng.random() * height) / (height * (0.1 + 0.4 * rng.random()))
    spot = strength * np.exp(-y * y)[:, None] * np.exp(-x * x)
    return image + (spot if image.ndim == 2 else spot[..., None])


def defocus(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur."""
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.2 else image


def motion_blur(image: np.ndarray, length: float, angle: float) -> np.ndarray:
    """Blur along a line of `length` pixels at `angle` radians."""
    size = int(length) | 1
    if size < 3:
        return image
    kernel = np.zeros((size, size), np.float32)
    center = size // 2
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    start, end = (round(center - dx), round(center - dy)), (round(center + dx), round(center + dy))
    cv2.line(kernel, start, end, (1.0,), 1)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def low_resolution(image: np.ndarray, factor: float, smooth: bool = True) -> np.ndarray:
    """Shrink by `factor` (above 1) and enlarge again."""
    height, width = image.shape[:2]
    small = (max(round(width / factor), 4), max(round(height / factor), 4))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR)


def sensor_noise(rng: np.random.Generator, image: np.ndarray, sigma: float, grain: float = 1.0) -> np.ndarray:
    """Add normal noise of `sigma` gray levels; `grain` above 1 makes coarser grains."""
    height, width = image.shape[:2]
    if grain > 1.2:
        field = noise_field(rng, int(height / grain) + 1, int(width / grain) + 1)
        field = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR) * 1.5
    else:
        field = noise_field(rng, height, width)
    if image.ndim == 2:
        return image + field * np.float32(sigma)
    tint = (0.6 + 0.8 * rng.random(3, dtype=np.float32)) * np.float32(sigma)
    return image + field[..., None] * tint


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Through JPEG and back: uint8 in, uint8 out (gray, or RGB)."""
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    if image.ndim == 2:
        return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Clip and round to uint8."""
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)
