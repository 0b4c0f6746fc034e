"""Evaluate weights with PyTorch, on the validation data of a recipe: the metrics that eval.py gives with MindSpore.

    python pytorch/evaluate.py WEIGHTS [--config_path RECIPE] [--key value ...]

WEIGHTS is a file of either network in any format of this project (.ckpt, .pt, .safetensors, ...). Keys are those of
recipes/crnn.yaml or recipes/ctpn.yaml: --eval_lmdb or --val_images, --device and so on. The width of the network is
that of the file.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import json
from collections.abc import Sequence

from pytorch.convert import to_mindspore, which_network
from pytorch.crnn import SharedCrnn
from pytorch.crnn_recipe import CrnnRecipe
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_sets import read_val_sets
from pytorch.detection_validation import DetectionValidation
from pytorch.device import choose_device, prepare, uses_bf16
from pytorch.read_words import predictor, read_metrics
from pytorch.recipe_options import leading_words
from pytorch.start_weights import load_start, trained_ctpn, width_of_file
from pytorch.word_data import named_alphabets, validation_words
from src.common.options import OptionError
from src.crnn.checkpoint_formats import HEAD_NAMES
from src.model_utils.command import run_command
from src.model_utils.load_options import load_options
from src.weights.formats import read_weights


def main() -> int:
    (file,), arguments = leading_words(sys.argv[1:], __doc__, "evaluate.py", "WEIGHTS")
    network = which_network(read_weights(file))
    metrics = word_metrics(file, arguments) if network == "crnn" else image_metrics(file, arguments)
    print(json.dumps(metrics, indent=2))
    return 0


def word_metrics(file: str, arguments: Sequence[str]) -> dict:
    """Metrics of a recognizer on `eval_lmdb`. Raises UserError for weights or data that cannot be used."""
    config = load_options(CrnnRecipe, arguments)
    device = choose_device(config.device)
    prepare(device)
    alphabets = named_alphabets(config.alphabet)
    wanted = [alphabet.num_classes for alphabet in alphabets.values()]
    classes = len(to_mindspore(read_weights(file), "crnn")[HEAD_NAMES[1]])
    if wanted != [classes]:
        raise OptionError(f"alphabet: {list(config.alphabet)} makes {wanted} classes, {file} has {classes}")
    model = SharedCrnn(wanted, width_of_file(file, "crnn", config))
    load_start(model, file, "crnn")
    sources = validation_words(config)
    predict = predictor(model.to(device).eval(), device)
    metrics = read_metrics(predict, sources, alphabets, config.image_width, plain=config.plain_lmdb)
    return {name: values for name, by_alphabet in metrics.items() for values in by_alphabet.values()}


def image_metrics(file: str, arguments: Sequence[str]) -> dict:
    """Metrics of a detector on `val_images`. Raises UserError for weights or data that cannot be used."""
    config = load_options(CtpnRecipe, arguments)
    device = choose_device(config.device)
    prepare(device)
    bf16 = uses_bf16(config.precision, device)
    model = trained_ctpn(file, config, device, bf16)
    return DetectionValidation(config, read_val_sets(config), device, bf16, shows=True)(model)[1]


if __name__ == "__main__":
    run_command(main)
