"""Every key of train_ctpn.py; recipes/ctpn.yaml is written from it."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from pytorch.recipe_options import (
    FolderOptions,
    LengthOptions,
    MachineOptions,
    RenderOptions,
    RunOptions,
    UpdateOptions,
)
from src.common.options import NonEmpty, Numbers, Options, Texts, option, with_default
from src.ctpn.options import AssignOptions, LearningOptions
from src.ctpn.topology import IMAGE_SIZE
from src.data.detection.options import AugmentOptions, TextSizeOptions
from src.model_utils.config_file import Config, Sections
from src.text_connector.options import ConnectorOptions, SideOptions


def _deep_tuple(value: object) -> object:
    return tuple(map(_deep_tuple, value)) if isinstance(value, list) else value


Folders = Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_deep_tuple)]
Sizes = Annotated[tuple[tuple[int, int], ...], BeforeValidator(_deep_tuple)]


class SizeOptions(Options):
    """The image as the network sees it, and the network."""

    img_width: int = option(IMAGE_SIZE[1], "input width in pixels, a multiple of 16", low=16)
    img_height: int = option(IMAGE_SIZE[0], "input height in pixels, a multiple of 16", low=16)
    train_sizes: Sizes = option(
        (),
        "sizes [height, width] of training inputs, at random, mostly upright ones for upright images; empty for "
        "img_height and img_width",
    )
    backbone_width: float = option(1.0, "scale of all channel counts; 1.0 is the published network", low=0.01, high=4)


class ImageSetOptions(Options):
    """Images that train, and images that validate."""

    train_images: Folders = option(
        (("icdar2013_train/images", "icdar2013_train/gt"),),
        "a pair [images, labels] for each set; labels in any format that create_dataset.py takes",
    )
    image_weight: Numbers = option((), "how often each set is drawn from, a number each; empty for equally often")
    val_images: Folders = option(
        (("icdar2013_train/images", "icdar2013_train/gt", "weights/splits/icdar2013_val.txt"),),
        "[images, labels, list] of each set that validates the network; the list names those that do, all without it",
    )
    leave_out: Folders = option((), "[images, labels, list] of images that neither train nor validate")
    join_words: bool = option(True, "words that stand close on a line train as one line")


class SceneOptions(RenderOptions):
    """Rendered scenes."""

    scene_share: float = option(0.6, "part of the samples that are rendered scenes, 0 to 1", low=0, high=1)
    scene_difficulty: Texts = option(
        ("hard", "medium"),
        "kinds of scenes, in turn (easy, medium, hard, and document for pages, receipts, screens and tables)",
    )
    scene_reuse: float = option(5.0, "how often a scene is drawn before a new one takes its place", low=1)


class LastPartOptions(Options):
    """The last part of the training."""

    finetune_from: float = option(0.65, "fraction of the training from which the last part counts", low=0, high=1)
    finetune_scene_share: float = option(0.15, "scene_share of the last part", low=0, high=1)
    finetune_weight: Numbers = option((), "image_weight of the last part; empty leaves it as it was")
    finetune_expand_ratio: float = option(0.3, "expand_ratio of the last part", low=0, high=1)
    finetune_crop_ratio: float = option(0.4, "crop_ratio of the last part", low=0, high=1)


class FrozenOptions(Options):
    """Layers that do not train."""

    freeze_until: str = option(
        "", "the last convolution of the backbone (conv1_1 .. conv5_3) that does not train, with all before it"
    )
    freeze_statistics: str = option(
        "", "the last convolution whose batch norm keeps its stored statistics in training, with all before it"
    )
    feature_cache: str = option(
        "",
        "folder for the output of the frozen layers, computed once for each sample; empty computes it anew",
    )
    feature_reuse: float = option(8.0, "how often a sample of the cache is drawn on average", low=1)
    feature_count: int = option(
        12000, "samples that the cache holds at most (0.9 MB each after conv5_2 at 576x384)", low=1
    )


class TeacherOptions(Options):
    """Learning from a larger detector."""

    teacher_samples: str = option(
        "",
        "folder of make_teacher_samples.py, in place of images and scenes; the student learns the teacher's outputs",
    )
    distill_share: float = option(
        0.7, "part of the loss that the teacher has, the rest is that of the labels", low=0, high=1
    )


class TargetOptions(TextSizeOptions, SideOptions):
    """Targets and loss."""

    side_refinement: bool = with_default(
        SideOptions,
        "side_refinement",
        True,
        "also learn the ends of lines as dx; the metrics with refined ends are shown beside the others",
    )
    min_text_height: float = with_default(TextSizeOptions, "min_text_height", 6.0)
    num_expected_pos: int = with_default(AssignOptions, "num_expected_pos", 256)
    num_expected_neg: int = with_default(AssignOptions, "num_expected_neg", 512)
    hard_negatives: int = with_default(LearningOptions, "hard_negatives", 0)
    rpn_loss_cls_weight: float = with_default(LearningOptions, "rpn_loss_cls_weight", 1.0)
    rpn_loss_reg_weight: float = with_default(LearningOptions, "rpn_loss_reg_weight", 3.0)


class ScoreOptions(Options):
    """What is found in the validation."""

    text_proposals_min_scores: float = with_default(ConnectorOptions, "text_proposals_min_scores", 0.7)
    line_min_score: float = with_default(ConnectorOptions, "line_min_score", 0.9)


class CtpnRecipe(
    SizeOptions,
    ImageSetOptions,
    SceneOptions,
    LastPartOptions,
    AugmentOptions,
    FrozenOptions,
    TeacherOptions,
    TargetOptions,
    ScoreOptions,
    RunOptions,
    Config,
):
    """Text detection from scratch."""

    minutes: float = with_default(LengthOptions, "minutes", 120.0)
    output: NonEmpty = with_default(FolderOptions, "output", "output/ctpn_pytorch")
    base_lr: float = with_default(UpdateOptions, "base_lr", 4e-4)
    warmup: float = with_default(UpdateOptions, "warmup", 0.03)
    ema: float = with_default(UpdateOptions, "ema", 0.995)
    log_seconds: float = with_default(UpdateOptions, "log_seconds", 10.0)
    eval_minutes: float = with_default(UpdateOptions, "eval_minutes", 10.0)
    checkpoint_minutes: float = with_default(UpdateOptions, "checkpoint_minutes", 5.0)
    expand_ratio: float = with_default(AugmentOptions, "expand_ratio", 0.5)
    expand_max: float = with_default(AugmentOptions, "expand_max", 2.5)
    crop_ratio: float = with_default(AugmentOptions, "crop_ratio", 0.5)
    crop_min: float = with_default(AugmentOptions, "crop_min", 0.35)
    stretch: float = with_default(AugmentOptions, "stretch", 1.3)
    rotate_degrees: float = with_default(AugmentOptions, "rotate_degrees", 2.0)
    photo_ratio: float = with_default(AugmentOptions, "photo_ratio", 0.6)
    colour_ratio: float = with_default(AugmentOptions, "colour_ratio", 0.3)
    blur_ratio: float = with_default(AugmentOptions, "blur_ratio", 0.15)
    blur_sigma: float = with_default(AugmentOptions, "blur_sigma", 1.2)
    noise_ratio: float = with_default(AugmentOptions, "noise_ratio", 0.15)
    noise_std: float = with_default(AugmentOptions, "noise_std", 10.0)

    title = "Text detection from scratch: every key of train_ctpn.py"
    file = Path(__file__).with_name("recipes") / "ctpn.yaml"
    note = "A GPU: --batch_size 16 --base_lr 2e-4 --workers 4 --ema 0.999"
    written_by = "python -m pytorch.write_recipes"
    sections: ClassVar[Sections] = {
        "how long, and where to": (LengthOptions, FolderOptions),
        "where it runs": (MachineOptions,),
        "the image as the network sees it, and the network": (SizeOptions,),
        "images: [images, labels] of each set; those that validate the network train nothing": (ImageSetOptions,),
        "rendered scenes": (SceneOptions,),
        "the last part of the training": (LastPartOptions,),
        "random changes": (AugmentOptions,),
        "layers that do not train": (FrozenOptions,),
        "learning from a larger detector": (TeacherOptions,),
        "targets and loss": (TargetOptions,),
        "training": (UpdateOptions,),
        "evaluation": (ScoreOptions,),
    }
