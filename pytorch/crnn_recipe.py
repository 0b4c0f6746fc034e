"""Every key of train_crnn.py; recipes/crnn.yaml is written from it."""

from pathlib import Path
from typing import ClassVar

from pytorch.recipe_options import (
    FolderOptions,
    LengthOptions,
    MachineOptions,
    RenderOptions,
    RunOptions,
    UpdateOptions,
)
from src.common.options import NonEmpty, Numbers, Texts, WholeNumbers, option, with_default
from src.crnn.options import NetworkOptions, StartOptions
from src.data.recognition.options import LmdbRoot, RenderedWordOptions, WordAugment
from src.model_utils.config_file import Config, Sections


class AlphabetOptions(StartOptions):
    """Alphabets and network."""

    alphabet: Texts = option(
        ("digits_lower",),
        "digits_lower (0-9 a-z), printable_ascii, or UTF-8 files with the characters in the order of their classes; "
        "several share one network",
    )
    image_width: WholeNumbers = with_default(NetworkOptions, "image_width", (100,))
    network_width: float = with_default(NetworkOptions, "network_width", 1.0)


class RealWordOptions(LmdbRoot):
    """Words from LMDBs."""

    train_lmdb: Texts = option(
        ("iiit5k_train", "icdar2015_train", "svt_train"), "real training words, as names in lmdb_root or paths"
    )
    train_weight: Numbers = option(
        (), "how often each of them is drawn from, one number each; empty goes by their sizes"
    )
    plain_lmdb: Texts = option(
        (),
        "those whose labels leave out case or punctuation, which neither train nor validate an alphabet with case",
    )
    eval_lmdb: Texts = option(
        ("iiit5k_val", "icdar2015_val", "svt_val"),
        "words that choose the best weights, as names in lmdb_root or paths",
    )


class PoolOptions(RenderOptions):
    """Words rendered while training."""

    flat_start_steps: int = option(
        0,
        "first steps, on short words whose letters are learned as if all were equally wide, instead of by CTC",
        low=0,
    )
    rendered_share: float = option(0.75, "part of the training words that is rendered, 0 to 1", low=0, high=1)
    rendered_max_words: int = with_default(RenderedWordOptions, "rendered_max_words", 1)
    width_share: Numbers = option(
        (), "how much is rendered of each width, one number each; empty goes with 1 / width squared"
    )
    pool_size: int = option(8000, "rendered words that are kept to draw from", low=1)
    max_reuse: float = option(
        2.0, "times a rendered word is drawn on average before training waits for newer ones", low=1
    )


class ChangeOptions(WordAugment):
    """Changes of real words."""

    rendered_augment: float = option(
        0.5, "how much rarer these changes are for rendered words, which all differ already", low=0, high=1
    )
    padded_share: float = option(
        0.0,
        "part of the batches that are filled up to a wider width, for use with fewer widths than in training",
        low=0,
        high=1,
    )


class CrnnRecipe(AlphabetOptions, RealWordOptions, PoolOptions, ChangeOptions, RunOptions, Config):
    """Words of any alphabets."""

    output: NonEmpty = with_default(FolderOptions, "output", "output/crnn_pytorch")
    pre_trained: str = with_default(
        FolderOptions,
        "pre_trained",
        "",
        "weights to begin with, in any format of this project; another alphabet gets a new head",
    )
    batch_size: int = option(64, "words per step, of the narrowest width; wider ones get fewer", low=2)
    warmup_steps: int = with_default(UpdateOptions, "warmup_steps", 200)
    crop_prob: float = with_default(WordAugment, "crop_prob", 0.5)
    perspective_prob: float = with_default(WordAugment, "perspective_prob", 0.4)
    rotate_prob: float = with_default(WordAugment, "rotate_prob", 0.3)
    rotate_max: float = with_default(WordAugment, "rotate_max", 4.0)
    blur_prob: float = with_default(WordAugment, "blur_prob", 0.15)
    tone_prob: float = with_default(WordAugment, "tone_prob", 0.4)
    invert_prob: float = with_default(WordAugment, "invert_prob", 0.1)
    noise_prob: float = with_default(WordAugment, "noise_prob", 0.2)

    title = "Words, 36 characters: every key of train_crnn.py"
    file = Path(__file__).with_name("recipes") / "crnn.yaml"
    note = "A GPU: --batch_size 1024 --base_lr 1.2e-3 --pool_size 400000 --max_reuse 6 --workers 8 --ema 0.9995"
    written_by = "python -m pytorch.write_recipes"
    sections: ClassVar[Sections] = {
        "how long, and where to": (LengthOptions, FolderOptions),
        "where it runs": (MachineOptions,),
        "alphabets and network": (AlphabetOptions,),
        "real words": (RealWordOptions,),
        "words rendered while training": (PoolOptions,),
        "changes of real words": (ChangeOptions,),
        "training": (UpdateOptions,),
    }
