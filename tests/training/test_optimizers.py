import numpy as np
import pytest

from src.common.errors import UserError
from src.training.optimizers import OPTIMIZERS, learning_rate_table, make_optimizer
from src.training.run_state import optimizer_arrays, restore_optimizer

ms = pytest.importorskip("mindspore")
pytestmark = pytest.mark.usefixtures("graph_mode")

RATES = np.array([0.1, 0.2, 0.05, 0.1], np.float32)
DECAY = 0.1
SHAPES = {"weight": (3, 4), "bias": (4,)}


def draw(seed):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


def parameters():
    return [ms.Parameter(ms.Tensor(array), name=name) for name, array in draw(0).items()]


def steps(optimizer, count, first=1):
    for step in range(first, first + count):
        optimizer(tuple(ms.Tensor(array) for array in draw(step).values()))
    return {param.name: param.asnumpy().copy() for param in optimizer.parameters}


def momentum(w, g, rate, decay, memory):
    memory["v"] = 0.9 * memory.get("v", 0) + g + decay * w
    return w - rate * memory["v"]


def adam(w, g, rate, decay, memory, *, decoupled=False):
    t = memory["t"] = memory.get("t", 0) + 1
    if decoupled:
        w = w * (1 - rate * decay)
    else:
        g = g + decay * w
    m = memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    v = memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g * g
    return w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def adamw(w, g, rate, decay, memory):
    return adam(w, g, rate, decay, memory, decoupled=True)


def adadelta(w, g, rate, decay, memory):
    g = g + decay * w
    a = memory["a"] = 0.9 * memory.get("a", 0) + 0.1 * g * g
    u = np.sqrt(memory.get("u", 0) + 1e-6) / np.sqrt(a + 1e-6) * g
    memory["u"] = 0.9 * memory.get("u", 0) + 0.1 * u * u
    return w - rate * u


PLAIN = {"momentum": momentum, "adadelta": adadelta, "adam": adam, "adamw": adamw}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_numpy_with_schedule_and_decay(name):
    ours = make_optimizer(name, parameters(), RATES, weight_decay=DECAY)
    result = steps(ours, len(RATES))
    for key, start in draw(0).items():
        w, memory = start.astype(np.float64), {}
        for step, rate in enumerate(RATES, 1):
            decay = DECAY if key == "weight" else 0.0
            w = PLAIN[name](w, draw(step)[key].astype(np.float64), float(rate), decay, memory)
        np.testing.assert_allclose(result[key], w, rtol=2e-5, atol=2e-6, err_msg=key)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_continues_bit_for_bit(name):
    straight = steps(make_optimizer(name, parameters(), RATES, weight_decay=DECAY), 4)
    first = make_optimizer(name, parameters(), RATES, weight_decay=DECAY)
    halfway, state = steps(first, 2), optimizer_arrays(first)
    fresh = [ms.Parameter(ms.Tensor(array), name=key) for key, array in halfway.items()]
    second = make_optimizer(name, fresh, RATES, weight_decay=DECAY)
    restore_optimizer(second, state)
    continued = steps(second, 2, first=3)
    for key, array in straight.items():
        np.testing.assert_array_equal(continued[key], array)


def test_state_holds_no_weights_and_no_schedule():
    names = set(optimizer_arrays(make_optimizer("momentum", parameters(), RATES)))
    assert names == {"global_step", "momentum", "moments.weight", "moments.bias"}


def test_state_of_another_optimizer_is_refused_by_name():
    state = optimizer_arrays(make_optimizer("momentum", parameters(), RATES))
    with pytest.raises(UserError, match=r"adam_?|moment1\.weight"):
        restore_optimizer(make_optimizer("adamw", parameters(), RATES), state)


@pytest.mark.parametrize("rates", [RATES, RATES[:1]])
def test_the_table_comes_back(rates):
    np.testing.assert_array_equal(learning_rate_table(make_optimizer("adamw", parameters(), rates)), rates)


def test_bad_arguments():
    with pytest.raises(ValueError, match="'sgd' is not one of"):
        make_optimizer("sgd", parameters(), RATES)
    with pytest.raises(UserError, match="no trainable"):
        make_optimizer("adam", [], RATES)
    with pytest.raises(ValueError, match="learning_rates"):
        make_optimizer("adam", parameters(), np.float32(0.1))
