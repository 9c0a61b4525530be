"""The green-screen keyer's controls, and those of how what is keyed is put before the world."""

from __future__ import annotations

from typing import Literal

from vpengine.control.controls import Control

# Chroma key green (0.045, 0.33, 0.06 in linear Rec.709) in ACEScg, which is what the keyer is given.
GREEN = (0.142, 0.306, 0.090)
LUMA, WORLD, COLOR = range(3)  # what spill is replaced by


def _key(
    name: str, default: float, sentence: str, low: float = 0.0, high: float = 1.0, unit: str = "", kind: str = "float"
) -> Control:
    number: Literal["float", "int"] = "int" if kind == "int" else "float"
    return Control(f"/vp/key/{name}", number, default, sentence, low, high, unit)


DEFOCUS = "/vp/key/defocus"
SCREEN = ("/vp/key/screen/r", "/vp/key/screen/g", "/vp/key/screen/b")
LEAST_GAIN, MOST_GAIN = 1 / 16, 16.0
GAINS = ("/vp/picture/gain/r", "/vp/picture/gain/g", "/vp/picture/gain/b")
# What key:CAMERA shows, by the control's number.
STAGES = ("matte", "measured alpha", "sure foreground", "screen's light", "shadow", "foreground", "garbage matte")
SETTINGS = (
    _key("screen/r", GREEN[0], "Red light of the screen, as picked from the camera's picture.", 0.0, 4.0),
    _key("screen/g", GREEN[1], "Green light of the screen, as picked from the camera's picture.", 0.0, 4.0),
    _key("screen/b", GREEN[2], "Blue light of the screen, as picked from the camera's picture.", 0.0, 4.0),
    _key("clip/black", 0.01, "What the matte holds below this is screen.", 0.0, 0.45),
    _key("clip/white", 0.92, "What the matte holds above this is foreground.", 0.5, 1.0),
    _key("shrink", 0.0, "Moves the matte's edge inwards; below 0 outwards.", -8.0, 8.0, "px"),
    _key("feather", 0.0, "Softens the matte's edge.", 0.0, 16.0, "px"),
    _key("refine", 0.5, "Takes the camera's noise out of the matte, and leaves its edges; 0 leaves all."),
    _key("despill/amount", 1.0, "How much of the screen's light on the foreground is taken out."),
    _key("despill/choice", LUMA, "What spill is replaced by: 0 its own luminance, 1 the world, 2 a colour.", 0, 2, "",
         "int"),
    _key("despill/r", 0.5, "Red of the colour that replaces spill.", 0.0, 4.0),
    _key("despill/g", 0.5, "Green of the colour that replaces spill.", 0.0, 4.0),
    _key("despill/b", 0.5, "Blue of the colour that replaces spill.", 0.0, 4.0),
    _key("shadow", 0.0, "How much of what falls in shadow on the screen is in shadow in the world; asks for a clean "
         "plate.", 0.0, 2.0),
    _key("extend", 0.5, "How far the foreground's own colour is drawn out into its soft edges."),
    _key("wrap/amount", 0.0, "How much of the world's light wraps around the foreground's edges."),
    _key("wrap/radius", 16.0, "How far it reaches.", 1.0, 64.0, "px"),
    _key("grain", 0.0, "Noise on the world, to match the camera's; 1 is a dark stage at a high gain."),
    _key("black", 0.0, "Lifts the world's black to the camera's.", 0.0, 0.1),
    Control("/vp/key/clean_plate", "bool", True, "The screen without anybody is learnt from the picture, and used."),
)  # fmt: skip
# And those that are not the key's own.
CONTROLS = (
    *SETTINGS,
    _key("view", 0, f"What key:CAMERA shows: {', '.join(f'{n} the {name}' for n, name in enumerate(STAGES))}.",
         0, len(STAGES) - 1, "", "int"),
    Control(DEFOCUS, "bool", False, "The world is as soft as the lens's focus and T-stop make it."),
    Control("/vp/key/front", "bool", False, "What of the world is nearer than the mark passes before the picture."),
    *(Control(address, "float", 1.0, f"Gain on the {name} light of cameras' own pictures, as a grey card sets it.",
              LEAST_GAIN, MOST_GAIN) for address, name in zip(GAINS, ("red", "green", "blue"), strict=True)),
)  # fmt: skip
