"""Files of a cache that several processes share, named by hashes of what they are for."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

STRAY_S = 3600.0  # a file of a write that is older was left by one that was killed


def is_stray(path: Path) -> bool:
    """Whether it is older than any write takes."""
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > STRAY_S
    return False


def canonical(value: Any) -> bytes:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
