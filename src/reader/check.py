"""What `predict.py --check` prints: what is installed, which engines work, which weights are there. No network."""

import platform
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from src.common.errors import UserError
from src.engines.engine import ENGINES, installed_engines, open_engine
from src.engines.onnx_cache import cache_state
from src.engines.options import EngineName
from src.engines.processor import describe_processor
from src.reader.networks import DETECTORS, REPOSITORY, located
from src.reader.options import ReaderOptions
from src.reader.text_recognizer import alphabet_of
from src.weights.network_kinds import KINDS
from src.weights.network_weights import NetworkWeights, find_weights

PACKAGES = ("numpy", "opencv-python-headless", "Pillow", "simplejpeg", "PyYAML", "rich", "onnx", *ENGINES)
SECONDS = 120
# Each engine is tried in a process of its own: a broken installation may end the process that imports it.
_TRIALS = {
    "openvino": "from src.engines.openvino_engine import openvino as o, precision_settings; c = o.Core(); "
    "c.set_property('CPU', precision_settings()); "
    "kind = c.get_property('CPU', 'INFERENCE_PRECISION_HINT').get_type_name(); "
    "print(f\"{c.get_property('CPU', 'FULL_DEVICE_NAME')}, computes in {kind}\")",
    "onnxruntime": "import onnxruntime as o; print(', '.join(o.get_available_providers()))",
    "mindspore": "import mindspore as m; m.ops.ones((2, 2)).asnumpy(); "
    "print(', '.join(t for t in ('Ascend', 'GPU', 'CPU') if m.hal.is_available(t)))",
}


def check_reader(options: ReaderOptions) -> int:
    """Print the report; 0 when an image can be read, 1 otherwise."""
    print(f"Python {platform.python_version()} on {platform.system()}; processor: {describe_processor()}")
    for name in PACKAGES:
        print(f"  {name}: {_version(name)}")
    print("engines")
    working = [name for name in ENGINES if _try_engine(name)]
    engine = next((name for name in working if options.engine in ("auto", name)), None)
    print("weights")
    found = {name: _show_weights(options, "ctpn", key, engine) for name, key in DETECTORS.items()}
    readers = {key: _show_weights(options, "crnn", key, engine) for key in ("crnn_lines_weights", "crnn_weights")}
    # What is there is used, whether or not the other could be.
    refused = [
        key
        for key, usable in readers.items()
        if not usable and _is_there(options, key) and (key in options.given or key == "crnn_lines_weights")
    ]
    detectors, recognizers = KINDS["ctpn"].how_to_train, KINDS["crnn"].how_to_train
    missing = [
        text
        for text, there in (
            ("no engine works (pip install openvino)", working),
            (f"engine {options.engine} does not work", engine or not working),
            (
                f"no weights of the detector (--{DETECTORS[options.detector]} FILE, or {detectors})",
                found[options.detector],
            ),
            (
                f"no weights of a recognizer (--crnn_lines_weights FILE, or {recognizers})",
                any(readers.values()),
            ),
            (f"{' and '.join(refused)}: cannot be used", not refused or not any(readers.values())),
        )
        if not there
    ]
    print("ready to read images" if not missing else f"not ready: {'; '.join(missing)}")
    return 1 if missing else 0


def _is_there(options: ReaderOptions, key: str) -> bool:
    return located(Path(getattr(options, key))).is_file()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _try_engine(name: str) -> bool:
    if name not in installed_engines():
        print(f"  {name}: not installed")
        return False
    command = [sys.executable, "-c", _TRIALS[name]]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        print(f"  {name}: did not answer in {SECONDS} s")
        return False
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        print(f"  {name}: does not work ({reason[:200]})")
        return False
    print(f"  {name}: works on {(done.stdout.strip().splitlines() or ['?'])[-1]}")
    return True


def _show_weights(
    options: ReaderOptions, network: str, option: str, engine: EngineName | None
) -> NetworkWeights | None:
    """Print what the file that `option` names is, and what computes it; None where it cannot be used."""
    path = getattr(options, option)
    file = located(Path(path))
    if not file.is_file():
        print(f"  {option}: there is no file '{path}'")
        return None
    try:
        weights = find_weights(file, network, option)
        what = _DESCRIBE[network](weights, "line" if option == "crnn_lines_weights" else "word")
        millions = sum(array.size for array in weights.params.values()) / 1e6
        device = ""
        if engine:
            with tempfile.TemporaryDirectory() as folder:  # a check leaves nothing behind
                device = open_engine(weights, options.replace(engine=engine, cache_dir=folder)).device
    except UserError as error:
        print(f"  {option}: cannot be used: {error}")
        return None
    known = "as on its card" if weights.card.sha256 else "no card to compare it with"
    print(f"  {option}: {file}, {file.stat().st_size / 2**20:.1f} MiB, {what}, {millions:.1f} million values")
    print(f"    sha256 {weights.sha256} ({known})")
    if engine:
        print(f"    computed by {engine} on {device}")
    print(f"    ONNX file: {cache_state(weights, options.cache_dir or None)}")
    return weights


def _describe_detector(weights: NetworkWeights, unit: str) -> str:
    height, width = weights.card.image_size
    return f"detector, input {width}x{height}"


def _describe_recognizer(weights: NetworkWeights, unit: str) -> str:
    return f"recognizer of {weights.card.unit or unit}s, {len(alphabet_of(weights).characters)} characters"


_DESCRIBE = {"ctpn": _describe_detector, "crnn": _describe_recognizer}
