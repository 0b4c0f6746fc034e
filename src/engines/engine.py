"""One interface to the runtimes that compute a network: OpenVINO, ONNX Runtime, MindSpore."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, get_args

import numpy as np

from src.common.errors import UserError
from src.common.options import OptionError
from src.engines.onnx_cache import onnx_file
from src.engines.options import EngineName, EngineOptions
from src.weights.network_weights import NetworkWeights

# In the order in which `auto` takes them: on CPU OpenVINO is the fastest, most of all where the processor has
# bfloat16 matrix units.
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
InputShape = tuple[int | None, ...]  # (B, C, H, W), None where free


class EngineError(UserError):
    """An engine that is not installed, or that cannot compute a network."""


class Engine(Protocol):
    """A network that is ready to run.

    `name` is one of `ENGINES`, `device` what it runs on, in words.
    """

    name: str
    device: str

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        """The outputs of the network, float32, for a batch of images (B, C, H, W) float32."""
        ...


class FiniteEngine:
    """An engine whose outputs are numbers: a network that diverged would otherwise look as if it found nothing.

    Minus infinity may stand for the logarithm of a probability that was rounded to zero.
    """

    def __init__(self, engine: Engine, weights: Path):
        self._engine, self._weights = engine, weights
        self.name, self.device = engine.name, engine.device

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        """As `Engine.run`; EngineError for an output that is NaN or infinite."""
        outputs = self._engine.run(image)
        if not all((output < np.inf).all() for output in outputs):
            raise EngineError(f"{self._weights}: the network's output is not finite (NaN or infinity)")
        return outputs


def installed_engines() -> list[str]:
    """Those of `ENGINES` whose package is there; nothing is imported."""
    return [name for name in ENGINES if find_spec(name) is not None]


def choose_engine(name: str) -> str:
    """`name`, or the best installed engine for "auto".

    Raises:
        EngineError: it is unknown or not installed.
    """
    installed = installed_engines()
    if name == "auto":
        if not installed:
            raise EngineError(f"engine: none of {', '.join(ENGINES)} is installed; pip install openvino")
        return installed[0]
    if name not in ENGINES:
        raise OptionError(f"engine: '{name}' is not one of auto, {', '.join(ENGINES)}")
    if name not in installed:
        there = ", ".join(installed) or "none"
        # MindSpore by itself would come beside a NumPy that it cannot use.
        what = "-r requirements.txt" if name == "mindspore" else name
        raise EngineError(f"engine: {name} is not installed (installed: {there}); pip install {what}")
    return name


def open_engines(
    networks: Sequence[tuple[NetworkWeights, InputShape | None]], options: EngineOptions
) -> list[Engine]:
    """`open_engine` for each (weights, image shape), side by side where the engine and `threads` allow it."""
    alone = options.threads == 1 or choose_engine(options.engine) == "mindspore"
    with ThreadPoolExecutor(1 if alone else max(1, len(networks))) as pool:
        opening = [pool.submit(open_engine, weights, options, shape) for weights, shape in networks]
        return [engine.result() for engine in opening]


def open_engine(weights: NetworkWeights, options: EngineOptions, input_shape: InputShape | None = None) -> Engine:
    """Make `weights` ready to run.

    Args:
        input_shape: (B, C, H, W) of the images to come, None where free; a runtime may be faster with fixed sizes.

    Raises:
        EngineError: the engine is not there or refuses the network.
        UserError: the weights cannot be used.
    """
    return FiniteEngine(_open_engine(weights, options, input_shape), weights.path)


def _open_engine(weights: NetworkWeights, options: EngineOptions, input_shape: InputShape | None) -> Engine:
    name = choose_engine(options.engine)
    if name == "mindspore":
        from src.engines.mindspore_engine import MindSporeEngine  # noqa: PLC0415 - takes seconds to import

        return MindSporeEngine(weights)
    path = onnx_file(weights, Path(options.cache_dir) if options.cache_dir else None)
    try:
        if name == "openvino":
            from src.engines.openvino_engine import OpenVinoEngine  # noqa: PLC0415 - may not be installed

            ranges = weights.card.activation_ranges
            return OpenVinoEngine(path, options.threads, options.precision, input_shape, ranges)
        from src.engines.onnxruntime_engine import OnnxRuntimeEngine  # noqa: PLC0415

        return OnnxRuntimeEngine(path, options.threads)
    except UserError as error:
        raise EngineError(f"{weights.path}: {error}") from None
