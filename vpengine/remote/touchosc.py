"""TouchOSC's layout files, as its version 1.5 writes them: zlib over XML, a tree of nodes with properties, values and
messages.

Here is the format alone; what stands where is in ``touchosc_layout``. Described by py2tosc's documentation of the
format and by Hexler's reference of properties and values.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

VERSION = 6
CONNECTIONS = "1" * 10  # every one that the tablet has set up

Rgb = tuple[float, float, float]
Property = bool | int | float | str | tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """In pixels of the layout, from the parent's top left corner."""

    x: float
    y: float
    width: float
    height: float

    def rows(self, count: int, gap: float = 0.0) -> list[Frame]:
        """Of one height, below each other."""
        height = (self.height - gap * (count - 1)) / count
        return [Frame(self.x, self.y + at * (height + gap), self.width, height) for at in range(count)]

    def columns(self, count: int, gap: float = 0.0) -> list[Frame]:
        width = (self.width - gap * (count - 1)) / count
        return [Frame(self.x + at * (width + gap), self.y, width, self.height) for at in range(count)]

    def grid(self, columns: int, rows: int, gap: float = 0.0) -> list[Frame]:
        """Row by row."""
        return [frame for row in self.rows(rows, gap) for frame in row.columns(columns, gap)]

    def top(self, height: float, gap: float = 0.0) -> tuple[Frame, Frame]:
        """A strip of this height, and what is below it."""
        rest = Frame(self.x, self.y + height + gap, self.width, self.height - height - gap)
        return replace(self, height=height), rest

    def left(self, width: float, gap: float = 0.0) -> tuple[Frame, Frame]:
        rest = Frame(self.x + width + gap, self.y, self.width - width - gap, self.height)
        return replace(self, width=width), rest

    def inset(self, by: float) -> Frame:
        return Frame(self.x + by, self.y + by, self.width - 2 * by, self.height - 2 * by)


@dataclass(frozen=True)
class Osc:
    """A message. value: of the node's values, which is sent and received as ``conversion``, from 0..1 to low..high.

    words: sent instead of it, once when it rises.
    """

    address: str
    value: str = "x"
    conversion: str = "FLOAT"
    low: float = 0.0
    high: float = 1.0
    send: bool = True
    receive: bool = True
    words: str = ""


@dataclass(frozen=True)
class Node:
    """kind: GROUP, PAGER, LABEL, TEXT, BUTTON or FADER. values: what it holds, with its beginning."""

    kind: str
    name: str
    frame: Frame
    color: Rgb = (0.25, 0.25, 0.25)
    properties: Mapping[str, Property] = field(default_factory=dict)
    values: Mapping[str, float | str] = field(default_factory=dict)
    message: Osc | None = None
    children: tuple[Node, ...] = ()


def group(name: str, frame: Frame, children: Iterable[Node], **properties: Property) -> Node:
    return Node("GROUP", name, frame, (0.06, 0.06, 0.07), {"outline": False, **properties}, {}, None, tuple(children))


def pager(name: str, frame: Frame, pages: Iterable[Node], tab_height: int) -> Node:
    """pages: groups whose frames lie below the tabs."""
    tabs = {"tabbar": True, "tabLabels": True, "tabbarDoubleTap": False, "tabbarSize": tab_height}
    sizes = {"textSizeOff": 18, "textSizeOn": 18}
    return Node("PAGER", name, frame, (0.06, 0.06, 0.07), {**tabs, **sizes}, {"page": 0}, None, tuple(pages))


def page(name: str, frame: Frame, children: Iterable[Node]) -> Node:
    colors: dict[str, Property] = {
        "tabColorOff": (0.15, 0.15, 0.17, 1.0),
        "tabColorOn": (0.3, 0.3, 0.34, 1.0),
        "textColorOff": (1.0, 1.0, 1.0, 1.0),
        "textColorOn": (1.0, 1.0, 1.0, 1.0),
    }
    return group(name, frame, children, tabLabel=name, **colors)


def text(name: str, frame: Frame, words: str = "", address: str = "", size: int = 14, *, middle: bool = False) -> Node:
    """Words that break into lines; with an address they are what is received there. middle: centred, for a caption."""
    shown: dict[str, Property] = {
        "background": bool(address),
        "font": 0,
        "interactive": False,
        "outline": False,
        "textAlignH": 2 if middle else 1,
        "textAlignV": 2,
        "textClip": True,
        "textColor": (1.0, 1.0, 1.0, 1.0),
        "textSize": size,
        "textWrap": True,
    }
    message = Osc(address, "text", "STRING", send=False) if address else None
    return Node("TEXT", name, frame, (0.12, 0.12, 0.14), shown, {"text": words}, message)


def button(name: str, frame: Frame, color: Rgb, message: Osc, *, toggle: bool = False, touched: bool = True) -> Node:
    """A press sends 1 and the release 0; a toggle each in turn. touched: False for a lamp."""
    acts: dict[str, Property] = {
        "buttonType": 2 if toggle else 0,
        "cornerRadius": 4.0,
        "interactive": touched,
        "press": True,
        "release": True,
        "valuePosition": False,
    }
    return Node("BUTTON", name, frame, color, acts, {"x": 0.0}, message)


def fader(name: str, frame: Frame, color: Rgb, message: Osc, start: float, *, touched: bool = True) -> Node:
    """It lies: more is to the right. start: of 0..1."""
    acts: dict[str, Property] = {
        "bar": True,
        "barDisplay": 0,
        "cursor": touched,
        "cursorDisplay": 0,
        "grid": touched,
        "gridSteps": 11,
        "interactive": touched,
        "orientation": 1,
        "response": 0,
        "responseFactor": 100,
    }
    return Node("FADER", name, frame, color, acts, {"x": start}, message)


def file_of(root: Node) -> bytes:
    """The layout file of which ``root`` is the canvas. The same nodes make the same bytes."""
    xml = f"<?xml version='1.0' encoding='UTF-8'?><lexml version='{VERSION}'>{_node(root, root.name)}</lexml>"
    return zlib.compress(xml.encode("utf-8"))


def _node(node: Node, path: str) -> str:
    common: dict[str, Property] = {
        "background": True,
        "color": (*node.color, 1.0),
        "cornerRadius": 0.0,
        "grabFocus": node.kind not in ("GROUP", "PAGER"),
        "interactive": True,
        "locked": False,
        "name": node.name,
        "orientation": 0,
        "outline": True,
        "outlineStyle": 0,
        "pointerPriority": 0,
        "shape": 1,
        "visible": True,
    }
    properties = {**common, **node.properties}
    written = {key: _property(key, value) for key, value in properties.items()} | {"frame": _frame(node.frame)}
    values = "".join(_value(key, value) for key, value in {**node.values, "touch": False}.items())
    children = "".join(_node(child, f"{path}/{at} {child.name}") for at, child in enumerate(node.children))
    return (
        f"<node ID='{uuid.uuid5(uuid.NAMESPACE_URL, path)}' type='{node.kind}'>"
        + ("<includes></includes>" if path == node.name else "")
        + f"<properties>{''.join(written[key] for key in sorted(written))}</properties><values>{values}</values>"
        + (f"<messages>{_osc(node.message)}</messages>" if node.message else "")
        + (f"<children>{children}</children>" if children else "")
        + "</node>"
    )


def _property(key: str, value: Property) -> str:
    kinds = {bool: "b", int: "i", float: "f", str: "s", tuple: "c"}
    if isinstance(value, tuple):
        written = "".join(f"<{name}>{part:g}</{name}>" for name, part in zip("rgba", value, strict=True))
    elif isinstance(value, str):
        written = _cdata(value)
    else:
        written = f"{value:d}" if isinstance(value, int) else f"{value:g}"
    return f"<property type='{kinds[type(value)]}'><key>{_cdata(key)}</key><value>{written}</value></property>"


def _frame(frame: Frame) -> str:
    parts = {"x": frame.x, "y": frame.y, "w": frame.width, "h": frame.height}
    written = "".join(f"<{name}>{part:g}</{name}>" for name, part in parts.items())
    return f"<property type='r'><key>{_cdata('frame')}</key><value>{written}</value></property>"


def _value(key: str, value: float | str) -> str:
    written = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value:g}"
    return (
        f"<value><key>{_cdata(key)}</key><locked>0</locked><lockedDefaultCurrent>0</lockedDefaultCurrent>"
        f"<default>{_cdata(written)}</default><defaultPull>0</defaultPull></value>"
    )


def _osc(message: Osc) -> str:
    when = "RISE" if message.words else "ANY"
    trigger = f"<triggers><trigger><var>{_cdata(message.value)}</var><condition>{when}</condition></trigger></triggers>"
    address = _partial("CONSTANT", "STRING", message.address, 0.0, 1.0)
    argument = _partial("VALUE", message.conversion, message.value, message.low, message.high)
    if message.words:
        argument = _partial("CONSTANT", "STRING", message.words, 0.0, 1.0)
    return (
        f"<osc><enabled>1</enabled><send>{message.send:d}</send><receive>{message.receive:d}</receive>"
        f"<feedback>0</feedback><noDuplicates>0</noDuplicates><connections>{CONNECTIONS}</connections>"
        f"{trigger if message.send else ''}<path>{address}</path><arguments>{argument}</arguments></osc>"
    )


def _partial(kind: str, conversion: str, value: str, low: float, high: float) -> str:
    return (
        f"<partial><type>{kind}</type><conversion>{conversion}</conversion><value>{_cdata(value)}</value>"
        f"<scaleMin>{low:g}</scaleMin><scaleMax>{high:g}</scaleMax></partial>"
    )


def _cdata(words: str) -> str:
    return "<![CDATA[" + words.replace("]]>", "]]]]><![CDATA[>") + "]]>"
