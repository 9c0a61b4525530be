"""A page of buttons for Bitfocus Companion: an export of one page, as Companion 4 writes and imports it.

The connection is its own "Generic: OSC", which listens, so that buttons show what is so: SAFE, ROLL, LOCK and PAUSE.
Read from the public source of Companion (version 6 of its exports, which all later ones take and convert) and of that
module.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from vpengine.control import displays
from vpengine.control.buttons import BUTTONS, GO, LOCK, PANIC, PAUSE, RELEASE, ROLL, SAFE
from vpengine.remote.osc_messages import SCENE

COLUMNS, ROWS = 8, 4  # of the usual Stream Deck
CONNECTION = "vpengine"
RED, GREEN, AMBER, BLUE, GREY, WHITE = 0xCC0000, 0x108030, 0xB06000, 0x204080, 0x303030, 0xFFFFFF
COLORS = {GO: GREEN, SAFE: RED, RELEASE: AMBER, ROLL: RED}
BRIGHT = 0xFFE000  # of a button whose state is on
STATES = {SAFE: displays.SAFE, ROLL: displays.ROLLING, LOCK: displays.LOCK, PAUSE: displays.PAUSED}
FEEDBACK_PORT = 9003  # where Companion listens: beside the engine's own ports, and its own


def companion_page(name: str, scenes: Sequence[tuple[str, str]], port: int) -> bytes:
    """The file. SAFE is in the upper right corner; then what is pressed, then the scenes (slugs and names) in order.

    The engine's address is this machine's until it is changed in Companion. Buttons that carry a number or a text are
    left out.
    """
    presses = [one.address for one in BUTTONS if one.argument == "press" and one.address not in (SAFE, PANIC)]
    cells = [_button(address.removeprefix("/vp/").replace("/", "\\n"), address) for address in presses]
    cells.insert(COLUMNS - 1, _button("SAFE", SAFE))
    cells += [None] * (-len(cells) % COLUMNS)
    cells += [_button(words, f"{SCENE}/{slug}", BLUE) for slug, words in scenes]
    rows = [cells[at : at + COLUMNS] for at in range(0, len(cells), COLUMNS)]
    controls = {
        str(row): {str(column): cell for column, cell in enumerate(line) if cell} for row, line in enumerate(rows)
    }
    grid = {"minColumn": 0, "maxColumn": COLUMNS - 1, "minRow": 0, "maxRow": max(len(rows), ROWS) - 1}
    page = {"name": name, "controls": controls, "gridSize": grid}
    exported = {
        "version": 6,
        "type": "page",
        "page": page,
        "instances": {CONNECTION: _connection(port)},
        "oldPageNumber": 1,
    }
    return (json.dumps(exported, indent=2) + "\n").encode("utf-8")


def _connection(port: int) -> dict[str, Any]:
    return {
        "instance_type": "generic-osc",
        "label": CONNECTION,
        "config": {
            "host": "127.0.0.1",
            "port": str(port),
            "targetPort": str(port),
            "protocol": "udp",
            "listen": True,
            "feedbackPort": str(FEEDBACK_PORT),
        },
        "isFirstInit": False,
        "lastUpgradeIndex": -1,
        "enabled": True,
    }


def _button(text: str, address: str, color: int = GREY) -> dict[str, Any] | None:
    press = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, address)),  # the same page is the same file
        "instance": CONNECTION,
        "action": "send_int",
        "options": {"path": address, "int": "1"},
    }
    return {
        "type": "button",
        "style": {
            "text": text,
            "size": "auto",
            "alignment": "center:center",
            "pngalignment": "center:center",
            "color": WHITE,
            "bgcolor": COLORS.get(address, color),
            "show_topbar": "default",
        },
        "options": {"rotaryActions": False, "stepAutoProgress": True},
        "feedbacks": [_shows(STATES[address])] if address in STATES else [],
        "steps": {"0": {"action_sets": {"down": [press], "up": []}, "options": {"runWhileHeld": []}}},
    }


def _shows(state: str) -> dict[str, Any]:
    """The button is bright while a display of the engine's is 1."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, state)),
        "instance_id": CONNECTION,
        "type": "osc_feedback_int",
        "options": {"path": state, "arguments": "1", "comparison": "equal"},
        "isInverted": False,
        "style": {"bgcolor": BRIGHT, "color": 0},
    }
