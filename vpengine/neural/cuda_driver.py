"""NVIDIA's driver, as far as it is known without a library that takes seconds to import."""

from __future__ import annotations

import ctypes
import sys

MANAGEMENT = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"  # comes with the driver
_LONGEST = 96


def card_in_words(name: str, driver: str) -> str:
    """A card with its driver, as provenance has it: another driver may round otherwise."""
    return f"{name}, driver {driver}" if driver else name


def driver_version(library: str = MANAGEMENT) -> str:
    """As nvidia-smi has it, "580.65.06"; empty where there is no driver, or it does not work."""
    version = ctypes.create_string_buffer(_LONGEST)
    try:
        management = ctypes.CDLL(library)
        if management.nvmlInit_v2() != 0:
            return ""
        failed = management.nvmlSystemGetDriverVersion(version, _LONGEST)
        management.nvmlShutdown()
    except (OSError, AttributeError):  # not there, or too old to have that
        return ""
    return "" if failed else version.value.decode("ascii", "replace")
