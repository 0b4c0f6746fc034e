"""Whether the arrays of a weights file fit together, before a network is made of them.

A runtime with free input sizes finds out in the middle of the first image. The sizes of the layers are free (the
networks have a width); what is checked is that each layer takes what the one before it gives.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from src.common.errors import UserError
from src.layers.parameter_shapes import Shapes, Size
from src.weights.network_kinds import KINDS


def parameter_shapes(network: str) -> Shapes:
    """Sizes by parameter name of a "ctpn" or a "crnn"."""
    return KINDS[network].parameter_shapes()


def check_shapes(network: str, params: Mapping[str, np.ndarray]) -> None:
    """Raise UserError with the first array of a "ctpn" or "crnn" that is missing or does not fit the others."""
    try:
        for name, wanted in misfits(params, parameter_shapes(network)):
            raise UserError(f"parameter {name} is {params[name].shape}; the other ones need {wanted}")
    except KeyError as error:
        raise UserError(f"parameter {error} is missing") from None


def misfits(params: Mapping[str, np.ndarray], shapes: Shapes) -> Iterator[tuple[str, tuple[Size, ...]]]:
    """Each array that does not fit those before it, and the shape that they need.

    Raises:
        KeyError: an array is missing.
    """
    known: dict[str, int] = {}
    for name, sizes in shapes.items():
        found = params[name].shape
        if len(found) != len(sizes):
            yield name, sizes
            continue
        wanted = tuple(_resolved(size, there, known) for size, there in zip(sizes, found, strict=True))
        if found != wanted:
            yield name, wanted


def _resolved(size: Size, found: int, known: dict[str, int]) -> int:
    """The size that is wanted where `found` is; an unknown letter takes what it finds."""
    if isinstance(size, int):
        return size
    factor, _, letter = size.rpartition("*")
    return int(factor or 1) * known.setdefault(letter, max(found // int(factor or 1), 1))
