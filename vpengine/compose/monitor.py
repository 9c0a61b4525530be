"""An operator's monitor: one pass over scene-linear light, with the tools that are on, and the frozen pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.jobs import MonitorSide, ShowMonitor
from vpengine.compose.mixer import Lend
from vpengine.compose.plan_monitor import RECORDING
from vpengine.control import monitor
from vpengine.frames.frame_input import NO_DIP
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Pass
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import upload
from vpengine.gpu.view_lut import LUT_SIDE, acescct_to_display
from vpengine.view.color import acescct_from_linear
from vpengine.view.glyphs import glyph

Controls = Mapping[str, float | bool | str]

# Of false colour, from below -5.5 stops about 18 percent grey to +5.5, a stop each; then the stop below where light is
# clipped, and what is. Purple, green, pink, yellow and red are where camera makers have them: black, grey, skin a stop
# above it, nearly white, clipped.
BANDS = (
    *((0.34, 0.08, 0.52), (0.12, 0.13, 0.60), (0.13, 0.30, 0.82), (0.16, 0.50, 0.86), (0.16, 0.56, 0.60)),
    *((0.27, 0.30, 0.31), (0.25, 0.66, 0.27), (0.95, 0.58, 0.64), (0.66, 0.66, 0.66), (0.80, 0.74, 0.58)),
    *((0.86, 0.60, 0.28), (0.93, 0.43, 0.10), (0.98, 0.92, 0.20), (0.90, 0.08, 0.08)),
)
LETTERS = "0123456789+-.:;/_ ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LONGEST = 96  # letters of a line
RED = 100  # added to a letter's number
LEGEND_DOTS, LEGEND_PART = 210.0, 0.7  # how high it is, and how much of the picture's height at most
LINES_TO_A_DOT = 320  # of the picture
STRIPES, STRIPES_A_FRAME = 45.0, 0.04  # in the picture's height; how many they move
CROSS = 0.04  # of the picture's height, each arm
NEVER = 1e30
DEFAULTS = {control.address: control.default for control in monitor.CONTROLS}

BLOCK = UniformBlock(
    "Monitor",
    zoom="vec4",
    dip="vec4",
    right_dip="vec4",
    bands=f"vec4[{len(BANDS)}]",
    text=f"vec4[{LONGEST // 4}]",
    peaking_color="vec4",
    picture_px="vec2",
    shown_px="vec2",
    frame_half="vec2",
    legend_at="vec2",
    shown="float",
    right_shown="float",
    left_matte="float",
    right_matte="float",
    split_px="float",
    split_line_px="float",
    onion="float",
    difference="float",
    frame_lines="float",
    dark="float",
    line_px="float",
    safe="float",
    cross_px="float",
    false_color="float",
    clip="float",
    zebra="float",
    stripe_px="float",
    stripe_phase="float",
    peaking="float",
    dot_px="float",
    letters="int",
    legend_dots="float",
)
# What programs there are: what is asked is drawn by the first that has it.
TOOLS = ("LINES", "TEXT", "EXPOSURE", "PEAKING", "SPLIT", "REFERENCE")
VARIANTS = (
    frozenset[str](),
    frozenset({"LINES"}),
    frozenset({"LINES", "TEXT"}),
    *(frozenset({"LINES", tool}) for tool in TOOLS[2:]),
    *(frozenset({"LINES", "TEXT", tool}) for tool in TOOLS[2:]),
    *(frozenset({"LINES", "TEXT", "EXPOSURE", tool}) for tool in ("PEAKING", "SPLIT")),
    frozenset(TOOLS),
)


class Monitor:
    """Owns the pictures that are frozen, by camera."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._frozen: dict[str, Target] = {}
        self._held: set[str] = set()
        self._glyphs: Texture | None = None

    def draw(self, target: Target, job: ShowMonitor, lights: tuple[Texture, Texture], matte: Any, lut: Texture) -> None:
        """lights: what is under the keys of the job's sides. matte: what is keyed, where it is shown."""
        values = monitor_values(job)
        self._freeze(job, lights[0], lut, values)
        held = job.camera in self._held
        values |= {} if held else {"onion": 0.0, "difference": 0.0}
        if int(job.controls[monitor.SPLIT_WITH]) == monitor.FROZEN and not held:
            values["split_px"], values["split_line_px"] = NEVER, 0.0
        textures = {"left": lights[0], "right": lights[1], "lut": lut, "glyphs": self._lettered()}
        textures["matte"] = matte.matte.color if matte is not None else lights[0]
        textures["reference"] = self._frozen[job.camera].color if held else lights[0]
        if held and int(job.controls[monitor.SPLIT_WITH]) == monitor.FROZEN:
            textures["right"] = textures["reference"]
        self._pass(variant(tools(values))).draw(target, textures, **values)

    def _freeze(self, job: ShowMonitor, light: Texture, lut: Texture, values: Mapping[str, Any]) -> None:
        """The picture of the moment when it goes on, all of it, however far it is enlarged."""
        if not job.controls[monitor.FREEZE]:
            self._held.discard(job.camera)
        elif job.camera not in self._held:
            if job.camera not in self._frozen:
                self._frozen[job.camera] = self._gpu.target(job.size)
            whole = {**values, "zoom": (1.0, 1.0, 0.0, 0.0)}
            self._pass(frozenset({"KEEP"})).draw(self._frozen[job.camera], {"left": light, "lut": lut}, **whole)
            self._held.add(job.camera)

    def _pass(self, defines: frozenset[str]) -> Pass:
        numbers = {"LUT_SIDE": f"{LUT_SIDE}.0", "PLUS": str(LETTERS.index("+")), "MINUS": str(LETTERS.index("-"))}
        numbers["RED"] = f"{RED}.0"
        return self._gpu.pass_("monitor", BLOCK, {**numbers, **dict.fromkeys(defines, "1")})

    def _lettered(self) -> Texture:
        if self._glyphs is None:
            image = np.concatenate([np.pad(glyph(letter), 1) for letter in LETTERS], axis=1)
            self._glyphs = upload(self._gpu.context, image.astype(np.uint8) * 255)
        return self._glyphs

    def warm(self, lend: Lend, lut: Texture) -> None:
        """Every program once, before the first frame."""
        size = (32, 18)
        light, small = lend(TargetSpec(size)), lend(TargetSpec(size, dtype="f1"))
        sides = (MonitorSide(""), MonitorSide(""))
        job = ShowMonitor(
            name="", camera="", size=size, seen=1.0, dip=NO_DIP, sides=sides, matte=None, line="", number=0,
            controls=DEFAULTS,
        )  # fmt: skip
        names = ("left", "right", "matte", "reference")
        textures = {**dict.fromkeys(names, light.color), "lut": lut, "glyphs": self._lettered()}
        for defines in VARIANTS:
            self._pass(defines).draw(small, textures, **monitor_values(job))
        self._pass(frozenset({"KEEP"})).draw(lend(TargetSpec(size)), textures, **monitor_values(job))

    def release(self) -> None:
        for target in self._frozen.values():
            target.release()
        if self._glyphs is not None:
            self._glyphs.release()


def tools(values: Mapping[str, Any]) -> set[str]:
    """The defines of what these values ask."""
    asked = {
        "LINES": values["frame_lines"] or values["safe"] or values["cross_px"],
        "TEXT": values["letters"] or values["legend_dots"],
        "EXPOSURE": values["false_color"] or values["zebra"] < NEVER,
        "PEAKING": values["peaking"] < NEVER,
        "SPLIT": values["split_px"] < NEVER or values["left_matte"],
        "REFERENCE": values["onion"] or values["difference"],
    }
    return {tool for tool, on in asked.items() if on}


def variant(asked: set[str]) -> frozenset[str]:
    return next(each for each in VARIANTS if asked <= each)


def monitor_values(job: ShowMonitor) -> dict[str, Any]:
    """The values of BLOCK, as if a picture were frozen."""
    controls, (width, height) = job.controls, job.size
    dot_px = max(round(height / LINES_TO_A_DOT), 1)
    legend_dots = min(LEGEND_DOTS, float(int(LEGEND_PART * height / dot_px)))
    return {
        "dip": job.dip,
        "shown": job.seen,
        "bands": [(*band, 1.0) for band in BANDS],
        "picture_px": (float(width), float(height)),
        **_zoom(controls, job.size),
        **_sides(job),
        **_lines(controls, job.size),
        **_exposure(controls, job),
        "peaking": float(controls[monitor.PEAKING_THRESHOLD]) if controls[monitor.PEAKING] else NEVER,
        "peaking_color": (*list(monitor.PEAKING_COLORS.values())[int(controls[monitor.PEAKING_COLOR])], 1.0),
        "dot_px": float(dot_px),
        **_text(_line(job)),
        "legend_at": (width - 8.0 * dot_px, 0.5 * (height - legend_dots * dot_px)),
        "legend_dots": legend_dots if controls[monitor.FALSE_COLOR] else 0.0,
    }


def _zoom(controls: Controls, size: tuple[int, int]) -> dict[str, Any]:
    """Scale and offset of a place in the picture; exactly none where nothing is enlarged."""
    times = float(controls[monitor.ZOOM])
    x, y = float(controls[monitor.ZOOM_X]), 1.0 - float(controls[monitor.ZOOM_Y])
    lost = 1.0 - 1.0 / times
    return {
        "zoom": (1.0 / times, 1.0 / times, x * lost, y * lost),
        "shown_px": (times * size[0], times * size[1]),
    }


def _sides(job: ShowMonitor) -> dict[str, Any]:
    controls, (left, right) = job.controls, job.sides
    split = int(controls[monitor.SPLIT_WITH])
    frozen = split == monitor.FROZEN  # of the part of the world that the lens sees, with what lay over it
    return {
        "left_matte": float(left.matte),
        "right_matte": 0.0 if frozen else float(right.matte),
        "right_shown": 1.0 if frozen else job.seen,
        "right_dip": NO_DIP if frozen else job.dip,
        "split_px": round(float(controls[monitor.SPLIT_AT]) * job.size[0]) if split else NEVER,
        "split_line_px": 2.0 if split else 0.0,
        "onion": float(controls[monitor.ONION]) if controls[monitor.FREEZE] else 0.0,
        "difference": float(controls[monitor.DIFFERENCE]) if controls[monitor.FREEZE] else 0.0,
    }


def _lines(controls: Controls, size: tuple[int, int]) -> dict[str, Any]:
    times, height = float(controls[monitor.ZOOM]), size[1]
    framed, half = frame_half(float(controls[monitor.ASPECT]), size)
    return {
        "frame_half": tuple(round(times * side) for side in half),
        "frame_lines": float(framed),
        "dark": float(controls[monitor.DARK]) if framed else 0.0,
        "line_px": float(max(round(height / 720), 1)),
        "safe": float(controls[monitor.SAFE_AREAS]),
        "cross_px": float(round(CROSS * height)) if controls[monitor.CROSS] else 0.0,
    }


def frame_half(aspect: float, size: tuple[int, int]) -> tuple[bool, tuple[float, float]]:
    """Whether there are frame lines, and half the width and height of what is in them, in pixels."""
    width, height = size
    if aspect < 0.1:
        return False, (0.5 * width, 0.5 * height)
    return True, (0.5 * min(width, height * aspect), 0.5 * min(height, width / aspect))


def _exposure(controls: Controls, job: ShowMonitor) -> dict[str, Any]:
    percent, height = float(controls[monitor.ZEBRA]), job.size[1]
    return {
        "false_color": float(controls[monitor.FALSE_COLOR]),
        "clip": float(controls[monitor.CLIP]),
        "zebra": luminance_shown_at(percent) if percent > 0.0 else NEVER,
        "stripe_px": max(height / STRIPES, 6.0),
        "stripe_phase": math.fmod(job.number * STRIPES_A_FRAME, 1.0),
    }


def luminance_shown_at(percent: float) -> float:
    """Of the grey that the view shows at so much of its code values."""
    lights, shown = _greys()
    return float(np.interp(percent / 100.0, shown, lights))


@cache
def _greys() -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Greys, as light, and as code values; as far as these rise."""
    lights = np.geomspace(1e-4, 16.5, 2048)
    codes = np.repeat(acescct_from_linear(lights)[:, None], 3, axis=1).astype(np.float32)
    acescct_to_display().applyRGB(codes)
    shown = np.maximum.accumulate(codes.mean(axis=1).astype(np.float64))
    rises = np.concatenate([[True], np.diff(shown) > 0.0])
    return lights[rises], shown[rises] / shown[-1]


def _line(job: ShowMonitor) -> str:
    """A monitor that is enlarged says so: it is not the whole picture."""
    times = float(job.controls[monitor.ZOOM])
    return f"{job.line}  {times:.1f}X".strip() if times > 1.0 else job.line


def _text(line: str) -> dict[str, Any]:
    """The letters' numbers, -1 for none; REC in red."""
    numbers = [LETTERS.find(letter.upper()) for letter in line[:LONGEST]]
    recording = line.rfind(RECORDING)
    reds = range(recording, recording + len(RECORDING)) if recording >= 0 else range(0)
    codes = [float(number + RED if at in reds else number) for at, number in enumerate(numbers)]
    codes += [-1.0] * (LONGEST - len(codes))
    return {"text": np.reshape(codes, (-1, 4)), "letters": len(numbers)}
