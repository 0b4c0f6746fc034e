"""The random generators of a process as JSON values.

The masks of `nn.Dropout` in graph mode come from a state inside the compiled kernel that cannot be read: a resumed
run with dropout is a valid continuation, but draws other masks.
"""

import random

import mindspore as ms
import numpy as np
from mindspore import Tensor


def random_state() -> dict:
    """State of Python's, NumPy's global and MindSpore's default generator."""
    version, internal, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(internal), gauss],
        "numpy": [kind, np.asarray(keys).tolist(), position, has_gauss, cached],
        "mindspore": ms.get_rng_state().asnumpy().tolist(),
    }


def restore_random_state(state: dict) -> None:
    """Put `random_state()` back."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))
    ms.set_rng_state(Tensor(np.array(state["mindspore"], np.uint8)))
