"""Weights between MindSpore and PyTorch, both ways and without loss.

    python pytorch/convert.py IN OUT [--network crnn|ctpn] [--half] [--bfloat16_values]
        [--lstm_branch auto|rnn2|rnn] [--naming pytorch|classic|crnn_for_pytorch]

IN is a MindSpore `.ckpt` of this project or of the published networks, or a `.pth`, `.pt`, `.safetensors` or `.npz`
of the networks here or of a published PyTorch CRNN; a training checkpoint that holds the weights under "model" or
"state_dict" will do. OUT is a `.ckpt` with this project's names, or a `.pth`, `.pt` or `.safetensors` with the names
of the networks here or, for CRNN, of a published network. --half stores matrices and kernels as float16 (vectors,
batch-norm statistics among them, stay float32); every loader of this project makes float32 of it. --bfloat16_values
rounds them to what bfloat16 holds first, so that an engine that computes in it has the same weights as one that does
not.

Needs NumPy, and PyTorch for the state dicts; MindSpore is not needed.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from pytorch.parameter_shapes import NETWORKS, check_fit
from pytorch.torch_file import save_torch
from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.options import OptionError
from src.crnn.checkpoint_formats import NORM_NAMES, mindspore_crnn, published_crnn
from src.crnn.checkpoint_formats import naming as crnn_naming
from src.crnn.topology import NORMALIZED
from src.ctpn.checkpoint_formats import mindspore_ctpn
from src.ctpn.lstm_branches import LSTM_CHOICES, choose_lstm
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, existing_file, given_path
from src.weights import mindspore_ckpt
from src.weights.formats import read_weights
from src.weights.safetensors_file import encode_safetensors

NAMINGS = ("pytorch", "classic", "crnn_for_pytorch")
PYTORCH_SUFFIXES = (".pth", ".pt", ".safetensors")
_FOLDED_BIASES = tuple(f"cnn.conv{i}.bias" for i in NORMALIZED)
_MINDSPORE_NORM_NAMES = {theirs: ours for ours, theirs in NORM_NAMES.items()}

Arrays = dict[str, np.ndarray]


def to_mindspore(
    state_dict: Mapping[str, torch.Tensor | np.ndarray], network: str, lstm_branch: str = "auto"
) -> Arrays:
    """Weights of the PyTorch network, or in any published naming, under this project's MindSpore names, float32.

    Args:
        network: "crnn" or "ctpn".
        lstm_branch: of a published MindSpore CTPN with two LSTMs, the one that was trained.

    Raises:
        UserError: names what is missing, not understood, of a wrong shape, or not a finite number.
    """
    arrays = {name: _array(value) for name, value in state_dict.items() if not name.endswith(".num_batches_tracked")}
    if network == "crnn":
        converted = _crnn_to_mindspore(arrays)
    else:
        converted = mindspore_ctpn({norm_to_mindspore(name): value for name, value in arrays.items()}, lstm_branch)
    check_fit(converted, network)
    return converted


def from_mindspore(params: Mapping[str, np.ndarray], network: str) -> dict[str, torch.Tensor]:
    """State dict of the PyTorch network, float32, from weights under this project's MindSpore names.

    Raises:
        UserError: as `to_mindspore`.
    """
    return {name: torch.from_numpy(value) for name, value in _pytorch_arrays(params, network).items()}


def which_network(arrays: Mapping[str, Any]) -> str:
    """The network of these weights, "crnn" or "ctpn", by the names of the parameters.

    Raises:
        UserError: they are those of neither.
    """
    if "cnn.conv0.weight" in arrays:
        return "crnn"
    if any(name.startswith("vgg16_feature_extractor.") for name in arrays):
        return "ctpn"
    shown = ", ".join(sorted(arrays)[:3]) or "nothing"
    raise UserError(f"neither CRNN nor CTPN weights: found {shown}, ...")


def half_precision(arrays: Arrays) -> Arrays:
    """Matrices and kernels as float16; vectors stay as they are, since they cost nothing and batch norm needs them.

    Raises:
        UserError: names a parameter that float16 cannot hold.
    """
    halved = {}
    for name, value in arrays.items():
        if value.ndim < 2:
            halved[name] = value
            continue
        if np.abs(value).max(initial=0) > np.finfo(np.float16).max:
            raise UserError(f"{name}: holds {np.abs(value).max():g}, more than float16 can; convert without --half")
        halved[name] = value.astype(np.float16)
    return halved


def rounded_to_bfloat16(arrays: Arrays) -> Arrays:
    """Matrices and kernels rounded to the nearest values of bfloat16, as float32.

    Raises:
        UserError: names a parameter that bfloat16 cannot hold.
    """
    rounded = {}
    for name, value in arrays.items():
        rounded[name] = value if value.ndim < 2 else torch.from_numpy(value).bfloat16().float().numpy()
        if not np.isfinite(rounded[name]).all():
            most = np.abs(value).max()
            raise UserError(f"{name}: holds {most:g}, more than bfloat16 can; convert without --bfloat16_values")
    return rounded


def convert_file(
    source: Path,
    target: Path,
    *,
    network: str = "",
    half: bool = False,
    bfloat16_values: bool = False,
    naming: str = "pytorch",
    lstm_branch: str = "auto",
) -> str:
    """Convert one file and describe in a line what was written.

    Raises:
        UserError: a file, a naming or weights that cannot be used; nothing is written then.
    """
    if target.suffix not in (".ckpt", *PYTORCH_SUFFIXES):
        accepted = f".ckpt, {', '.join(PYTORCH_SUFFIXES)}"
        raise OptionError(f"{target}: {target.suffix or 'no suffix'} is not one of {accepted}")
    arrays = read_weights(source)
    try:
        found = which_network(arrays)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    if network and network != found:
        raise OptionError(f"{source}: holds {found} weights, not those of the {network} that was asked for")
    try:
        params = to_mindspore(arrays, found, lstm_branch)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    if naming != "pytorch" and (found != "crnn" or target.suffix == ".ckpt"):
        raise OptionError(f"naming {naming}: is for CRNN in a {', '.join(PYTORCH_SUFFIXES)} file only")
    if target.suffix == ".ckpt":
        written = params
    else:
        written = _pytorch_arrays(params, found) if naming == "pytorch" else published_crnn(params, naming)
    if bfloat16_values:
        written = rounded_to_bfloat16(written)
    if half:
        written = half_precision(written)
    _write(target, written)
    names = "this project's names" if target.suffix == ".ckpt" else f"the {naming} naming"
    precision = "float16 matrices" if half else "float32"
    precision += " of bfloat16 values" if bfloat16_values else ""
    megabytes = target.stat().st_size / 1e6
    lstm = choose_lstm(arrays, lstm_branch).note if found == "ctpn" else ""
    return (
        f"{lstm}\n" if lstm else ""
    ) + f"{target}: {found}, {len(written)} parameters in {names}, {precision}, {megabytes:.1f} MB"


def _crnn_to_mindspore(arrays: Arrays) -> Arrays:
    outputs = {name: len(arrays.get(f"{name.removesuffix('bias')}weight", ())) for name in _FOLDED_BIASES}
    if crnn_naming(arrays) == "classic" and not set(_FOLDED_BIASES) & set(arrays):  # the naming of pytorch/
        arrays = arrays | {name: np.zeros(size, np.float32) for name, size in outputs.items()}
    for name, size in outputs.items():
        if name in arrays and arrays[name].shape != (size,):
            raise UserError(f"{name} is {arrays[name].shape}, its convolution wants {(size,)}")
    return mindspore_crnn(arrays)


def _pytorch_arrays(params: Mapping[str, np.ndarray], network: str) -> Arrays:
    check_fit(params, network)
    if network == "crnn":
        arrays = published_crnn(dict(params))
        return {name: value for name, value in arrays.items() if name not in _FOLDED_BIASES}
    return {norm_to_pytorch(name): np.array(value, np.float32) for name, value in params.items()}


def norm_to_mindspore(name: str) -> str:
    """Name of a CTPN parameter in MindSpore; only the batch norms (index 1 of a block) are called otherwise."""
    layer, _, part = name.rpartition(".")
    return f"{layer}.{_MINDSPORE_NORM_NAMES.get(part, part)}" if layer.endswith(".1") else name


def norm_to_pytorch(name: str) -> str:
    """Name of a CTPN parameter in PyTorch."""
    layer, _, part = name.rpartition(".")
    return f"{layer}.{NORM_NAMES.get(part, part)}"


def _array(value: torch.Tensor | np.ndarray) -> np.ndarray:
    """A copy, so that a model that trains on does not change it."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float().numpy() if value.is_floating_point() else value.numpy()
    return np.array(value, order="C")  # channels_last stays behind


def _write(path: Path, arrays: Arrays) -> None:
    if path.suffix == ".ckpt":
        write_atomically(path, mindspore_ckpt.encode(arrays))
    elif path.suffix == ".safetensors":
        write_atomically(path, [encode_safetensors(arrays)])
    else:
        save_torch(path, {name: torch.from_numpy(value) for name, value in arrays.items()})


def main() -> None:
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN", type=existing_file)
    parser.add_argument("target", metavar="OUT", type=given_path)
    parser.add_argument("--network", choices=NETWORKS, default="", help="refuse weights of the other network")
    parser.add_argument("--half", action="store_true", help="store matrices and kernels as float16")
    parser.add_argument("--bfloat16_values", action="store_true", help="round matrices and kernels to bfloat16")
    parser.add_argument("--naming", choices=NAMINGS, default="pytorch", help="of CRNN parameters in a PyTorch file")
    parser.add_argument(
        "--lstm_branch",
        choices=LSTM_CHOICES,
        default="auto",
        help="LSTM of a published MindSpore CTPN (auto: the trained one)",
    )
    arguments = parser.parse_args()
    print(convert_file(**vars(arguments)))


if __name__ == "__main__":
    run_command(main)
