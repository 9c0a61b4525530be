"""Where a generator runs: in a thread of the engine where its networks will be on an NVIDIA card, else in a process.

It is decided at start, from what the driver says and from files, for an engine without a card imports no torch.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

from vpengine.neural.generator import Generator
from vpengine.neural.tensorrt_flavours import FOR_CARDS

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_CUDA_LINE = re.compile(r"^cuda\b[^=]*=\s*['\"](.+)['\"]", re.MULTILINE)


def in_thread(host: str, declared: type[Generator], runtime: str) -> bool:
    """Whether a generator is for a thread. host: the stage file's key. runtime: by name, or ``auto``."""
    if host != "auto":
        return host == "thread"
    chosen = declared.runtimes[0] if runtime == "auto" else runtime
    on_card = chosen in FOR_CARDS or (chosen == "torch" and torch_has_cuda())
    return on_card and cards() > 0


@cache
def cards() -> int:
    """How many NVIDIA cards this process may use; 0 where there is no driver, or one that does not work."""
    try:
        driver = ctypes.CDLL(_DRIVER)
        count = ctypes.c_int(0)
        failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    except (OSError, AttributeError):
        return 0
    return 0 if failed else count.value


def torch_has_cuda() -> bool:
    """Whether the torch that is installed was built for NVIDIA's cards: its own file says so, read and not imported."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    version = Path(found.origin).parent / "version.py"
    return version.is_file() and _CUDA_LINE.search(version.read_text(encoding="utf-8")) is not None
