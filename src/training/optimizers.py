"""Optimizers by name. Weight decay is kept away from batch-norm scales and biases."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.common.errors import UserError

OPTIMIZERS = ("momentum", "adadelta", "adam", "adamw")


def make_optimizer(
    name: str,
    parameters: list[Parameter],
    learning_rates: np.ndarray,
    *,
    weight_decay: float = 0.0,
    momentum: float = 0.9,
) -> nn.Optimizer:
    """An optimizer over trainable `parameters`.

    Args:
        name: one of `OPTIMIZERS`. momentum, adadelta (rho 0.9, eps 1e-6) and adam add the decay to the
            gradient (L2); adamw takes lr * decay * weight off the weight (Loshchilov & Hutter 2019).
        parameters: usually `network.trainable_params()`.
        learning_rates: (steps,) table of `lr_schedule`.
        weight_decay: strength of the decay.
        momentum: of momentum only.

    Raises:
        UserError: no parameters.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer: {name!r} is not one of {', '.join(OPTIMIZERS)}")
    if not parameters:
        raise UserError("optimizer: the network has no trainable parameter")
    table = np.asarray(learning_rates, np.float32)
    if table.ndim != 1 or len(table) < 1:
        raise ValueError(f"learning_rates: shape {table.shape}, a table (steps,) expected")
    # A table of one entry would be taken for a constant by the optimizers and lose its step counter.
    rates = Tensor(np.append(table, table[-1]))
    groups = parameters
    if weight_decay and name != "adamw":
        groups = _decay_groups(parameters, weight_decay)
    if name == "momentum":
        return nn.Momentum(groups, rates, momentum, weight_decay=weight_decay)
    if name == "adadelta":
        return nn.Adadelta(groups, rates, rho=0.9, epsilon=1e-6, weight_decay=weight_decay)
    if name == "adam":
        return nn.Adam(groups, rates, weight_decay=weight_decay)
    decayed = tuple(is_decayed(p) for p in parameters)
    return AdamW(parameters, rates, weight_decay, decayed)


def is_decayed(parameter: Parameter) -> bool:
    """Convolution kernels and matrices are decayed; scales, shifts and biases (one-dimensional) are not."""
    return parameter.ndim > 1


def learning_rate_table(optimizer: nn.Optimizer) -> np.ndarray:
    """The table that `make_optimizer` gave to `optimizer`, (steps,) float32."""
    return optimizer.learning_rate.learning_rate.asnumpy()[:-1]


def _decay_groups(parameters: list[Parameter], weight_decay: float) -> list[dict]:
    decayed = [p for p in parameters if is_decayed(p)]
    plain = [p for p in parameters if not is_decayed(p)]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]] + [{"order_params": parameters}]


class AdamW(nn.Optimizer):
    """Adam with bias correction and decoupled weight decay.

    `nn.AdamWeightDecay` lacks the bias correction, so its first steps are several times too long.

    w <- w * (1 - lr * decay) for decayed w, then Adam (Kingma & Ba 2015) with the fused kernel.
    """

    def __init__(
        self,
        parameters: list[Parameter],
        learning_rate: Tensor,
        weight_decay: float,
        decayed: tuple[bool, ...],
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ):
        super().__init__(learning_rate, parameters)
        self.decay = float(weight_decay)
        self.decayed = decayed
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.beta1_power = Parameter(Tensor(1.0, ms.float32), name="beta1_power")
        self.beta2_power = Parameter(Tensor(1.0, ms.float32), name="beta2_power")
        self.moment1 = self._parameters.clone(prefix="moment1", init="zeros")
        self.moment2 = self._parameters.clone(prefix="moment2", init="zeros")
        self.apply_adam = ops.Adam()

    def construct(self, gradients: tuple[Tensor, ...]) -> bool:
        rate = self.get_lr()
        self.assignadd(self.global_step, self.global_step_increase_tensor)
        power1 = self.beta1_power * self.beta1
        power2 = self.beta2_power * self.beta2
        self.beta1_power = power1
        self.beta2_power = power2
        for i in range(len(self.decayed)):
            weight = self._parameters[i]
            if self.decayed[i] and self.decay > 0:
                ops.assign(weight, weight * (1.0 - rate * self.decay))
            self.apply_adam(
                weight,
                self.moment1[i],
                self.moment2[i],
                power1,
                power2,
                rate,
                self.beta1,
                self.beta2,
                self.epsilon,
                gradients[i],
            )
        return True
