"""The engine's own controls. A generator declares its own beside itself; ``files`` puts all into one registry."""

from __future__ import annotations

from typing import NamedTuple

from vpengine.control import key, monitor
from vpengine.control.controls import Control

NEURAL_AMOUNT = "/vp/neural/amount"
NEURAL_HOLD = "/vp/neural/hold"
NEURAL_REPROJECT = "/vp/neural/reproject"
NEURAL_SEED = "/vp/neural/seed"
NEURAL_BAKED = "/vp/neural/baked"
INNER_EXPOSURE = "/vp/exposure/inner"
OUTER_EXPOSURE = "/vp/exposure/outer"
INNER_VISIBLE = "/vp/inner/visible"
INNER_SOFT_EDGE = "/vp/inner/soft_edge"
OUTER_LEVEL = "/vp/outer/level"
WALL_DITHER = "/vp/wall/dither"
WALL_CHART = "/vp/wall/chart"
LIGHT_SUN = "/vp/light/sun"
LIGHT_SKY = "/vp/light/sky"
LIGHT_LAMPS = "/vp/light/lamps"
LIGHT_WINDOWS = "/vp/light/windows"
WALL_ROLLOFF = "/vp/wall/rolloff"
PLATE_YAW = "/vp/plate/yaw"
PLATE_RIGHT = "/vp/plate/right"
PLATE_FORWARD = "/vp/plate/forward"
PLATE_HEIGHT = "/vp/plate/height"
PLATE_SCALE = "/vp/plate/scale"
FALL_SNOW_DENSITY = "/vp/fall/snow/density"
FALL_SNOW_SPEED = "/vp/fall/snow/speed"
FALL_RAIN_DENSITY = "/vp/fall/rain/density"
FALL_RAIN_SPEED = "/vp/fall/rain/speed"
FALL_WIND = "/vp/fall/wind"
KEY_VIEW = "/vp/key/view"
KEY_FRONT = "/vp/key/front"
CHANCE_AMOUNT = "/vp/chance/amount"
CHANCE_SEED = "/vp/chance/seed"


class LampControls(NamedTuple):
    """The addresses of one lamp's controls."""

    level: str
    kelvin: str
    azimuth: str
    elevation: str


def _lamp_addresses(name: str) -> LampControls:
    return LampControls(*(f"/vp/sim/{name}/{part}" for part in LampControls._fields))


SIM_KEY, SIM_FILL = _lamp_addresses("key"), _lamp_addresses("fill")
LAMP_OFF_STOPS = -10.0  # the bottom of a lamp's fader
EXPOSURES = (INNER_EXPOSURE, OUTER_EXPOSURE, OUTER_LEVEL)  # what a safe picture keeps, and a lock leaves free
# Switches of an operator, and what belongs to the stage and its lamps: not of a look.
NOT_IN_CUES = (
    *(NEURAL_HOLD, NEURAL_REPROJECT, NEURAL_BAKED, WALL_DITHER, WALL_CHART, WALL_ROLLOFF),
    *(control.address for control in (*key.CONTROLS, *monitor.CONTROLS)),
)


def _lamp(names: LampControls, what: str, defaults: tuple[float, float, float, float]) -> tuple[Control, ...]:
    """The controls of a lamp on the simulated stage; defaults: in the order of ``names``."""
    level, kelvin, azimuth, elevation = defaults
    return (
        Control(
            names.level,
            "float",
            level,
            f"Of the simulated stage's {what}: at 0 it lights a white card like the walls' white; at -10 it is off.",
            LAMP_OFF_STOPS,
            4.0,
            "stops",
        ),
        Control(names.kelvin, "float", kelvin, f"Colour temperature of the {what}.", 2000.0, 10_000.0, "K"),
        Control(
            names.azimuth,
            "float",
            azimuth,
            f"Where the {what} stands around the actor: 0 on the camera's side, 90 on its right, -90 on its left.",
            -180.0,
            180.0,
            "degrees",
        ),
        Control(names.elevation, "float", elevation, f"How high the {what} stands.", -30.0, 90.0, "degrees"),
    )


ENGINE_CONTROLS = (
    Control(NEURAL_AMOUNT, "float", 1.0, "How much of the generated picture is shown; 0 is the plate, bit for bit."),
    Control(NEURAL_HOLD, "bool", False, "Nothing new is generated: what has been seen stays as it was."),
    Control(
        NEURAL_REPROJECT,
        "bool",
        True,
        "Generated pictures are re-projected to the camera's pose; off shows them stale, for comparison.",
    ),
    Control(NEURAL_SEED, "int", 0, "Moves the generator's noise; never fades.", high=65535.0),
    Control(NEURAL_BAKED, "bool", True, "Scenes that are baked show their bake; off, they are generated like others."),
    Control(INNER_EXPOSURE, "float", 0.0, "Brightness inside the camera's frustum.", -8.0, 8.0, "stops"),
    Control(OUTER_EXPOSURE, "float", 0.0, "Brightness of the rest of the walls.", -8.0, 8.0, "stops"),
    Control(INNER_VISIBLE, "bool", True, "The camera's frustum is drawn on the walls."),
    Control(INNER_SOFT_EDGE, "float", 12.0, "Width of the frustum's soft edge.", 0.0, 128.0, "inner pixels"),
    Control(OUTER_LEVEL, "float", 1.0, "Light of the walls outside the frustum.", 0.0, 4.0),
    Control(WALL_DITHER, "bool", True, "Dark gradients are dithered, not banded; off for checks of single pixels."),
    Control(WALL_CHART, "bool", False, "Every wall shows its line-up chart instead of the picture."),
    Control(
        WALL_ROLLOFF,
        "bool",
        True,
        "Highlights roll off over the last stop below the panels' peak, hue kept; off for charts. Patterns never do.",
    ),
    Control(LIGHT_SUN, "float", 1.0, "The sun of a plate that knows its light; at 0 clouds cover it."),
    Control(LIGHT_SKY, "float", 1.0, "The daylight of a plate that knows its light; at 0 it is night."),
    Control(LIGHT_LAMPS, "float", 0.0, "The street lamps of a plate that has some."),
    Control(LIGHT_WINDOWS, "float", 0.0, "How many of the windows of a plate that has some are lit."),
    Control(
        PLATE_YAW,
        "float",
        0.0,
        "Turns the world to the left about the stage's origin, beside where its plate's settings put it.",
        -180.0,
        180.0,
        "degrees",
    ),
    Control(PLATE_RIGHT, "float", 0.0, "Moves the world to stage right; below 0 to the left.", -20.0, 20.0, "m"),
    Control(PLATE_FORWARD, "float", 0.0, "Moves the world away from the stage; below 0 nearer.", -20.0, 20.0, "m"),
    Control(PLATE_HEIGHT, "float", 0.0, "Moves the world up; below 0 down.", -20.0, 20.0, "m"),
    Control(
        PLATE_SCALE,
        "float",
        1.0,
        "How large the world is, about the stage's origin on the floor; 2 is twice as large, and twice as far away.",
        0.1,
        10.0,
    ),
    Control(
        FALL_SNOW_DENSITY,
        "float",
        1.0,
        "How many flakes fall where the look has snow; multiplies its fader. At 0 snow lies and none falls.",
        0.0,
        2.0,
    ),
    Control(FALL_SNOW_SPEED, "float", 1.0, "How fast flakes fall; 1 is 0.95 m/s.", 0.0, 2.0),
    Control(
        FALL_RAIN_DENSITY,
        "float",
        1.0,
        "How many drops fall where the look has rain; multiplies its fader. At 0 the ground is wet and none falls.",
        0.0,
        2.0,
    ),
    Control(FALL_RAIN_SPEED, "float", 1.0, "How fast drops fall; 1 is 7.5 m/s.", 0.0, 2.0),
    Control(FALL_WIND, "float", 0.0, "Wind in what falls, to stage right; below 0 to the left.", -10.0, 10.0, "m/s"),
    Control(CHANCE_AMOUNT, "float", 0.0, "How far the controls that the show names drift around their cues' values."),
    Control(CHANCE_SEED, "int", 0, "Which way they drift.", high=65535.0),
    *key.CONTROLS,
    *monitor.CONTROLS,
    *_lamp(SIM_KEY, "key light", (-0.5, 5600.0, -80.0, 30.0)),
    *_lamp(SIM_FILL, "fill light", (-2.5, 6500.0, 20.0, 15.0)),
)
