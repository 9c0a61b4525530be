"""Files of a cache that several processes share: written whole or not at all, named by hashes of what they are for."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

STRAY_S = 3600.0  # a file of a write that is older was left by one that was killed


def write_whole(path: Path, data: bytes) -> None:
    """All of it or nothing, also where the power goes. Raises OSError."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:  # Ctrl-C and an end by force too: it goes on up, and no half of a file is left
        Path(name).unlink(missing_ok=True)
        raise


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
