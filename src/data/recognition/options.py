"""The options of the recognition data: where words come from, and how they are changed."""

from functools import cached_property
from typing import Literal

from src.common.options import Numbers, Options, Texts, option


class WordAugment(Options):
    """Probability and strength of each change; a probability of 0 turns it off (all are off by default).

    Above 0.4 of `crop_max` and `perspective_max`, opposite sides could cross.
    """

    crop_prob: float = option(0.0, "share of training words of which each side is moved in or out", low=0, high=1)
    crop_max: float = option(0.15, "largest such move, as a share of the height", low=0, high=0.4)
    perspective_prob: float = option(0.0, "share of training words seen from an angle", low=0, high=1)
    perspective_max: float = option(0.12, "largest move of a corner, as a share of the height", low=0, high=0.4)
    rotate_prob: float = option(0.0, "share of training words that are turned", low=0, high=1)
    rotate_max: float = option(5.0, "largest angle, in degrees", low=0, high=45)
    blur_prob: float = option(0.0, "share of training words that are blurred", low=0, high=1)
    blur_max: float = option(1.2, "widest blur, in pixels of an image 32 high", low=0, high=10)
    tone_prob: float = option(
        0.0, "share of training words with changed contrast, brightness and gamma", low=0, high=1
    )
    contrast_max: float = option(0.5, "greatest change of the contrast", low=0, high=1)
    brightness_max: float = option(0.2, "greatest shift of the brightness as a share of white", low=0, high=1)
    gamma_max: float = option(0.5, "gamma is within 1 / (1 + this) and 1 + this", low=0, high=4)
    invert_prob: float = option(0.0, "share of training words turned into their negative", low=0, high=1)
    noise_prob: float = option(0.0, "share of training words with added noise", low=0, high=1)
    noise_max: float = option(12.0, "strongest noise, in gray levels", low=0, high=128)

    @cached_property
    def active(self) -> bool:
        """Whether any change can happen."""
        return any(getattr(self, key) > 0 for key in WordAugment.model_fields if key.endswith("_prob"))


class LmdbRoot(Options):
    """Where LMDBs are."""

    lmdb_root: str = option(
        "data/crnn", "folder in which LMDBs named without a path are looked for, in upper or lower case"
    )


class StoredWordOptions(LmdbRoot):
    """Words from LMDBs."""

    train_lmdb: Texts = option(("MJ_LMDB",), "training LMDBs, as names in lmdb_root or paths")
    train_weight: Numbers = option(
        (), "how often each of them is drawn from, one number each; empty goes by their sizes"
    )
    label_policy: Literal["drop", "strip"] = option(
        "drop",
        "texts with characters outside the alphabet; drop leaves them out, strip takes the characters away",
    )
    samples_per_epoch: int = option(0, "words of an epoch; 0 takes as many as the training LMDBs hold", low=0)


class RenderedWordOptions(Options):
    """Words rendered while training."""

    synthetic_weight: float = option(
        0.0, "share of the training words that are rendered while training, from 0 to 1", low=0, high=1
    )
    rendered_max_words: int = option(
        1,
        "words of a rendered image at most; more than 1 gives lines, for an alphabet with the space",
        low=1,
        high=20,
    )
    fonts: Texts = option((), "folders of fonts for rendered words; empty uses the built-in ones")
    backgrounds: Texts = option((), "folders of photographs behind rendered words; empty uses generated textures")
    lexicon: str = option("", "file of words to render, one per line; empty uses the built-in list")


class ReadSetOptions(LmdbRoot):
    """Words to evaluate on."""

    eval_lmdb: Texts = option(("IIIT5k_lmdb",), "LMDBs to evaluate on, as names in lmdb_root or paths")
    eval_label_policy: Literal["keep", "drop", "strip"] = option(
        "keep",
        "texts with characters outside the alphabet; keep counts them as wrong, drop and strip as for label_policy",
    )
