"""The controls of monitor:CAMERA: what an operator and a focus puller lay over the picture, and what they see of it."""

from __future__ import annotations

from typing import Literal

from vpengine.control.controls import Control

COMPOSITE, PICTURE, MATTE, MATTE_OVER, WORLD = range(5)  # what is shown
SHOWS = ("composite", "picture", "matte", "matte over the picture in red", "world")
NO_SPLIT, FROZEN = 0, len(SHOWS) + 1  # beside what is shown: nothing; else what has the number before; the frozen
PEAKING_COLORS = {"red": (1.0, 0.1, 0.1), "green": (0.15, 1.0, 0.2), "blue": (0.25, 0.45, 1.0), "white": (1.0,) * 3}
DISPLAY_WHITE_STOPS = 6.5  # above 18 percent grey: where the ACES SDR view is white, log2(16.3 / 0.18)


def _number(
    name: str, default: float, sentence: str, low: float = 0.0, high: float = 1.0, unit: str = "", kind: str = "float"
) -> Control:
    number: Literal["float", "int"] = "int" if kind == "int" else "float"
    return Control(f"/vp/monitor/{name}", number, default, sentence, low, high, unit)


def _choice(name: str, sentence: str, names: tuple[str, ...]) -> Control:
    listed = ", ".join(f"{number} {each}" for number, each in enumerate(names))
    return _number(name, 0, f"{sentence}: {listed}.", 0, len(names) - 1, "", "int")


def _switch(name: str, sentence: str) -> Control:
    return Control(f"/vp/monitor/{name}", "bool", False, sentence)


SHOW = "/vp/monitor/show"
SPLIT_WITH, SPLIT_AT = "/vp/monitor/split/with", "/vp/monitor/split/at"
FREEZE, ONION, DIFFERENCE = "/vp/monitor/freeze", "/vp/monitor/onion", "/vp/monitor/difference"
ASPECT, DARK = "/vp/monitor/frame/aspect", "/vp/monitor/frame/dark"
CROSS, SAFE_AREAS = "/vp/monitor/cross", "/vp/monitor/safe_areas"
FALSE_COLOR, CLIP, ZEBRA = "/vp/monitor/false_color/on", "/vp/monitor/false_color/clip", "/vp/monitor/zebra"
PEAKING, PEAKING_THRESHOLD = "/vp/monitor/peaking/on", "/vp/monitor/peaking/threshold"
PEAKING_COLOR = "/vp/monitor/peaking/color"
ZOOM, ZOOM_X, ZOOM_Y = "/vp/monitor/zoom/times", "/vp/monitor/zoom/x", "/vp/monitor/zoom/y"
INFO = "/vp/monitor/info"

CONTROLS = (
    _choice("show", "What monitor:CAMERA shows", SHOWS),
    _choice("split/with", "What is right of the split", ("none", *SHOWS, "the frozen picture")),
    _number("split/at", 0.5, "Where the split is; 0 is the left edge."),
    _switch("freeze", "What is shown when this goes on is kept, to line up a later shot with it."),
    _number("onion", 0.0, "How much of the frozen picture is mixed into the live one."),
    _switch("difference", "How live and frozen picture differ: black where they do not."),
    _number("frame/aspect", 0.0, "Frame lines of this aspect ratio, such as 2.39, 1.85 or 1.33; 0 is none.", 0.0, 4.0),
    _number("frame/dark", 0.5, "How dark it is outside the frame lines."),
    _switch("cross", "A cross in the middle of the picture."),
    _switch("safe_areas", "The safe areas for action and titles."),
    _switch("false_color/on", "The exposure in colours, by stops about 18 percent grey."),
    _number("false_color/clip", DISPLAY_WHITE_STOPS, "Where light is clipped, above 18 percent grey; in Rec.709 "
            "at 2.5.", 1.0, DISPLAY_WHITE_STOPS, "stops"),
    _number("zebra", 0.0, "Stripes where grey of this luminance would be brighter than so much of the display's white; "
            "0 is none.", 0.0, 100.0, "percent"),
    _switch("peaking/on", "Edges in focus are drawn in a colour."),
    _number("peaking/threshold", 0.08, "How much contrast from one pixel to the next makes an edge; a stop is 0.06.",
            0.01, 0.5),
    _choice("peaking/color", "Its colour", tuple(PEAKING_COLORS)),
    _number("zoom/times", 1.0, "How many times larger the picture is shown, to judge focus.", 1.0, 8.0),
    _number("zoom/x", 0.5, "What is enlarged, from the left edge."),
    _number("zoom/y", 0.5, "What is enlarged, from the upper edge."),
    _switch("info", "A line with the camera, its lens, the timecode, and REC while a take rolls."),
)  # fmt: skip
