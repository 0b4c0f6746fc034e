"""Which images train the detector and which validate it, and what makes samples of them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_images import AnnotatedImage, listed, read_images, with_joined_words
from pytorch.detection_samples import DetectionMaker, Stage
from src.common.errors import UserError
from src.common.options import OptionError
from src.ctpn.options import AssignOptions
from src.data.detection.options import AugmentOptions
from src.data.loading.name_lists import read_names
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.documents import DIFFICULTIES, scene_source
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.lexicon import TextSampler, read_lexicon
from src.training.ctpn_samples import SampleMaker

ImageSets = list[list[AnnotatedImage]]


def read_val_sets(config: CtpnRecipe) -> dict[str, list[AnnotatedImage]]:
    """The images that validate the network, by the name of their set: those that each of `val_images` lists.

    Raises:
        UserError: no set, a folder or list that cannot be used, or two sets of one name.
    """
    if not config.val_images:
        raise OptionError("val_images: is empty; the best weights are chosen on the sets that it names")
    sets: dict[str, list[AnnotatedImage]] = {}
    for entry in config.val_images:
        images, chosen = _images_of("val_images", entry[:2]), entry[2:]
        name = set_name(entry)
        if name in sets:
            raise OptionError(f"val_images: two sets are called {name}")
        sets[name] = listed(images, read_names(chosen[0]))[0] if chosen else images
    return sets


def _images_of(key: str, folder: Sequence[str]) -> list[AnnotatedImage]:
    """As `read_images`; an error names the key that holds `folder`."""
    try:
        return read_images(folder)
    except UserError as error:
        raise type(error)(f"{key}: {error}") from None


def set_name(entry: Sequence[str]) -> str:
    """Name of a set [images, labels]: the images' folder, or the one that holds it where it is called "images"."""
    folder = Path(entry[0]).resolve()
    return folder.parent.name if folder.name in ("images", "img") else folder.name


def read_train_sets(config: CtpnRecipe, validation: Sequence[AnnotatedImage]) -> ImageSets:
    """The training images set by set, without those that validate the network or that `leave_out` names.

    Raises:
        UserError: a folder, list or weight that cannot be used.
    """
    sets = [_images_of("train_images", folder) for folder in config.train_images]
    for key in ("image_weight", "finetune_weight"):
        weights = list(getattr(config, key))
        if (
            len(weights) not in (0, len(sets))
            or any(weight < 0 for weight in weights)
            or (weights and not sum(weights))
        ):
            raise OptionError(
                f"{key}: {weights}; a number from 0 for each of the {len(sets)} train_images is accepted"
            )
    held_out = {image.path.resolve() for image in validation}
    for entry in config.leave_out:
        images = _images_of("leave_out", entry[:2])
        held_out |= {image.path.resolve() for image in listed(images, read_names(entry[2]))[0]}
    sets = [[image for image in images if image.path.resolve() not in held_out] for images in sets]
    if not all(sets):
        raise UserError("train_images: a folder holds nothing but images that are left out or validate the network")
    return [with_joined_words(images) for images in sets] if config.join_words else sets


def make_maker(config: CtpnRecipe, sets: ImageSets) -> DetectionMaker:
    """What makes training samples. Raises UserError for a folder, file or value that cannot be used."""
    options = AugmentOptions.part_of(config)
    make = partial(
        SampleMaker,
        side_refinement=config.side_refinement,
        min_cover=config.min_cover,
        min_text_height=config.min_text_height,
        assignment=AssignOptions(num_expected_pos=config.num_expected_pos, num_expected_neg=config.num_expected_neg),
    )
    later = {"expand_ratio": config.finetune_expand_ratio, "crop_ratio": config.finetune_crop_ratio}
    sizes = config.train_sizes or ((config.img_height, config.img_width),)
    even = [1.0] * len(sets)
    first_weights = list(config.image_weight) or even
    try:
        stages = [
            Stage([make(size, options=changed) for size in sizes], scene_share, weights)
            for changed, scene_share, weights in (
                (options, config.scene_share, first_weights),
                (
                    options.replace(**later),
                    config.finetune_scene_share,
                    list(config.finetune_weight) or first_weights,
                ),
            )
        ]
    except OptionError as error:
        key = "train_sizes" if config.train_sizes else "img_height, img_width"
        raise OptionError(f"{key}: {error}") from None
    if not sets and min(stage.scene_share for stage in stages) < 1:
        raise OptionError("train_images: is empty; give scene_share and finetune_scene_share 1 for scenes alone")
    sampler = TextSampler(read_lexicon(config.lexicon) if config.lexicon else None)
    book, backgrounds = FontBook(config.fonts), Backgrounds(config.backgrounds)
    size = (config.img_width, config.img_height)
    unknown = sorted(set(config.scene_difficulty) - set(DIFFICULTIES))
    if unknown:
        raise OptionError(f"scene_difficulty: {unknown[0]} is not one of {', '.join(DIFFICULTIES)}")
    scenes = [
        scene_source(name, book, sampler, backgrounds, size=size, seed=config.seed)
        for name in config.scene_difficulty
    ]
    return DetectionMaker(sets, scenes, stages, config.scene_reuse, config.seed, config.join_words)
