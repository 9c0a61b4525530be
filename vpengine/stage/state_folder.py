"""Where the engine remembers from one run to the next: small files of this user's, none of which a show needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

OVERRIDE = "VPENGINE_STATE"


def state_folder() -> Path:
    """$VPENGINE_STATE, or the system's own place for what programs remember. It need not exist."""
    named = os.environ.get(OVERRIDE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "vpengine"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "vpengine"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "vpengine"
