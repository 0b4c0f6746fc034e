"""Train the recognition network in PyTorch on rendered and real words, on a GPU or a CPU.

    python pytorch/train_crnn.py [--config_path pytorch/recipes/crnn_lines.yaml]
        --minutes 60 --output output/twin_crnn [--resume] [--key value ...]

recipes/crnn.yaml holds every key. The learning rate follows the clock and is 0 when the minutes are over; --steps in
their place gives a training whose length does not depend on the speed. SIGTERM and Ctrl-C save and stop, --resume
goes on. Leaves final.pt, best.pt (by the evaluation data), state.pt, train.log and curve.csv in the output folder;
pytorch/convert.py makes MindSpore checkpoints of the weights.
"""

import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pytorch.batch_augment import augment_batch
from pytorch.crnn import Crnn
from pytorch.crnn_loss import ctc_loss
from pytorch.device import uses_bf16
from pytorch.read_words import read_metrics, score_of, torch_predictor
from pytorch.run_folder import RunFolder
from pytorch.start_weights import load_start
from pytorch.training import Losses, Trainer
from pytorch.training_run import first_position, open_run, run_trainer
from pytorch.weight_init import init_crnn
from pytorch.word_chunks import WordRenderer, real_words
from pytorch.word_mixture import WordBatch, WordMixture
from src.common.errors import UserError
from src.crnn.alphabet import NAMED, Alphabet
from src.crnn.checkpoint_formats import HEAD_NAMES
from src.crnn.topology import IMAGE_HEIGHT
from src.data.recognition.augment import WordAugment
from src.data.recognition.sources import open_lmdbs, rendered_words
from src.model_utils.command import run_command
from src.model_utils.config import Config, load_config

SCHEMA = Path(__file__).with_name("recipes") / "crnn.yaml"


def main() -> int:
    config = load_config(schema_file=SCHEMA)
    device, folder, state = open_run(config)
    alphabet = Alphabet.named(config.alphabet) if config.alphabet in NAMED else Alphabet.from_file(config.alphabet)
    mixture = make_mixture(config, alphabet, device, first=first_position(state))
    try:
        run_trainer(make_trainer(config, alphabet, device, folder, mixture), config, state)
    finally:
        mixture.close()
    return 0


def make_mixture(config: Config, alphabet: Alphabet, device: torch.device, first: int) -> WordMixture:
    """The training words. Raises UserError for a data base, folder or file that is missing or cannot be used."""
    widths = tuple(config.image_width)
    if list(widths) != sorted(set(widths)) or not widths or any(width < 4 or width % 4 for width in widths):
        raise UserError(f"image_width: {list(widths)}; ascending multiples of 4 are accepted")
    rendered = rendered_words(
        config.fonts, config.backgrounds, config.lexicon, alphabet.characters, config.seed,
        max_words=config.rendered_max_words, height=IMAGE_HEIGHT, widths=widths,
    )  # fmt: skip
    sources, shares = zip(*rendered, strict=True)
    stored = open_lmdbs(config.train_lmdb, config.lmdb_root) if config.rendered_share < 1 else {}
    return WordMixture(
        WordRenderer(sources, widths[: len(sources)], alphabet, keep_ratio=len(widths) > 1),
        shares,
        real_words([source.path for source in stored.values()], alphabet, widths) if stored else {},
        rendered_share=config.rendered_share,
        batch_size=config.batch_size,
        pool_size=config.pool_size,
        max_reuse=config.max_reuse,
        workers=config.workers,
        device=device,
        seed=config.seed,
        first=first,
    )


def make_trainer(
    config: Config, alphabet: Alphabet, device: torch.device, folder: RunFolder, mixture: WordMixture
) -> Trainer:
    """The network with its start weights, and the loop around it.

    Raises UserError for start weights or evaluation data that cannot be used.
    """
    model = Crnn(alphabet.num_classes, config.network_width)
    init_crnn(model, config.seed)
    if config.pre_trained:
        remade = load_start(model, config.pre_trained, "crnn", HEAD_NAMES)
        folder.say(f"weights from {config.pre_trained}; starts anew: {', '.join(remade) or 'nothing'}")
    model.to(device, memory_format=torch.channels_last)
    bf16 = uses_bf16(config.precision, device)
    sources = open_lmdbs(config.eval_lmdb, config.lmdb_root)
    folder.say(f"{device}, {'bf16' if bf16 else 'fp32'}, {alphabet.num_classes} classes, widths {config.image_width}")

    def evaluate(network: torch.nn.Module) -> tuple[float, dict[str, float]]:
        metrics = read_metrics(torch_predictor(network, device), sources, alphabet, config.image_width)
        flat = {f"{name} {key}": round(value, 4) for name, each in metrics.items() for key, value in each.items()}
        return score_of(metrics), {**flat, "rendered": mixture.rendered, "reuse": round(mixture.reuse, 2)}

    return Trainer(
        model,
        device,
        folder,
        config,
        bf16=bf16,
        loss=partial(batch_loss, device, augmentations(config), np.random.default_rng([config.seed, 1])),
        next_batch=lambda fraction: mixture.batch(),
        evaluate=evaluate,
        data_state=lambda: {"position": mixture.position},
        about={"network": "crnn", "alphabet": alphabet.characters, "image_width": list(config.image_width)},
    )


def augmentations(config: Config) -> tuple[WordAugment, WordAugment]:
    """Changes of real words, which are few, and of rendered ones, which differ anyhow: `rendered_augment` times as
    often. Raises UserError for a value that is not accepted."""
    values = {field.name: getattr(config, field.name) for field in fields(WordAugment)}
    try:
        real = WordAugment(**values)
        weaker = {name: value * config.rendered_augment for name, value in values.items() if name.endswith("_prob")}
        return real, WordAugment(**{**values, **weaker})
    except ValueError as error:
        raise UserError(str(error)) from None


def batch_loss(
    device: torch.device,
    augment: tuple[WordAugment, WordAugment],
    rng: np.random.Generator,
    model: torch.nn.Module,
    batch: WordBatch,
) -> tuple[Losses, int]:
    """CTC loss of a batch after random changes, and its number of words."""
    gray = batch.images.float()
    parts = (gray[: batch.real], gray[batch.real :])
    changed = [augment_batch(part, options, rng) for part, options in zip(parts, augment, strict=True)]
    images = (torch.cat(changed)[:, None] / 127.5 - 1).to(memory_format=torch.channels_last)  # (B, 1, H, W)
    loss = ctc_loss(model(images), batch.labels, batch.lengths)
    return {"loss": loss}, len(images)


if __name__ == "__main__":
    run_command(main)
