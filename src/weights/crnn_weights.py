"""Weights of the recognition network and the alphabet they were trained for.

A checkpoint alone does not define which character a class is, so training keeps `alphabet.txt` beside its
checkpoints, and whoever loads one of them looks at it.
"""

from pathlib import Path

from mindspore import nn

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.options import OptionError
from src.crnn.alphabet import Alphabet
from src.crnn.checkpoint_formats import HEAD_NAMES, for_alphabet, mindspore_crnn
from src.crnn.topology import ALPHABET_FILE
from src.weights.weights_file import load_weights, read_weights


def write_alphabet(folder: Path, alphabet: Alphabet) -> None:
    """Keep the alphabet beside the checkpoints of `folder`.

    Raises:
        UserError: a training with another alphabet has its checkpoints there.
    """
    file = folder / ALPHABET_FILE
    if file.exists() and Alphabet.from_file(file).characters != alphabet.characters:
        raise OptionError(f"alphabet: differs from {file}; use the same one, or another save_checkpoint_path")
    write_atomically(file, [alphabet.characters.encode()])


def alphabet_of(checkpoint: str | Path) -> Alphabet | None:
    """The alphabet kept beside a checkpoint, None where there is none."""
    file = Path(checkpoint).with_name(ALPHABET_FILE)
    return Alphabet.from_file(file) if file.is_file() else None


def load_trained(network: nn.Cell, checkpoint: str | Path, alphabet: Alphabet) -> None:
    """All weights of a checkpoint in any format and naming, for reading with `alphabet`.

    Raises:
        UserError: missing, damaged, of another shape, or trained for another alphabet.
    """
    params = mindspore_crnn(read_weights(checkpoint))
    kept = alphabet_of(checkpoint)
    if kept is not None and kept.characters != alphabet.characters:
        raise UserError(
            f"{checkpoint}: trained for {len(kept.characters)} characters, alphabet has {len(alphabet.characters)}, "
            f"or others; use --alphabet {Path(checkpoint).with_name(ALPHABET_FILE)}"
        )
    load_weights(network, params)


def load_pre_trained(network: nn.Cell, checkpoint: str | Path, alphabet: Alphabet) -> list[str]:
    """Weights to train on from; the head stays as initialized when it was made for another alphabet.

    Returns:
        The names of the parameters that were left as they were.

    Raises:
        UserError: missing, damaged, or of another shape elsewhere than in the head.
    """
    params, remade = for_alphabet(mindspore_crnn(read_weights(checkpoint)), alphabet.num_classes)
    kept = alphabet_of(checkpoint)
    if kept is not None and kept.characters != alphabet.characters:
        remade = list(HEAD_NAMES)
        params = {name: value for name, value in params.items() if name not in HEAD_NAMES}
    load_weights(network, params, allow_missing=remade)
    return remade
