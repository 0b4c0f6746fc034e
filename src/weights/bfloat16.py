"""bfloat16, which NumPy does not know: the upper half of a float32."""

import numpy as np


def float32_of_bfloat16(content: bytes | memoryview) -> np.ndarray:
    """(n,) float32 of n little-endian bfloat16 numbers."""
    return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
