"""Whether the parameters of one of the two networks, under MindSpore's names, are all there and fit together."""

from collections.abc import Iterable, Mapping

import numpy as np

from src.common.errors import UserError
from src.weights.array_shapes import misfits, parameter_shapes

NETWORKS = ("crnn", "ctpn")
_MOST_NAMED = 6


def check_fit(params: Mapping[str, np.ndarray], network: str) -> None:
    """Raise UserError that names what is missing, not understood, of a wrong shape, or not a finite number."""
    shapes = parameter_shapes(network)
    problems = [
        f"{what} {_listed(names)}"
        for what, names in (
            ("missing", sorted(shapes.keys() - params.keys())),
            ("not understood", sorted(params.keys() - shapes.keys())),
        )
        if names
    ]
    if not problems:
        wrong = (_described(name, params[name], wanted) for name, wanted in misfits(params, shapes))
        problems = [listed for listed in (_listed(wrong),) if listed] or _not_finite(params)
    if problems:
        raise UserError(f"{network} weights: {'; '.join(problems)}")


def _described(name: str, value: np.ndarray, wanted: tuple[int | str, ...]) -> str:
    if value.ndim != len(wanted):
        return f"{name} {value.shape} has {value.ndim} dimensions instead of {len(wanted)}"
    return f"{name} is {value.shape}, the other parameters want {wanted}"


def _not_finite(params: Mapping[str, np.ndarray]) -> list[str]:
    broken = [name for name, value in params.items() if value.dtype.kind != "f" or not np.isfinite(value).all()]
    return [f"not finite numbers in {_listed(broken)}"] if broken else []


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
