"""Train the detection network in PyTorch on rendered scenes and real images, on a GPU or a CPU.

    python pytorch/train_ctpn.py --minutes 60 --output output/ctpn_pytorch [--resume] [--key value ...]

recipes/ctpn.yaml holds every key. Scenes and images are mixed first; in the last part of the training it is nearly
all real images. The learning rate follows the clock, see train_crnn.py, which works the same way and leaves files
of the same names; with --schedule constant it stays until --cooldown_minutes, see recipes/ctpn_full.yaml.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from pytorch.ctpn import Ctpn, freeze_statistics, freeze_until
from pytorch.ctpn_loss import ctpn_loss
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_feed import CachedFeed, DetectionBatch, DetectionFeed
from pytorch.detection_sets import make_maker, read_train_sets, read_val_sets
from pytorch.detection_validation import DetectionValidation
from pytorch.device import place, uses_bf16
from pytorch.distill_loss import distill_loss
from pytorch.feature_cache import FeatureCache, layers_key
from pytorch.run_folder import RunFolder
from pytorch.start_weights import load_ctpn_start
from pytorch.teacher_samples import TeacherBatch, TeacherFeed
from pytorch.training import Losses, Trainer
from pytorch.training_run import load_network, open_run, run_trainer
from pytorch.weight_init import init_ctpn
from src.common.folder_lock import hold_folder
from src.common.options import OptionError
from src.data.detection.options import AugmentOptions
from src.model_utils.command import run_command
from src.model_utils.load_options import load_options

LEAST_ANCHORS = 512  # that count beside the teacher's text where hard_negatives is 0

TRAINING_CACHE = "training"  # in the folder of features, beside those of validation images

State = dict[str, Any]


def main() -> int:
    config = load_options(CtpnRecipe, sys.argv[1:])
    with open_run(config) as (device, folder, state), _cache_of_its_own(config, folder):
        return train(config, device, folder, state)


def _cache_of_its_own(config: CtpnRecipe, folder: RunFolder) -> AbstractContextManager[None]:
    """Trainings in one cache would replace each other's samples while they are read."""
    return (
        hold_folder(Path(config.feature_cache) / TRAINING_CACHE, "training", folder.log)
        if config.feature_cache
        else nullcontext()
    )


def train(config: CtpnRecipe, device: torch.device, folder: RunFolder, state: State | None) -> int:
    """Train in `folder`, from `state` on; returns the exit code. Raises UserError for data that cannot be used."""
    validation = read_val_sets(config)
    sets = read_train_sets(config, [image for images in validation.values() for image in images])
    bf16 = uses_bf16(config.precision, device)
    network = make_network(config, device, folder, bf16)
    if state:
        load_network(network, state, folder)
    cache = Path(config.feature_cache) if config.feature_cache else None
    validate = DetectionValidation(config, validation, device, bf16, cache and cache / "validation")
    folder.log(f"{device}, {'bf16' if bf16 else 'fp32'}")
    folder.log(f"{sum(map(len, sets))} images train, {sum(map(len, validation.values()))} validate the network")
    maker = make_maker(config, sets)
    about = {"network": "ctpn", "img_height": config.img_height, "img_width": config.img_width}
    feed = make_feed(config, maker, network, device, state["data"] if state else {})
    if isinstance(feed, CachedFeed) and feed.to_make:
        folder.log(f"making the features of {feed.to_make} samples before the first step, which takes some time")
    try:
        trainer = Trainer(
            network,
            device,
            folder,
            config,
            bf16=bf16,
            loss=make_loss(config),
            next_batch=lambda fraction: feed.batch(int(fraction >= config.finetune_from)),
            evaluate=validate,
            data_state=feed.state,
            exported=lambda model: {"": (model.state_dict(), about)},
        )
        return run_trainer(trainer, config, state)
    finally:
        feed.close()


def make_network(config: CtpnRecipe, device: torch.device, folder: RunFolder, bf16: bool) -> Ctpn:
    """The network with its start weights and frozen layers. Raises UserError for weights that cannot be used."""
    network = Ctpn(config.backbone_width)
    init_ctpn(network, config.seed)
    if config.pre_trained:
        folder.log(load_ctpn_start(network, config.pre_trained))
    for key, freeze in (("freeze_statistics", freeze_statistics), ("freeze_until", freeze_until)):
        try:
            freeze(network, getattr(config, key))
        except ValueError as error:
            raise OptionError(f"{key}: {error}") from None
    place(network, device, bf16)
    return network


def make_feed(
    config: CtpnRecipe, maker: Any, network: Ctpn, device: torch.device, state: dict[str, int]
) -> DetectionFeed | CachedFeed | TeacherFeed:
    """What gives batches. Raises UserError for a cache of other layers, or without samples of a teacher."""
    first = state.get("position", 0)
    if config.teacher_samples:
        if config.feature_cache:
            raise OptionError("teacher_samples: are images, which feature_cache does not take; give one of the two")
        options = AugmentOptions.part_of(config)
        return TeacherFeed(
            Path(config.teacher_samples),
            options,
            batch_size=config.batch_size,
            seed=config.seed,
            device=device,
            position=first,
        )
    if not config.feature_cache:
        return DetectionFeed(maker, batch_size=config.batch_size, workers=config.workers, device=device, first=first)
    if not config.freeze_until:
        raise OptionError("feature_cache: needs frozen layers; give their last one in freeze_until")
    key = layers_key(network, config.freeze_until)
    cache = FeatureCache(Path(config.feature_cache) / TRAINING_CACHE, key, config.feature_count)

    def features(image: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return network.vgg16_feature_extractor.until(config.freeze_until, image)

    return CachedFeed(
        maker,
        cache,
        features,
        batch_size=config.batch_size,
        reuse=config.feature_reuse,
        device=device,
        state={"position": first, "drawn": 0, **state},
    )


def make_loss(config: CtpnRecipe) -> Callable[[Ctpn, DetectionBatch | TeacherBatch], tuple[Losses, int]]:
    """The function (network, batch) -> (losses by name, samples)."""

    def loss(network: Ctpn, batch: DetectionBatch | TeacherBatch) -> tuple[Losses, int]:
        layer, inputs = config.freeze_until, batch.images
        if layer and not config.feature_cache:
            with torch.no_grad():
                inputs = network.vgg16_feature_extractor.until(layer, inputs)
        scores, deltas = network.from_features(layer, inputs)
        total, cls, reg = ctpn_loss(
            scores,
            deltas,
            batch.labels,
            batch.targets,
            batch.weights,
            cls_weight=config.rpn_loss_cls_weight,
            reg_weight=config.rpn_loss_reg_weight,
            hard_negatives=config.hard_negatives,
        )
        if not isinstance(batch, TeacherBatch):
            return {"loss": total, "cls": cls, "reg": reg}, len(inputs)
        distilled = distill_loss(
            scores,
            deltas,
            batch.probability,
            batch.offsets,
            hard_negatives=config.hard_negatives or LEAST_ANCHORS,
            reg_weight=config.rpn_loss_reg_weight,
        )
        share = config.distill_share
        both = share * distilled + (1 - share) * total
        return {"loss": both, "distill": distilled, "cls": cls, "reg": reg}, len(inputs)

    return loss


if __name__ == "__main__":
    run_command(main)
