"""The green-screen keyer: a camera's picture, scene-linear, into a matte and the foreground's own light.

Alpha is measured against the screen and the foreground as they are at each place: C = a F + (1 - a) S is solved for a
by the linear measure that tells the local S best from everything the local F is (shaders/key_solve.frag).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpengine.compose.key_fields import FIELD, HoleFiller, shrunk
from vpengine.compose.key_settings import KeySettings as KeySettings
from vpengine.compose.key_settings import key_axes, spill_slope
from vpengine.compose.key_settings import key_settings as key_settings
from vpengine.compose.key_settings import pick as pick
from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Pass
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture

KEY = UniformBlock(
    "Key",
    screen="vec4",
    along="vec3",
    across="vec3",
    replacement="vec4",
    picture_size="vec2",
    scatter="vec3",
    sure_slope="float",
    spill_slope="float",
    despill="float",
    extend="float",
)
REFINE = UniformBlock("Refine", strength="float")
MATTE = UniformBlock("Matte", clips="vec2")
CHOKE = UniformBlock("Choke", direction="vec2", radius_px="float", choose_least="float")
BLUR = UniformBlock("Blur", blurred="vec4", direction="vec2", deviation_px="float")

# What else a foreground is than what it surely is nearby, as squares of parts of the screen's light: greys of any
# brightness, and the camera's noise; then the part of their difference in chroma that is not to be trusted.
SCATTER = (0.2**2 / 3.0, 0.03**2, 0.4)
SURE_SLOPE = 1.0  # screen and foreground are told apart within 45 degrees of the screen's hue
NOISE_GAIN = 4.0  # times the least variance nearby, at a refine of 1
GREY = 0.18  # the foreground where none is sure
ACROSS, DOWN = (1.0, 0.0), (0.0, 1.0)
ALPHA_ALONE = (1.0, 0.0, 0.0, 0.0)
FALLBACK = ((GREY,) * 3, (2.0 * GREY**2,) * 3, (GREY**2,) * 3)


@dataclass(frozen=True)
class Keyed:
    """One picture's key, and what it was made from, each to be looked at alone.

    matte: r alpha, g the screen's shadow (1 is none), b alpha before its edge was moved, a what is held out.
    foreground: rgb light, premultiplied and without spill; a: alpha, or, where spill is replaced by the world, how much
    of the screen's light that was. edge: alpha as measured (r). core, of 4 x 4 pixels: mean light, and how surely it is
    foreground. moments, of 4 x 4: the foreground's colour filled in, its squares, its products, beside each other.
    screen, of 8 x 8: the screen's light to the clean plate's (or to the picked colour).
    """

    matte: Target
    foreground: Target
    edge: Target
    core: Target
    moments: Target
    screen: Target


def key_values(settings: KeySettings, size: tuple[int, int]) -> dict[str, Any]:
    """The values of KEY for a picture of ``size``."""
    along, across = key_axes(settings.screen)
    slope = spill_slope(settings.screen)
    to_color = settings.despill_color if settings.to_color else (1.0, 1.0, 1.0)
    return {
        "screen": (*settings.screen, 1.0),
        "along": along,
        "across": across,
        "replacement": (0.0, 0.0, 0.0, 1.0) if settings.to_world else (*to_color, 0.0),
        "picture_size": size,
        "scatter": SCATTER,
        "sure_slope": max(SURE_SLOPE, slope),
        "spill_slope": slope,
        "despill": settings.despill,
        "extend": settings.extend,
    }


class Keyer:
    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._filler = HoleFiller(gpu)
        self._sure = gpu.pass_("key_sure")
        self._moments = gpu.pass_("key_sure", None, {"MOMENTS": "1"})
        self._edge = gpu.pass_("key_edge")
        self._refiner = Refiner(gpu)
        self._edges = EdgeMover(gpu)

    def draw(
        self,
        picture: Texture,
        settings: KeySettings,
        lend: Lend,
        *,
        clean_plate: Texture | None = None,
        garbage: Texture | None = None,
        refined: Texture | None = None,
    ) -> Keyed:
        """picture: scene-linear ACEScg. clean_plate: the screen with nobody before it, of any size; left out when the
        settings say so. garbage: r is 1 where the key works and 0 where nothing is wanted, g is 1 where the picture
        is kept as it is. refined: an alpha (r) of the picture's size made
        elsewhere, such as by a network, in place of the measured one.
        """
        size = (picture.size[0], picture.size[1])
        plate = {"clean_plate": clean_plate} if clean_plate is not None and settings.clean_plate else {}
        values = key_values(settings, size)
        screen = self._filled_screen(picture, plate, values, lend)
        near = {**plate, "screen_ratio": screen.color}
        core = self._drawn("key_core", shrunk(size, 4), {"picture": picture, **near}, plate, values, lend)
        moments = self._filled_moments(core, lend)
        found = {**near, "core": core.color, "moments": moments.color}
        measure = self._drawn("key_solve", core.size, found, plate, values, lend)
        edge = lend(TargetSpec(size, components=1))
        measured = {"picture": picture, "measure": measure.color, **plate}
        self._pass("key_edge", plate).draw(edge, measured, **values) if plate else self._edge.draw(edge, measured)
        matte = self._matte(refined or edge.color, edge, settings, lend, garbage, screen.color if plate else None)
        matte = self._edges.moved(matte, settings, lend)
        foreground = lend(TargetSpec(size))
        textures = {"picture": picture, "matte": matte.color, "moments": moments.color, **near}
        self._pass("key_foreground", plate).draw(foreground, textures, **values)
        return Keyed(matte, foreground, edge, core, moments, screen)

    def _pass(self, name: str, plate: dict[str, Texture]) -> Pass:
        return self._gpu.pass_(name, KEY, {"PLATE": "1"} if plate else {})

    def _drawn(
        self,
        name: str,
        size: tuple[int, int],
        textures: dict[str, Texture],
        plate: dict[str, Texture],
        values: dict[str, Any],
        lend: Lend,
    ) -> Target:
        target = lend(TargetSpec(size, FIELD))
        self._pass(name, plate).draw(target, textures, **values)
        return target

    def _filled_screen(self, picture: Texture, plate: dict[str, Texture], values: dict[str, Any], lend: Lend) -> Target:
        size = shrunk((picture.size[0], picture.size[1]), 8)
        found = self._drawn("key_screen", size, {"picture": picture, **plate}, plate, values, lend)
        sure = lend(TargetSpec(size, FIELD))
        self._sure.draw(sure, {"found": found.color})
        return self._filler.fill(sure, ((1.0, 1.0, 1.0),), lend)

    def _filled_moments(self, core: Target, lend: Lend) -> Target:
        sure = lend(TargetSpec((3 * core.size[0], core.size[1]), FIELD))
        self._moments.draw(sure, {"found": core.color})
        return self._filler.fill(sure, FALLBACK, lend)

    def _matte(
        self,
        alpha: Texture,
        edge: Target,
        settings: KeySettings,
        lend: Lend,
        garbage: Texture | None,
        screen: Texture | None,
    ) -> Target:
        textures, defines = {"edge": alpha}, {}
        if settings.refine > 0.0 and alpha is edge.color:
            textures["gains"], defines["REFINE"] = self._refiner.gains(edge, settings.refine, lend).color, "1"
        if garbage is not None:
            textures["garbage"], defines["GARBAGE"] = garbage, "1"
        if screen is not None:
            textures["screen_ratio"], defines["PLATE"] = screen, "1"
        matte = lend(TargetSpec(edge.size))
        clips = (settings.clip_black, settings.clip_white)
        self._gpu.pass_("key_matte", MATTE, defines).draw(matte, textures, clips=clips)
        return matte


class Refiner:
    """The matte's own guided filter, with as much noise as it finds."""

    def __init__(self, gpu: Gpu) -> None:
        self._stats = gpu.pass_("key_stats")
        self._means = gpu.pass_("key_noise")
        self._least = gpu.pass_("key_noise", None, {"LEAST": "1"})
        self._gains = gpu.pass_("key_refine", REFINE)

    def gains(self, edge: Target, refine: float, lend: Lend) -> Target:
        """Of each 4 x 4 pixels: r times alpha plus g is alpha without noise."""
        stats = lend(TargetSpec(shrunk(edge.size, 4), FIELD, components=2))
        self._stats.draw(stats, {"edge": edge.color})
        means, least = (lend(TargetSpec(shrunk(edge.size, 16), FIELD, components=2)) for _ in range(2))
        self._means.draw(means, {"stats": stats.color})
        self._least.draw(least, {"stats": means.color})
        gains = lend(TargetSpec(stats.size, FIELD, components=2))
        self._gains.draw(gains, {"stats": stats.color, "noise": least.color}, strength=NOISE_GAIN * refine)
        return gains


class EdgeMover:
    """Shrinks or grows the matte, then softens its edge; each costs nothing at 0."""

    def __init__(self, gpu: Gpu) -> None:
        self._choke = gpu.pass_("key_choke", CHOKE)
        self._blur = gpu.pass_("key_blur", BLUR)

    def moved(self, matte: Target, settings: KeySettings, lend: Lend) -> Target:
        for direction in (ACROSS, DOWN) if settings.shrink_px != 0.0 else ():
            before, matte = matte, lend(TargetSpec(matte.size))
            self._choke.draw(
                matte,
                {"matte": before.color},
                direction=direction,
                radius_px=abs(settings.shrink_px),
                choose_least=float(settings.shrink_px > 0.0),
            )
        if settings.feather_px > 0.0:
            matte = blurred(self._blur, matte, 0.5 * settings.feather_px, ALPHA_ALONE, lend)
        return matte


def blurred(blur: Pass, source: Target, deviation_px: float, channels: tuple[float, ...], lend: Lend) -> Target:
    """By a Gaussian, across and then down. channels: 1 for each that is."""
    for direction in (ACROSS, DOWN):
        before, source = source, lend(TargetSpec(source.size))
        blur.draw(source, {"source": before.color}, direction=direction, deviation_px=deviation_px, blurred=channels)
    return source
