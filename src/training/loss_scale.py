"""Loss scale of mixed-precision training, kept on the host.

The training step skips its update when a gradient is not finite; this decides what happens next. (MindSpore's
own dynamic scale needs an operator that CPU does not have.)
"""

from dataclasses import dataclass

from src.common.options import OptionError


@dataclass
class LossScaler:
    """The scale, and how it reacts to overflow.

    Dynamic: an overflow halves the scale, `growth_interval` good steps in a row double it. Fixed: the scale
    stays. Either way an overflowed step is skipped and counted, up to the point where nothing can be expected
    to help: the scale is 1 already (dynamic), or `patience` steps in a row overflowed (fixed).
    """

    scale: float = 1.0
    dynamic: bool = False
    enabled: bool = False
    growth_interval: int = 2000
    patience: int = 10
    highest: float = 2.0**24
    good_steps: int = 0
    bad_in_a_row: int = 0
    overflows: int = 0

    @classmethod
    def from_option(cls, option: float | str | None) -> "LossScaler":
        """None or 1: no scaling; a number: fixed; "dynamic": starts at 65536."""
        if option is None:
            return cls()
        if option == "dynamic":
            return cls(scale=2.0**16, dynamic=True, enabled=True)
        if isinstance(option, (int, float)) and not isinstance(option, bool) and 0 < option < float("inf"):
            return cls(scale=float(option), enabled=option != 1)
        raise OptionError(f"loss_scale: {option!r} is not accepted; give a positive number or 'dynamic'")

    def after_step(self, overflowed: bool) -> bool:
        """Count the step and move the scale. False when an overflow is no longer tolerable."""
        if not overflowed:
            self.good_steps += 1
            self.bad_in_a_row = 0
            if self.dynamic and self.good_steps % self.growth_interval == 0:
                self.scale = min(self.scale * 2.0, self.highest)
            return True
        self.overflows += 1
        self.bad_in_a_row += 1
        self.good_steps = 0
        if not self.dynamic:
            return self.enabled and self.bad_in_a_row < self.patience
        tolerable = self.scale > 1.0
        self.scale = max(self.scale / 2.0, 1.0)
        return tolerable

    def state(self) -> dict:
        """What a resumed run needs, JSON values only."""
        return {name: getattr(self, name) for name in ("scale", "good_steps", "bad_in_a_row", "overflows")}

    def restore(self, state: dict) -> None:
        """Continue from `state()`. The scale itself follows the state only if it is dynamic."""
        for name, value in state.items():
            if name != "scale" or self.dynamic:
                setattr(self, name, value)
