"""Channel counts, parameter names and shapes of the building blocks of both networks, without a framework.

A size is a number, a letter that stands for the same size wherever it appears in one network (the networks come
in several widths), or a multiple of one ("4*h").
"""

Size = int | str
Shapes = dict[str, tuple[Size, ...]]

NORM_PARTS = ("gamma", "beta", "moving_mean", "moving_variance")
LSTM_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
DIRECTIONS = ("", "_reverse")


def scale_channels(channels: int, width_mult: float) -> int:
    """Channels of a layer in a network `width_mult` times as wide: a multiple of 8, at least 8."""
    return max(8, round(channels * width_mult / 8) * 8)


def norm_shapes(layer: str, channels: Size) -> Shapes:
    """Batch normalization."""
    return {f"{layer}.{part}": (channels,) for part in NORM_PARTS}


def lstm_shapes(layer: str, inputs: Size, hidden: str) -> Shapes:
    """Bidirectional LSTM, gates in the order i, f, g, o."""
    gates = f"4*{hidden}"
    sizes: dict[str, tuple[Size, ...]] = dict(
        zip(LSTM_PARTS, ((gates, inputs), (gates, hidden), (gates,), (gates,)), strict=True)
    )
    return {f"{layer}.{part}_l0{direction}": size for direction in DIRECTIONS for part, size in sizes.items()}


def linear_shapes(layer: str, inputs: Size, outputs: Size) -> Shapes:
    """Dense layer with bias."""
    return {f"{layer}.weight": (outputs, inputs), f"{layer}.bias": (outputs,)}
