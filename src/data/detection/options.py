"""The options of the detection data: augmentation, the sets to build, and those to evaluate on."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from src.common.options import NonEmpty, Options, Texts, option
from src.data.images.options import ImageLimits

# [images, labels], or a list of such pairs; errors in one are reported where it is read.
Pairs = Annotated[tuple[Any, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]


class AugmentOptions(Options):
    """What may happen to an image; every `*_ratio` is the share of images. All off by default.

    Half of the images that `expand_ratio` chooses are left as they are, as in the reference training. A window that
    `crop_ratio` cuts holds a text box of the image. Mirrored text (`flip_ratio`, the reference's key) helps little.
    """

    flip_ratio: float = option(0.0, "share of training images mirrored left to right", low=0, high=1)
    expand_ratio: float = option(
        0.0, "share of training images considered for a larger empty canvas, which half of them get", low=0, high=1
    )
    expand_max: float = option(4.0, "longest side of that canvas as a multiple of the image's", low=1, high=16)
    crop_ratio: float = option(
        0.0, "share of training images of which a random part is cut out and enlarged", low=0, high=1
    )
    crop_min: float = option(0.4, "shortest side of that part as a share of the image's", low=0.05, high=1)
    stretch: float = option(1.25, "how much the proportions of that part may change, as a factor", low=1, high=4)
    rotate_degrees: float = option(0.0, "training images are turned by up to this angle", low=0, high=45)
    photo_ratio: float = option(
        0.0, "share of training images with the photometric distortion of the reference training", low=0, high=1
    )
    colour_ratio: float = option(
        0.0, "share of training images with changed white balance, gamma, in gray or negative", low=0, high=1
    )
    blur_ratio: float = option(0.0, "share of training images that are blurred", low=0, high=1)
    blur_sigma: float = option(1.5, "widest blur, in pixels of the resized image", low=0, high=20)
    noise_ratio: float = option(0.0, "share of training images with added noise", low=0, high=1)
    noise_std: float = option(12.0, "strongest noise, in gray levels", low=0, high=128)
    min_visible: float = option(
        0.6, "text of which less than this share of its height is left in the image is ignored", low=0, high=1
    )


class TextSizeOptions(Options):
    """Which text of an image is trained."""

    min_cover: float = option(
        0.0,
        "share of a 16-pixel column that text must cover for the column to be text; 0 takes every one it touches",
        low=0,
        high=1,
    )
    min_text_height: float = option(0.0, "text below this height, in pixels of the resized image, is ignored", low=0)


class ValidationSetOptions(Options):
    """The set to evaluate on while training."""

    eval_image_path: str = option(
        "", "folder of images to draw on when evaluating while training, instead of those in the MindRecord"
    )
    eval_dataset_path: str = option("data/ctpn/test/ctpn_test.mindrecord", "MindRecord to evaluate on while training")


def _pairs(name: str) -> Any:
    return option((), f"[images, labels] of {name}, or a list of such pairs")


def _prefix() -> Any:
    return option("gt_", "what stands before an image's name in its label file")


class DataSetOptions(ImageLimits):
    """Data sets to build, and where their images and labels are."""

    train_dataset: Texts = option(
        ("coco", "flick", "icdar2013", "icdar2015", "svt"), "data sets of the pre-training set"
    )
    finetune_dataset: Texts = option(("icdar2011", "icdar2013", "flick"), "data sets of the fine-tuning set")
    test_dataset: Texts = option(("icdar2013",), "data sets of the test set")
    coco_root: str = option("", "COCO folder that holds coco_train_data_type")
    coco_train_data_type: str = option("train2017", "folder of the COCO images")
    cocotext_json: str = option("", "COCO-Text v2 annotations")
    icdar11_train_path: Pairs = _pairs("ICDAR 2011 born-digital")
    icdar13_train_path: Pairs = _pairs("ICDAR 2013 training")
    icdar13_test_path: Pairs = _pairs("ICDAR 2013 test")
    icdar15_train_path: Pairs = _pairs("ICDAR 2015 training")
    icdar15_test_path: Pairs = _pairs("ICDAR 2015 test")
    icdar17_mlt_train_path: Pairs = _pairs("MLT 2017 training")
    icdar17_mlt_test_path: Pairs = _pairs("MLT 2017 validation")
    flick_train_path: Pairs = _pairs("SCUT-FORU")
    svt_train_path: Pairs = option((), "[images, XML file or converted labels] of SVT, or a list of such pairs")
    folder_train_path: Pairs = _pairs("your own in any of these formats")
    folder_test_path: Pairs = _pairs("your own in any of these formats")
    icdar11_prefix: str = _prefix()
    icdar13_prefix: str = _prefix()
    icdar15_prefix: str = _prefix()
    icdar17_mlt_prefix: str = _prefix()
    svt_prefix: str = _prefix()
    pretrain_dataset_path: NonEmpty = option("data/ctpn/pretrain", "folder for the pre-training MindRecord files")
    finetune_dataset_path: NonEmpty = option("data/ctpn/finetune", "folder for the fine-tuning MindRecord files")
    test_dataset_path: NonEmpty = option("data/ctpn/test", "folder for the test MindRecord file")
    holdout_count: int = option(
        0,
        "training images of ICDAR 2013 set aside as the test set when no icdar13_test_path is given",
        low=0,
    )
    holdout_seed: int = option(1, "seed that chooses them")
    draw_samples: int = option(0, "how many images of each set to draw with their boxes", low=0)
