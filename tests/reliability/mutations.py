"""Damaged and forged versions of sound files, always the same ones for a seed."""

import base64
import os
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from src.common.errors import UserError

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0.3"))
MOST_SECONDS = 2  # of processor time, for one input
_MOST_MEMORY = 1 << 30
# Lengths, counts and marks at which readers have failed before.
_NUMBERS = [
    value.to_bytes(size, order, signed=value < 0)
    for size in (1, 2, 4, 8)
    for value in (0, 1, -1, 2 ** (8 * size - 1) - 1, -(2 ** (8 * size - 1)))
    for order in ("little", "big")
]


def mutations(samples: Sequence[bytes], tokens: Sequence[bytes], seed: int = 0) -> Iterator[bytes]:
    """Endless variants of `samples`; `tokens` are pieces that mean something in their format."""
    generator = random.Random(seed)
    pieces = [*_NUMBERS, *tokens]
    while True:
        data = bytearray(generator.choice(samples))
        for _ in range(generator.randint(1, 4)):
            _change(data, generator, pieces, samples)
        yield bytes(data)


def _change(data: bytearray, generator: random.Random, pieces: list[bytes], samples: Sequence[bytes]) -> None:
    place = generator.randint(0, len(data))
    span = generator.randint(1, 1 + len(data) // 4)
    match generator.randrange(7):
        case 0 if place < len(data):
            data[place] ^= 1 << generator.randrange(8)
        case 1:
            data[place : place + 1] = bytes([generator.randrange(256)])
        case 2:
            piece = generator.choice(pieces)
            data[place : place + len(piece)] = piece
        case 3:
            data[place:place] = generator.choice(pieces) * generator.choice((1, 1, 1, 50))
        case 4:
            del data[place : place + span]
        case 5:
            data[place:place] = data[place : place + span]
        case _:
            other = generator.choice(samples)
            start = generator.randint(0, len(other))
            data[place : place + span] = other[start : start + span]


def refuses_or_reads(read: Callable[[bytes], object], samples: Sequence[bytes], tokens: Sequence[bytes] = ()) -> None:
    """Give variants to `read` for a while; it may return or raise UserError, and nothing else.

    The whole process may grow by a gigabyte meanwhile: a length that lies must not be believed.
    """
    for sample in samples:
        read(sample)
    end = time.monotonic() + SECONDS
    refused = 0
    with _limited_memory():
        for data in mutations(samples, tokens):
            begun = time.process_time()
            try:
                read(data)
            except UserError as error:
                refused += 1
                assert len(str(error)) < 4000
            except Exception as error:
                shown = base64.b64encode(data).decode()
                raise AssertionError(f"{error!r} instead of a UserError; base64 of the input: {shown}") from error
            spent = time.process_time() - begun
            assert spent < MOST_SECONDS, f"{spent} s for {base64.b64encode(data).decode()}"
            late = time.monotonic() - end
            if late > 0 and (refused or late > 60):  # a busy machine may have tried only what is accepted by then
                break
    assert refused > 0


@contextmanager
def _limited_memory() -> Iterator[None]:
    with open("/proc/self/statm", encoding="ascii") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + _MOST_MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
