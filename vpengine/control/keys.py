"""Which key presses which button, in any window of the engine. Escape, twice, ends the show."""

from __future__ import annotations

from collections.abc import Mapping

from vpengine.control import buttons

# By what a key is called (gpu.window); the ones that matter most are far apart.
KEYS: Mapping[str, str] = {
    "space": buttons.GO,
    "backspace": buttons.BACK,
    "p": buttons.PAUSE,
    "s": buttons.SAFE,
    "f12": buttons.SAFE,
    "shift+s": buttons.RELEASE,
    "shift+f12": buttons.RELEASE,
    "r": buttons.ROLL,
    "c": buttons.CUT,
    "k": buttons.KEEP,
}
