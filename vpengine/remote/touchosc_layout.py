"""A tablet's pages for TouchOSC, made from what a stage declares: cues and scenes, look, approvals, grade, health.

Every page has the same strip below with SAFE in its corner, so that it is where the hand expects it. A page that is
full goes on in another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from vpengine.control import displays
from vpengine.control.buttons import (
    APPROVE,
    BUTTONS,
    CANDIDATE,
    GO,
    PANIC,
    RELEASE,
    REVOKE,
    ROLL,
    SAFE,
    TAKE_PREVIEW,
    TEMPORARY,
    Button,
)
from vpengine.control.controls import Control
from vpengine.control.displays import DISPLAYS, Display
from vpengine.remote.osc_messages import LOOK, PREVIEW_LOOK, PREVIEW_OFF, PREVIEW_SCENE, SCENE, SUBSCRIBE
from vpengine.remote.touchosc import Frame, Node, Osc, Rgb, button, fader, file_of, group, page, pager, text

T = TypeVar("T")

SIZE = (1024, 768)  # a tablet's; TouchOSC scales it to any other
TAB, STRIP, GAP = 44, 108, 8
LOOK_FOLDERS = (LOOK, "/vp/neural/")
KEY_FOLDERS = ("/vp/key/", "/vp/picture/")
MONITOR_FOLDER = "/vp/monitor/"
STRIP_DISPLAYS = (displays.CUE, displays.NEXT, displays.REFUSED, displays.TIMECODE)
CUE_DISPLAYS = (
    *(displays.NOTES, displays.PROGRESS, displays.PAUSED),
    *(displays.SCENE, displays.STANDBY, displays.TAKE),
)
PREVIEW_FADERS, APPROVERS_A_PAGE = 8, 5
DECISIONS = {APPROVE: "APPROVE", TEMPORARY: "once", CANDIDATE: "candidate", REVOKE: "take back"}
CONTROLS_A_PAGE, SCENES_FIRST, SCENES_A_PAGE = 14, 12, 36

RED, GREEN, BLUE, AMBER, GREY = (0.9, 0.1, 0.1), (0.1, 0.6, 0.25), (0.2, 0.45, 0.8), (0.85, 0.55, 0.1), (0.4, 0.4, 0.43)
COLORS: dict[str, Rgb] = {GO: GREEN, SAFE: RED, PANIC: RED, RELEASE: AMBER, ROLL: RED}

RECEIVE_PORT = 9000  # which the operator sets in TouchOSC; over TCP it means nothing
ASKING = f"""local receivePort = {RECEIVE_PORT} -- as in Connections, OSC
local asked = -1000000
function update()
  if getMillis() - asked > 10000 then
    asked = getMillis()
    sendOSC('{SUBSCRIBE}', receivePort)
  end
end
"""


def layout(
    name: str, controls: Sequence[Control], scenes: Sequence[tuple[str, str]], approvers: Sequence[str] = ()
) -> bytes:
    """The .tosc file. name: the stage's. scenes: slugs and names in the show's order. approvers: who decides on looks.

    Buttons that carry a number or a text are left out: TouchOSC has nothing to type with. Those of approvers have their
    names with them.
    """
    body = Frame(0.0, 0.0, SIZE[0], SIZE[1] - TAB).inset(GAP)
    body = Frame(body.x, body.y, body.width, body.height - STRIP)
    look = [control for control in controls if control.address.startswith(LOOK_FOLDERS)]
    key = [control for control in controls if control.address.startswith(KEY_FOLDERS)]
    monitor = [control for control in controls if control.address.startswith(MONITOR_FOLDER)]
    grade = [control for control in controls if control not in (*look, *key, *monitor)]
    contents = [
        ("cues", _cues(body, scenes[:SCENES_FIRST])),
        *_numbered("scenes", [_scenes(body, part) for part in _parts(scenes[SCENES_FIRST:], SCENES_A_PAGE)]),
        *_numbered("look", [_controls(body, part) for part in _parts(look, CONTROLS_A_PAGE)]),
        *_numbered("approve", [_approvals(body, look, part) for part in _parts(approvers, APPROVERS_A_PAGE)]),
        *_numbered("grade", [_controls(body, part) for part in _parts(grade, CONTROLS_A_PAGE)]),
        *_numbered("key", [_controls(body, part) for part in _parts(key, CONTROLS_A_PAGE)]),
        *_numbered("monitor", [_controls(body, part) for part in _parts(monitor, CONTROLS_A_PAGE)]),
        ("health", _health(body)),
    ]
    frame = Frame(0.0, TAB, SIZE[0], SIZE[1] - TAB)
    strip = Frame(body.x, body.y + body.height + GAP, body.width, STRIP - GAP)
    pages = [page(title, frame, [*nodes, *_strip(strip)]) for title, nodes in contents]
    canvas = Frame(0.0, 0.0, *SIZE)
    return file_of(group(name, canvas, [pager("pages", canvas, pages, TAB)], script=ASKING))


def _parts(items: Sequence[T], most: int) -> list[Sequence[T]]:
    return [items[at : at + most] for at in range(0, len(items), most)]


def _numbered(title: str, pages: list[list[Node]]) -> list[tuple[str, list[Node]]]:
    return [(title if number == 1 else f"{title} {number}", nodes) for number, nodes in enumerate(pages, 1)]


def _strip(frame: Frame) -> Iterator[Node]:
    """SAFE, the way back from it, and what the operator reads all the time."""
    safe, rest = frame.left(180.0, GAP)
    back, rest = rest.left(120.0, GAP)
    yield from _pressed(_button(SAFE), safe, "SAFE", 34)
    yield from _pressed(_button(RELEASE), back, "back to the program", 16)
    for address, cell in zip(STRIP_DISPLAYS, rest.grid(2, 2, GAP), strict=True):
        yield from _display(_known(address), cell)


def _cues(frame: Frame, scenes: Sequence[tuple[str, str]]) -> list[Node]:
    """Cues on the left, takes below them, scenes and what they show on the right."""
    left, right = frame.left(330.0, GAP)
    go, rest = left.top(150.0, GAP)
    others = [one for one in BUTTONS if one.group in ("cues", "takes", "looks") and one.argument == "press"]
    others = [one for one in others if one.address != GO]
    nodes = list(_pressed(_button(GO), go, "GO", 48))
    for one, cell in zip(others, rest.grid(3, -(-len(others) // 3), GAP), strict=False):
        nodes += _pressed(one, cell, _title(one.address), 16)
    shown, below = right.top(230.0, GAP)
    for address, cell in zip(CUE_DISPLAYS, shown.rows(len(CUE_DISPLAYS), 4.0), strict=True):
        nodes += _display(_known(address), cell)
    return [*nodes, *_scenes(below, scenes, columns=3, rows=4)]


def _scenes(frame: Frame, scenes: Sequence[tuple[str, str]], columns: int = 4, rows: int = 9) -> list[Node]:
    """Each scene's button, and beside it a narrow one that puts it on standby; first that for none."""
    off, rest = frame.top(34.0, GAP)
    nodes = list(_press(PREVIEW_OFF, off.left(150.0)[0], GREY, "nothing on standby", 14))
    for (slug, name), cell in zip(scenes, rest.grid(columns, rows, GAP), strict=False):
        show, standby = cell.left(cell.width * 0.72, 4.0)
        nodes += _press(f"{SCENE}/{slug}", show, BLUE, name, 16)
        nodes += _press(f"{PREVIEW_SCENE}/{slug}", standby, GREY, "standby", 12)
    return nodes


def _controls(frame: Frame, controls: Sequence[Control]) -> list[Node]:
    """Two columns; each control with its name, sentence and range above it."""
    cells = [cell for column in frame.columns(2, 2 * GAP) for cell in column.rows(CONTROLS_A_PAGE // 2, GAP)]
    return [node for control, cell in zip(controls, cells, strict=False) for node in _control(control, cell)]


def _control(control: Control, cell: Frame) -> Iterator[Node]:
    name = _title(control.address)
    limits = f" {control.low:g} to {control.high:g} {control.unit}".rstrip() if control.kind in ("float", "int") else ""
    caption, below = cell.top(34.0)
    yield text(
        f"{name} caption",
        caption,
        f"{name}:{limits}. {control.sentence}" if limits else f"{name}. {control.sentence}",
        size=13,
    )
    if control.kind == "text":
        yield text(name, below, str(control.default), control.address)
    elif control.kind == "bool":
        switch = Osc(control.address, conversion="INTEGER")
        yield button(name, below.left(120.0)[0], AMBER, switch, toggle=True)
    else:
        conversion = "INTEGER" if control.kind == "int" else "FLOAT"
        message = Osc(control.address, "x", conversion, control.low, control.high)
        start = (float(control.default) - control.low) / (control.high - control.low)
        yield fader(name, below, BLUE, message, start)


def _approvals(frame: Frame, look: Sequence[Control], approvers: Sequence[str]) -> list[Node]:
    """The preview's faders, which move nothing on the walls; what the gate says; and each approver's four decisions."""
    left, right = frame.left(frame.width * 0.45, 2 * GAP)
    tried = [one for one in look if one.address.startswith(LOOK) and one.kind == "float"][:PREVIEW_FADERS]
    nodes = []
    for control, cell in zip(tried, left.rows(PREVIEW_FADERS, GAP), strict=False):
        caption, below = cell.top(26.0)
        address = PREVIEW_LOOK + control.address.removeprefix(LOOK)
        nodes += [text(f"preview {address} caption", caption, f"preview: {_title(control.address)}", size=13)]
        nodes += [fader(f"preview {address}", below, GREY, Osc(address, low=control.low, high=control.high), 0.0)]
    shown, rest = right.top(150.0, GAP)
    for address, cell in zip((displays.GATE, displays.STANDBY), shown.rows(2, 4.0), strict=True):
        nodes += _display(_known(address), cell)
    take, rest = rest.top(70.0, GAP)
    nodes += _pressed(_button(TAKE_PREVIEW), take, "take what is approved to the walls", 18)
    for name, row in zip(approvers, rest.rows(APPROVERS_A_PAGE, GAP), strict=False):
        for (address, words), cell in zip(DECISIONS.items(), row.columns(len(DECISIONS), GAP), strict=True):
            nodes += _decision(address, name, cell, f"{words} {name}")
    return nodes


def _decision(address: str, name: str, frame: Frame, caption: str) -> Iterator[Node]:
    color = {APPROVE: GREEN, REVOKE: RED}.get(address, GREY)
    yield button(f"{address} {name}", frame, color, Osc(address, receive=False, words=name))
    yield text(f"{address} {name} caption", frame.inset(4.0), caption, size=16, middle=True)


def _health(frame: Frame) -> list[Node]:
    """Every display there is, named and explained."""
    cells = frame.grid(2, -(-len(DISPLAYS) // 2), GAP)
    return [node for one, cell in zip(DISPLAYS, cells, strict=False) for node in _display(one, cell, explained=True)]


def _display(display: Display, cell: Frame, *, explained: bool = False) -> Iterator[Node]:
    name = _title(display.address)
    caption, value = cell.left(200.0 if explained else 82.0, 4.0)
    yield text(f"{name} caption", caption, f"{name}. {display.sentence}" if explained else name, size=12)
    if display.kind == "bool":
        lamp = Osc(display.address, conversion="INTEGER", send=False)
        yield button(name, value.left(min(60.0, value.width))[0], RED, lamp, touched=False)
    elif display.kind == "float":
        yield fader(name, value, GREEN, Osc(display.address, send=False), 0.0, touched=False)
    else:
        yield text(name, value, "", display.address, 16)


def _pressed(one: Button, frame: Frame, caption: str, size: int) -> Iterator[Node]:
    return _press(one.address, frame, COLORS.get(one.address, GREY), caption, size)


def _press(address: str, frame: Frame, color: Rgb, caption: str, size: int) -> Iterator[Node]:
    """A button has no words of its own: they lie on it, and let the finger through."""
    yield button(address, frame, color, Osc(address, conversion="INTEGER", receive=False))
    yield text(f"{address} caption", frame.inset(4.0), caption, size=size, middle=True)


def _title(address: str) -> str:
    """ "exposure inner" of /vp/exposure/inner; what all have in common is left out."""
    words = address.removeprefix("/vp/").split("/")
    return " ".join(words[1:] if words[0] in ("look", "state", "cue", "take") else words).replace("_", " ")


def _button(address: str) -> Button:
    return next(one for one in BUTTONS if one.address == address)


def _known(address: str) -> Display:
    return next(one for one in DISPLAYS if one.address == address)
