"""Files with damage anywhere, for what reads them."""

from __future__ import annotations

import os

import numpy as np

LONG = "VPENGINE_FUZZ_CASES" in os.environ
CASES = int(os.environ.get("VPENGINE_FUZZ_CASES", "40"))  # of each file; VPENGINE_FUZZ_CASES=10000 takes half an hour
PACKETS = 100_000 if LONG else 10_000
LIMIT_S = 0 if LONG else 120  # for a test that reads so many; 0 is none


def damaged(content: bytes, number: int) -> bytes:
    """Some bytes changed, a part taken out, or the end cut off, by the number of the case."""
    random = np.random.default_rng(number)
    data = bytearray(content)
    for at in random.integers(0, len(data), random.integers(1, 12)):
        data[at] = int(random.integers(0, 256))
    if number % 3 == 1:
        del data[int(random.integers(0, len(data))) :]
    if number % 3 == 2:
        first = int(random.integers(0, len(data)))
        del data[first : first + int(random.integers(1, 200))]
    return bytes(data)
