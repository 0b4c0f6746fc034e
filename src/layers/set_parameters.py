"""Values of a network's parameters by their names."""

from collections.abc import Callable

import numpy as np
from mindspore import Tensor, nn


def set_parameters(network: nn.Cell, value_of: Callable[[str, tuple[int, ...]], np.ndarray | None]) -> None:
    """Give each parameter what `value_of` returns for its name and shape; None leaves it as it is."""
    for parameter in network.get_parameters():
        value = value_of(parameter.name, tuple(parameter.shape))
        if value is not None:
            parameter.set_data(Tensor(value))
