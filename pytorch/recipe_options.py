"""Options of both recipes: how long, where to, on what, and how weights are updated."""

from collections.abc import Sequence
from typing import Literal

from src.common.options import NonEmpty, OptionError, Options, Texts, option


class LengthOptions(Options):
    """How long a training is."""

    minutes: float = option(60.0, "length of the whole training; the learning rate is 0 at its end", low=0)
    steps: int = option(0, "length in steps, in place of minutes (then 0)", low=0)
    schedule: Literal["cosine", "constant"] = option(
        "cosine",
        "of the learning rate: cosine falls to 0 at the end; constant has no end (minutes and steps 0) and stays "
        "until cooldown_minutes",
    )
    cooldown_minutes: float = option(
        0.0,
        "with the constant schedule, the rate falls to 0 in so many minutes from now, and the training ends",
        low=0,
    )
    stop_after_minutes: float = option(
        0.0, "pause after so many minutes of this part; --resume goes on; 0 does not pause", low=0
    )


class FolderOptions(Options):
    """Where a training is kept, and what it starts from."""

    output: NonEmpty = option("output/training", "folder for weights, state, log and curve")
    resume: bool = option(False, "go on from the state in output")
    pre_trained: str = option("", "weights to begin with, in any format of this project")


class MachineOptions(Options):
    """What computes."""

    device: str = option("auto", "auto takes a GPU, else the CPU; or cpu, cuda, cuda:1")
    precision: Literal["auto", "bf16", "fp32"] = option(
        "auto", "of the convolutions; auto is bf16 where there are units for it"
    )
    seed: int = option(1, "of weights, rendered samples and random changes", low=0, high=2**32 - 1)


class RenderOptions(Options):
    """What samples are rendered from, and by whom."""

    fonts: Texts = option((), "folders of fonts; empty uses the built-in ones")
    backgrounds: Texts = option((), "folders of photographs behind text; empty uses made-up surfaces")
    lexicon: str = option("", "file of words to render, one per line; empty uses the built-in list")
    workers: int = option(
        1, "processes that make samples; 0 does it on a thread beside the training", low=0, high=256
    )


class UpdateOptions(Options):
    """How the weights are updated (AdamW), and how often the training is logged and evaluated."""

    batch_size: int = option(4, "samples per step", low=1)
    base_lr: float = option(1e-3, "highest learning rate (AdamW)", low=0)
    warmup: float = option(
        0.02, "part of the training in which the rate rises, with the cosine schedule", low=0, high=0.5
    )
    warmup_steps: int = option(100, "steps in which the rate rises, with the constant schedule", low=0)
    weight_decay: float = option(0.02, "of kernels and matrices", low=0)
    beta2: float = option(0.98, "of AdamW", low=0, high=0.9999)
    clip_norm: float = option(5.0, "longest gradient; 0 does not clip", low=0)
    ema: float = option(
        0.998, "decay of the averaged weights that are evaluated and kept; 0 keeps the last ones", low=0, high=0.99999
    )
    log_seconds: float = option(5.0, "seconds between two lines of the log", low=0)
    eval_minutes: float = option(4.0, "minutes between two evaluations", low=0)
    checkpoint_minutes: float = option(4.0, "minutes between two saved states", low=0)


class RunOptions(LengthOptions, FolderOptions, MachineOptions, UpdateOptions):
    """The options of both trainers."""


def leading_words(
    arguments: Sequence[str], about: str | None, command: str, *names: str
) -> tuple[Sequence[str], Sequence[str]]:
    """What stands before the options in the arguments of a command, one word for each of `names`, and the options.

    Raises:
        OptionError: a word is missing.
        SystemExit: 0, after printing `about`, when help is asked for.
    """
    if {"-h", "--help"} & set(arguments):
        print((about or "").strip())
        raise SystemExit(0)
    words, options = arguments[: len(names)], arguments[len(names) :]
    if len(words) < len(names) or any(word.startswith("--") for word in words):
        usage = f"{command} {' '.join(names)} [--key value ...]"
        raise OptionError(f"too few words before the options; expected: {usage}")
    return words, options
