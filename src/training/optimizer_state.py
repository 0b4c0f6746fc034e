"""What an optimizer remembers between steps, out of it and back into it."""

import numpy as np
from mindspore import Parameter, Tensor, nn

from src.common.errors import UserError


def optimizer_arrays(optimizer: nn.Optimizer) -> dict[str, np.ndarray]:
    """Copies of the step counter and the moments by name; neither the weights nor the learning rate table."""
    return {name: param.asnumpy().copy() for name, param in _remembered(optimizer).items()}


def restore_optimizer(optimizer: nn.Optimizer, arrays: dict[str, np.ndarray]) -> None:
    """Put `optimizer_arrays` back; UserError if they are of another optimizer or network."""
    remembered = _remembered(optimizer)
    expected = {name: tuple(param.shape) for name, param in remembered.items()}
    given = {name: array.shape for name, array in arrays.items()}
    if expected != given:
        differing = sorted(n for n in expected.keys() | given.keys() if expected.get(n) != given.get(n))
        raise UserError(f"resume: the checkpoint is of another optimizer; these differ: {', '.join(differing[:8])}")
    for name, param in remembered.items():
        param.set_data(Tensor(arrays[name].copy(), param.dtype))


def _remembered(optimizer: nn.Optimizer) -> dict[str, Parameter]:
    weights = {id(param) for param in optimizer.parameters}
    return {
        name: param
        for name, param in optimizer.parameters_and_names()
        # The table comes from the configuration; a longer training may be given when resuming.
        if id(param) not in weights and not name.startswith("learning_rate")
    }
