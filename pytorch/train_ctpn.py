"""Train the detection network in PyTorch on rendered scenes and real images, on a GPU or a CPU.

    python pytorch/train_ctpn.py --minutes 60 --output output/twin_ctpn [--resume] [--key value ...]

recipes/ctpn.yaml holds every key. Scenes and images are mixed first; in the last part of the training it is nearly
all real images. The learning rate follows the clock, see train_crnn.py, which works the same way and leaves files
of the same names.
"""

import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pytorch.ctpn import Ctpn
from pytorch.ctpn_loss import ctpn_loss
from pytorch.detection_feed import DetectionBatch, DetectionFeed
from pytorch.detection_images import AnnotatedImage, evaluation_batches, listed, read_images
from pytorch.detection_samples import DetectionMaker, Stage
from pytorch.device import autocast, uses_bf16
from pytorch.run_folder import RunFolder
from pytorch.start_weights import load_ctpn_start
from pytorch.training import Losses, Trainer
from pytorch.training_run import first_position, open_run, run_trainer
from pytorch.weight_init import init_ctpn
from src.common.errors import UserError
from src.ctpn.text_lines import DetectOptions
from src.data.detection.augment import AugmentOptions
from src.data.loading.name_lists import read_names
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.lexicon import TextSampler, read_lexicon
from src.data.synthesis.scenes import SceneSource
from src.evaluation.detection import evaluate_detection
from src.model_utils.command import run_command
from src.model_utils.config import Config, load_config
from src.text_connector.detector import ConnectorParams
from src.training.ctpn_samples import SampleMaker

SCHEMA = Path(__file__).with_name("recipes") / "ctpn.yaml"


def main() -> int:
    config = load_config(schema_file=SCHEMA)
    device, folder, state = open_run(config)
    sets, judged = read_sets(config)
    feed = DetectionFeed(
        make_maker(config, sets),
        batch_size=config.batch_size,
        workers=config.workers,
        image_shape=(config.img_height, config.img_width),
        device=device,
        first=first_position(state),
    )
    try:
        run_trainer(make_trainer(config, device, folder, feed, judged), config, state)
    finally:
        feed.close()
    return 0


def read_judged(config: Config) -> list[AnnotatedImage]:
    """The images that judge the network: those that `val_list` names in `val_pictures`, or all of them.

    Raises UserError for a folder or list that cannot be used.
    """
    judged = read_images(config.val_pictures)
    return listed(judged, read_names(config.val_list))[0] if config.val_list else judged


def read_sets(config: Config) -> tuple[list[list[AnnotatedImage]], list[AnnotatedImage]]:
    """The training images set by set, and those that judge the network, which are not among them.

    Raises UserError for a folder, list or weight that cannot be used.
    """
    sets = [read_images(folder) for folder in config.train_pictures]
    for key in ("picture_weight", "finetune_weight"):
        weights = getattr(config, key)
        if (
            len(weights) not in (0, len(sets))
            or any(weight < 0 for weight in weights)
            or (weights and not sum(weights))
        ):
            raise UserError(
                f"{key}: {weights}; a number from 0 for each of the {len(sets)} train_pictures is accepted"
            )
    judged = read_judged(config)
    held_out = {image.path.resolve() for image in judged}
    sets = [[image for image in images if image.path.resolve() not in held_out] for images in sets]
    if not all(sets):
        raise UserError("train_pictures: a folder holds nothing but images that judge the network")
    return sets, judged


def make_maker(config: Config, sets: list[list[AnnotatedImage]]) -> DetectionMaker:
    """What makes training samples. Raises UserError for a folder, file or value that cannot be used."""
    options = {field.name: getattr(config, field.name) for field in fields(AugmentOptions)}
    make = partial(
        SampleMaker,
        (config.img_height, config.img_width),
        side_refinement=config.side_refinement,
        min_cover=config.min_cover,
        min_text_height=config.min_text_height,
        assignment={"num_expected_neg": config.num_expected_neg},
    )
    later = {"expand_ratio": config.finetune_expand_ratio, "crop_ratio": config.finetune_crop_ratio}
    even = [1.0] * len(sets)
    stages = [
        Stage(make(options=AugmentOptions(**options)), config.scene_share, config.picture_weight or even),
        Stage(
            make(options=AugmentOptions(**{**options, **later})),
            config.finetune_scene_share,
            config.finetune_weight or config.picture_weight or even,
        ),
    ]
    if not sets and min(stage.scene_share for stage in stages) < 1:
        raise UserError("train_pictures: is empty; give scene_share and finetune_scene_share 1 for scenes alone")
    sampler = TextSampler(read_lexicon(config.lexicon) if config.lexicon else None)
    book, backgrounds = FontBook(config.fonts), Backgrounds(config.backgrounds)
    scenes = [
        SceneSource(
            book, sampler, backgrounds, size=(config.img_width, config.img_height), difficulty=name, seed=config.seed
        )
        for name in config.scene_difficulty
    ]
    return DetectionMaker(sets, scenes, stages, config.scene_reuse, config.seed)


def make_trainer(
    config: Config, device: torch.device, folder: RunFolder, feed: DetectionFeed, judged: list[AnnotatedImage]
) -> Trainer:
    """The network with its start weights, and the loop around it. Raises UserError for unusable start weights."""
    model = Ctpn(config.backbone_width)
    init_ctpn(model, config.seed)
    if config.pre_trained:
        folder.say(load_ctpn_start(model, config.pre_trained))
    model.to(device, memory_format=torch.channels_last)
    bf16 = uses_bf16(config.precision, device)
    folder.say(f"{device}, {'bf16' if bf16 else 'fp32'}, {len(judged)} images judge the network")

    def loss(network: torch.nn.Module, batch: DetectionBatch) -> tuple[Losses, int]:
        total, cls, reg = ctpn_loss(
            *network(batch.images), batch.labels, batch.targets, batch.weights,
            cls_weight=config.rpn_loss_cls_weight, reg_weight=config.rpn_loss_reg_weight,
            hard_negatives=config.hard_negatives,
        )  # fmt: skip
        return {"loss": total, "cls": cls, "reg": reg}, len(batch.images)

    def evaluate(network: torch.nn.Module) -> tuple[float, dict[str, float]]:
        metrics = detection_metrics(config, network, judged, device, bf16)
        return metrics["hmean"], metrics

    return Trainer(
        model,
        device,
        folder,
        config,
        bf16=bf16,
        loss=loss,
        next_batch=lambda fraction: feed.batch(int(fraction >= config.finetune_from)),
        evaluate=evaluate,
        data_state=lambda: {"position": feed.position},
        about={"network": "ctpn", "img_height": config.img_height, "img_width": config.img_width},
    )


def detection_metrics(
    config: Config, network: torch.nn.Module, images: list[AnnotatedImage], device: torch.device, bf16: bool
) -> dict[str, float]:
    """DetEval metrics with the connector of eval.py, and its hmean with refined line ends where they are trained."""
    shape = (config.img_height, config.img_width)

    def predict(batch):
        with torch.inference_mode(), autocast(device, bf16):
            maps = network(torch.from_numpy(batch).to(device, memory_format=torch.channels_last))
        return tuple(map_.float().cpu().numpy() for map_ in maps)

    metrics = {}
    for refined in (False, True)[: 1 + config.side_refinement]:
        connector = ConnectorParams(line_min_score=config.line_min_score, side_refinement=refined)
        options = DetectOptions(image_shape=shape, side_refinement=refined, connector=connector)
        batches = evaluation_batches(images, config.test_batch_size, shape, keep_ratio=False)
        result = evaluate_detection(predict, batches, config.test_batch_size, options).metrics()["deteval"]
        metrics |= {f"refined {name}" if refined else name: round(value, 4) for name, value in result.items()}
    return metrics


if __name__ == "__main__":
    run_command(main)
