"""The account of what a loader could not use."""

import threading

from src.common.errors import UserError


class BadSamples:
    """Samples that could not be used: `reasons` maps a name to why, `total` counts all samples."""

    def __init__(self, total: int, max_bad_ratio: float) -> None:
        if not 0 <= max_bad_ratio <= 1:
            raise ValueError(f"max_bad_ratio = {max_bad_ratio!r}: accepted are numbers from 0 to 1")
        self.total = total
        self.max_bad_ratio = max_bad_ratio
        self.reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, name: str, reason: str) -> None:
        """Note a bad sample, once however often it is met; UserError above the accepted share."""
        with self._lock:
            self.reasons[name] = reason
            if len(self.reasons) > self.max_bad_ratio * self.total:
                first = "; ".join(f"{bad}: {why}" for bad, why in list(self.reasons.items())[:3])
                raise UserError(
                    f"{len(self.reasons)} of {self.total} samples cannot be used, more than "
                    f"max_bad_ratio = {self.max_bad_ratio} allows: {first}"
                )
