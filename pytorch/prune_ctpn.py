"""A narrower detector from the strongest filters of a wide one, to begin a training or a distillation with.

    python pytorch/prune_ctpn.py IN OUT --width 0.5

IN is a CTPN or a backbone in any format of this project, CRAFT's among them; OUT a .pth with the backbone's names.
Of every convolution the filters that matter most are kept: those with the largest product of the batch norm's scale
(over its deviation) and the filter's norm; the next layer keeps its weights for these inputs. What follows the
backbone is learned anew.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse

import numpy as np
import torch

from pytorch.convert import norm_to_mindspore, norm_to_pytorch
from pytorch.torch_file import save_torch
from src.common.errors import UserError
from src.ctpn.checkpoint_formats import backbone_only, missing_backbone_layers
from src.ctpn.topology import BACKBONE, CONVOLUTIONS, STAGES
from src.layers.parameter_shapes import NORM_PARTS, scale_channels
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, existing_file, given_path, share
from src.weights.formats import read_weights

Arrays = dict[str, np.ndarray]
_EPSILON = 1e-5


def pruned_backbone(backbone: Arrays, width_mult: float) -> Arrays:
    """The backbone `width_mult` times as wide, under MindSpore's names; convolutions that are not there are left out.

    Raises:
        UserError: the backbone is not wider than that.
    """
    channels = [scale_channels(size, width_mult) for sizes in STAGES for size in sizes]
    kept_inputs = np.arange(3)
    pruned: Arrays = {}
    for layer, keep in zip(CONVOLUTIONS, channels, strict=True):
        name = f"{BACKBONE}{layer}."
        if layer in missing_backbone_layers(backbone):
            break
        weight = backbone[f"{name}0.weight"]
        if keep > len(weight):
            raise UserError(f"width {width_mult}: {layer} would have {keep} channels, the file has {len(weight)}")
        chosen = np.sort(np.argsort(-_strength(backbone, name), kind="stable")[:keep])
        pruned[f"{name}0.weight"] = weight[chosen][:, kept_inputs]
        pruned |= {f"{name}1.{part}": backbone[f"{name}1.{part}"][chosen] for part in NORM_PARTS}
        kept_inputs = chosen
    return pruned


def _strength(backbone: Arrays, name: str) -> np.ndarray:
    scale = np.abs(backbone[f"{name}1.gamma"]) / np.sqrt(backbone[f"{name}1.moving_variance"] + _EPSILON)
    weight = backbone[f"{name}0.weight"]
    return scale * np.linalg.norm(weight.reshape(len(weight), -1), axis=1)


def main() -> int:
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN", type=existing_file)
    parser.add_argument("target", metavar="OUT", type=given_path)
    parser.add_argument("--width", type=share, required=True, help="factor on the channels of the published network")
    arguments = parser.parse_args()
    # Only then renamed: CRAFT and torchvision have names of their own.
    backbone = backbone_only(read_weights(arguments.source))
    pruned = pruned_backbone({norm_to_mindspore(name): value for name, value in backbone.items()}, arguments.width)
    content = {norm_to_pytorch(name): torch.from_numpy(value.copy()) for name, value in pruned.items()}
    save_torch(arguments.target, content)
    print(
        f"{arguments.target}: {len(pruned)} parameters of the backbone, {arguments.width:g} times the published width"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
