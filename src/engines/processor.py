"""What the processor of this machine is, as far as it decides how fast a network runs."""

import platform
from pathlib import Path

# Flags of /proc/cpuinfo: matrix and vector units of x86, and of ARM, that multiply bfloat16.
BF16_FLAGS = ("amx_bf16", "avx512_bf16", "bf16", "svebf16")
VECTOR_FLAGS = ("avx512f", "avx2", "avx", "asimd")  # the widest comes first


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The flags of the first processor; none where the system does not list them this way."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = (line.partition(":")[2] for line in lines if line.split(":")[0].strip() in ("flags", "Features"))
    return frozenset(next(found, "").split())


def has_bf16_units(flags: frozenset[str] | None = None) -> bool:
    """Whether this processor multiplies bfloat16; elsewhere it is emulated and slower than float32."""
    return not (processor_flags() if flags is None else flags).isdisjoint(BF16_FLAGS)


def describe_processor(flags: frozenset[str] | None = None) -> str:
    """In words: its kind, its widest vector unit, and whether it computes bfloat16."""
    flags = processor_flags() if flags is None else flags
    if not flags:
        return f"{platform.machine()}, units not known"
    vector = next((flag for flag in VECTOR_FLAGS if flag in flags), "no vector unit")
    units = [flag for flag in BF16_FLAGS if flag in flags]
    return f"{platform.machine()}, {vector}, {'bf16 units: ' + ', '.join(units) if units else 'no bf16 units'}"
