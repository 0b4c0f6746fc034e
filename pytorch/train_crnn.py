"""Train the recognition network in PyTorch on rendered and real words, on a GPU or a CPU.

    python pytorch/train_crnn.py [--config_path pytorch/recipes/crnn_shared.yaml]
        --minutes 60 --output output/crnn_pytorch [--resume] [--key value ...]

recipes/crnn.yaml holds every key. With several alphabets one network learns them all, and each gets weights of its
own. The learning rate follows the clock and is 0 when the minutes are over; --steps in their place gives a training
whose length does not depend on the speed. SIGTERM and Ctrl-C save and stop, --resume goes on. Leaves final.pt and
best.pt (by the evaluation data; of several alphabets best_ALPHABET.pt for each), state.pt, train.log and curve.csv in
the output folder; pytorch/convert.py makes MindSpore checkpoints of the weights.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from functools import partial

import numpy as np
import torch

from pytorch.batch_augment import augment_batch
from pytorch.crnn import SharedCrnn
from pytorch.crnn_loss import ctc_loss, flat_start_loss
from pytorch.crnn_recipe import CrnnRecipe
from pytorch.device import place, uses_bf16
from pytorch.read_words import predictor, read_metrics, score_of
from pytorch.run_folder import RunFolder
from pytorch.start_weights import load_start
from pytorch.training import Exported, Losses, Trainer
from pytorch.training_run import open_run, run_trainer
from pytorch.weight_init import init_crnn
from pytorch.word_data import Words, make_words, named_alphabets, validation_words
from pytorch.word_mixture import WordBatch
from src.crnn.alphabet import Alphabet
from src.crnn.checkpoint_formats import HEAD_NAMES
from src.data.recognition.options import WordAugment
from src.model_utils.command import run_command
from src.model_utils.load_options import load_options

WINOGRAD_CHANNELS = 128  # from so many on it is faster on the small feature maps of CRNN
CURVE_METRICS = ("plain_accuracy", "case_sensitive_accuracy", "character_error_rate")


def main() -> int:
    config = load_options(CrnnRecipe, sys.argv[1:])
    with open_run(config) as (device, folder, state):
        alphabets = named_alphabets(config.alphabet)
        words = make_words(config, tuple(alphabets.values()), device, folder.log, state["data"] if state else None)
        try:
            return run_trainer(make_trainer(config, alphabets, device, folder, words), config, state)
        finally:
            words.close()


def make_trainer(
    config: CrnnRecipe, alphabets: dict[str, Alphabet], device: torch.device, folder: RunFolder, words: Words
) -> Trainer:
    """The network with its start weights, and the loop around it.

    Raises UserError for start weights or evaluation data that cannot be used.
    """
    model = SharedCrnn([alphabet.num_classes for alphabet in alphabets.values()], config.network_width)
    init_crnn(model, config.seed, config.initialization)
    if config.pre_trained:
        remade = load_start(model, config.pre_trained, "crnn", HEAD_NAMES)
        folder.log(f"weights from {config.pre_trained}; starts anew: {', '.join(remade) or 'nothing'}")
    bf16 = uses_bf16(config.precision, device)
    place(model, device, bf16, WINOGRAD_CHANNELS)
    sources = validation_words(config)
    folder.log(f"{device}, {'bf16' if bf16 else 'fp32'}, {model.classes} classes, widths {config.image_width}")

    def evaluate(network: torch.nn.Module) -> tuple[float, dict[str, float]]:
        metrics = read_metrics(
            predictor(network, device), sources, alphabets, config.image_width, plain=config.plain_lmdb
        )
        return score_of(metrics), {**flat(metrics), **words.progress}

    def exported(network: torch.nn.Module) -> Exported:
        about = {"network": "crnn", "image_width": list(config.image_width)}
        return {
            name if len(alphabets) > 1 else "": (network.state_of(k), {**about, "alphabet": alphabet.characters})
            for k, (name, alphabet) in enumerate(alphabets.items())
        }

    return Trainer(
        model,
        device,
        folder,
        config,
        bf16=bf16,
        loss=partial(batch_loss, augmentations(config), np.random.default_rng([config.seed, 1]), list(alphabets)),
        next_batch=lambda fraction: words.batch(),
        evaluate=evaluate,
        data_state=lambda: words.state,
        exported=exported,
    )


def flat(metrics: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """What the curve holds of the metrics: one by letters and digits, two more where case and punctuation count."""
    return {
        f"{name} {key}" + (f" {alphabet}" if len(each) > 1 else ""): round(values[key], 4)
        for name, each in metrics.items()
        for alphabet, values in each.items()
        for key in (CURVE_METRICS if "case_sensitive_accuracy" in values else CURVE_METRICS[:1])
    }


def augmentations(config: CrnnRecipe) -> tuple[WordAugment, WordAugment]:
    """Changes of real words, which are few, and of rendered ones, which differ anyhow: `rendered_augment` times as
    often."""
    real = WordAugment.part_of(config)
    often = {key: getattr(real, key) for key in WordAugment.model_fields if key.endswith("_prob")}
    return real, real.replace(**{key: value * config.rendered_augment for key, value in often.items()})


def batch_loss(
    augment: tuple[WordAugment, WordAugment],
    rng: np.random.Generator,
    alphabets: list[str],
    model: torch.nn.Module,
    batch: WordBatch,
) -> tuple[Losses, int]:
    """The losses of all alphabets on a batch after random changes, their sum first, and its number of words."""
    gray = batch.images.float()
    parts = (gray[: batch.real], gray[batch.real :])
    changed = [augment_batch(part, options, rng) for part, options in zip(parts, augment, strict=True)]
    images = (torch.cat(changed)[:, None] / 127.5 - 1).to(memory_format=torch.channels_last)  # (B, 1, H, W)
    loss = flat_start_loss if batch.flat_start else ctc_loss
    losses = {
        name: loss(log_probs, batch.labels[:, k], batch.lengths[:, k])
        for k, (name, log_probs) in enumerate(zip(alphabets, model(images), strict=True))
    }
    total = {"loss": torch.stack(list(losses.values())).sum()}
    return total if len(losses) == 1 else {**total, **losses}, len(images)


if __name__ == "__main__":
    run_command(main)
