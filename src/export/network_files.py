"""Write a network for other runtimes, load the file again and compare, before anything is called a success.

MINDIR and AIR are MindSpore's own formats; ONNX is checked in ONNX Runtime and OpenVINO.
"""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.openvino_package import import_openvino, use_ordinary_signal_stack

# As shares of the largest output. OpenVINO's single precision rounds more: 1.03e-4 with the deterministic weights of
# the published size.
ONNX_TOLERANCES = {"onnxruntime": 1e-4, "openvino": 3e-4}


class ExportError(UserError):
    """An export that is not possible here, or whose file does not agree with the network."""


def check_format(file_format: str, device_target: str) -> None:
    """Refuse what cannot be written here, before any work is done for it.

    Raises:
        ExportError: AIR on anything but Ascend, the only device on which MindSpore can write it.
    """
    if file_format == "AIR" and device_target != "Ascend":
        raise ExportError(
            f"file_format: AIR can only be written on an Ascend host, this run is on {device_target}; "
            "use MINDIR, or run the same command there"
        )


def export_mindir(network: nn.Cell, example: np.ndarray, path: Path) -> float:
    """Write `path` (.mindir) for inputs of the shape of `example`; the difference after reloading, see `compare`.

    Raises:
        ExportError: the reloaded graph does not reproduce the network's outputs.
    """
    expected = as_arrays(network(ms.Tensor(example)))
    ms.export(network, ms.Tensor(example), file_name=str(path.with_suffix("")), file_format="MINDIR")
    reloaded = nn.GraphCell(ms.load(str(path.with_suffix(".mindir"))))
    return compare(expected, as_arrays(reloaded(ms.Tensor(example))), "the MINDIR file", 1e-5)


def export_air(network: nn.Cell, example: np.ndarray, path: Path) -> None:
    """Write `path` (.air) for inputs of the shape of `example`; on Ascend only, where nothing can load it again."""
    ms.export(network, ms.Tensor(example), file_name=str(path.with_suffix("")), file_format="AIR")


def check_onnx(path: Path, network: nn.Cell, examples: Sequence[np.ndarray]) -> dict[str, float]:
    """Largest difference between `network` and the file at `path`, by runtime, over all `examples`; see `compare`.

    Raises:
        ExportError: a difference above that runtime's tolerance, or a runtime is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415 - only an ONNX export needs the two runtimes

        openvino = import_openvino()
    except ModuleNotFoundError as error:
        raise ExportError(f"ONNX files are checked with {error.name}, which is not installed") from None

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # Full precision: the default hint may choose bfloat16, whose rounding would hide a wrong graph.
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    use_ordinary_signal_stack()
    runtimes: dict[str, Callable[[np.ndarray], list[np.ndarray]]] = {
        "onnxruntime": lambda image: session.run(None, {session.get_inputs()[0].name: image}),
        "openvino": lambda image: [np.array(compiled_output) for compiled_output in compiled(image).values()],
    }
    differences = dict.fromkeys(runtimes, 0.0)
    for image in examples:
        expected = as_arrays(network(ms.Tensor(image)))
        for name, run in runtimes.items():
            difference = compare(expected, run(image), f"the ONNX file in {name}", ONNX_TOLERANCES[name])
            differences[name] = max(differences[name], difference)
    return differences


def as_arrays(outputs: ms.Tensor | tuple) -> list[np.ndarray]:
    """The outputs of a network as a list of arrays."""
    return [output.asnumpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def compare(expected: list[np.ndarray], found: list[np.ndarray], what: str, tolerance: float) -> float:
    """The largest difference, as a share of the largest value of the output that it is in.

    Rounding grows with the outputs, so the tolerance does.

    Raises:
        ExportError: about `what`, for a difference above `tolerance`, or for other shapes.
    """
    shapes, found_shapes = [array.shape for array in expected], [array.shape for array in found]
    if shapes != found_shapes:
        raise ExportError(f"{what} gives outputs of shapes {found_shapes}, the network gives {shapes}")
    largest = 0.0
    for a, b in zip(expected, found, strict=True):
        difference = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
        value = float(np.abs(a.astype(np.float64)).max())
        if not difference <= tolerance * value:
            limit = f"more than {tolerance:.2g} of its largest output, {value:.2g}"
            raise ExportError(f"{what} differs from the network by {difference:.2g}, {limit}")
        largest = max(largest, difference / value if value else 0.0)
    return largest


@contextlib.contextmanager
def written_safely(path: Path) -> Iterator[Path]:
    """A file to write first, which becomes `path` only if the block succeeds; its name has the same ending.

    It lies in the system's folder for temporary files: MindSpore refuses paths with spaces or Chinese letters.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="export_") as scratch:
        written = Path(scratch) / f"network{path.suffix}"
        with contextlib.redirect_stdout(io.StringIO()):  # the exporters talk about their own progress
            yield written
        with written.open("rb") as content:
            write_atomically(path, iter(lambda: content.read(1 << 20), b""))


def log_written(path: Path, found: dict[str, float], where: str = "") -> None:
    """One line about an exported file; `found` is the largest difference by runtime, seen `where`."""
    agreement = ", ".join(f"{name} {difference:.1e}" for name, difference in found.items())
    checked = (
        f"largest difference after reloading{where}, of the largest output: {agreement}"
        if found
        else "it cannot be loaded again here"
    )
    print(f"wrote {path} ({path.stat().st_size / 2**20:.1f} MiB); {checked}")
