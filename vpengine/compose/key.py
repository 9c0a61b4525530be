"""The green-screen keyer: a camera's picture, scene-linear, into a matte and the foreground's own light.

Alpha is measured against the screen and the foreground as they are at each place: C = a F + (1 - a) S is solved for a
by the linear measure that tells the local S best from everything the local F is (shaders/key_solve.frag).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vpengine.compose.key_fields import FIELD, HoleFiller, shrunk
from vpengine.compose.key_refiner import AlphaCorrection, MatteRefiner
from vpengine.compose.key_settings import KeySettings as KeySettings
from vpengine.compose.key_settings import key_axes, spill_slope
from vpengine.compose.key_settings import key_settings as key_settings
from vpengine.compose.key_settings import pick as pick
from vpengine.compose.key_steady import Steady as Steady
from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Pass
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Layer, Target, Texture

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
    clips="vec2",
)
REFINE = UniformBlock("Refine", strength="float")
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
    of the screen's light that was. core, of 4 x 4 pixels: mean light, and how surely it is foreground. measure, of
    4 x 4: what tells the screen from it. near, of 4 x 4: the foreground's light, filled in. screen, of 8 x 8: the
    screen's light to the clean plate's (or to the picked colour). What is left is what the key was made of.
    """

    matte: Target | Layer
    foreground: Target | Layer
    core: Target
    measure: Layer
    near: Layer
    screen: Target
    picture: Texture
    values: Mapping[str, Any]
    plate: Mapping[str, Texture]


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
        "clips": (settings.clip_black, settings.clip_white),
    }


def draw_edge(gpu: Gpu, keyed: Keyed, target: Target) -> None:
    """Alpha as it is measured, in grey, into a target of any size: nobody needs it but who looks at it."""
    textures = {"picture": keyed.picture, "measure": keyed.measure.color, **keyed.plate}
    _pass(gpu, "key_edge", keyed.plate).draw(target, textures, **keyed.values)


def _pass(gpu: Gpu, name: str, plate: Mapping[str, Texture], defines: Mapping[str, str] | None = None) -> Pass:
    return gpu.pass_(name, KEY, {**(defines or {}), **({"PLATE": "1"} if plate else {})})


class Keyer:
    """refiner: a network that is asked, for every picture, what is to be added to the measured alpha."""

    def __init__(self, gpu: Gpu, refiner: MatteRefiner | None = None) -> None:
        self._gpu = gpu
        self._filler = HoleFiller(gpu)
        self._sure = gpu.pass_("key_sure")
        self._kept = gpu.pass_("key_sure", None, {"MOMENTS": "1"})
        self._moments = gpu.pass_("key_moments")
        self._refiner = Refiner(gpu)
        self._correction = AlphaCorrection(gpu, refiner) if refiner is not None else None
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
        steady: Steady | None = None,
        tick: int = 0,
    ) -> Keyed:
        """picture: scene-linear ACEScg. clean_plate: the screen with nobody before it, of any size; left out when the
        settings say so. garbage: r is 1 where the key works and 0 where nothing is wanted, g is 1 where the picture
        is kept as it is. refined: an alpha (r) of the picture's size made
        elsewhere, such as by a network, in place of the measured one. steady: the camera's, whose picture this is at
        ``tick``: the matte is steadied by the one before.
        """
        size = (picture.size[0], picture.size[1])
        plate = {"clean_plate": clean_plate} if clean_plate is not None and settings.clean_plate else {}
        values = key_values(settings, size)
        screen = self._filled_screen(picture, plate, values, lend)
        local = {**plate, "screen_ratio": screen.color}
        of_core, before = TargetSpec(shrunk(size, 4), FIELD), None
        if steady is not None:
            core, before = steady.turn("core", of_core, settings.screen, tick)
        else:
            core = lend(of_core)
        self._pass("key_core", plate).draw(core, {"picture": picture, **local}, **values)
        textures = {**local, "before": before.color} if before is not None else local
        measure, near = self._solved(core, textures, plate, values, lend)
        raw = measure
        if settings.refine > 0.0 and refined is None:
            measure = self._refiner.refined(picture, measure, settings.refine, plate, values, lend)
        found = {"picture": picture, "measure": measure.color, "near": near.color, **local}
        defines = {"GARBAGE": "1"} if garbage is not None else {}
        found |= {"garbage": garbage} if garbage is not None else {}
        if refined is not None:
            found["refined"], defines["REFINED"] = refined, "1"
        elif self._correction is not None:
            self._correct(found, raw, core, defines, plate, values, lend)
        matte, foreground = self._finished(found, settings, defines, plate, values, lend, (steady, tick))
        return Keyed(matte, foreground, core, raw, near, screen, picture, values, plate)

    def _correct(
        self,
        found: dict[str, Texture],
        raw: Layer,
        core: Target,
        defines: dict[str, str],
        plate: dict[str, Texture],
        values: dict[str, Any],
        lend: Lend,
    ) -> None:
        """Into ``found`` and ``defines``, where there is a correction."""
        assert self._correction is not None
        facts = {**found, "raw": raw.color, "core": core.color}
        correction = self._correction.draw(self._pass("key_facts", plate), facts, values, lend)
        if correction is not None:
            found["correction"], defines["CORRECTED"] = correction, "1"

    def release(self) -> None:
        if self._correction is not None:
            self._correction.release()

    def _pass(self, name: str, plate: Mapping[str, Texture], defines: Mapping[str, str] | None = None) -> Pass:
        return _pass(self._gpu, name, plate, defines)

    def _filled_screen(self, picture: Texture, plate: dict[str, Texture], values: dict[str, Any], lend: Lend) -> Target:
        size = shrunk((picture.size[0], picture.size[1]), 8)
        found = lend(TargetSpec(size, FIELD))
        self._pass("key_screen", plate).draw(found, {"picture": picture, **plate}, **values)
        sure = lend(TargetSpec(size, FIELD))
        self._sure.draw(sure, {"found": found.color})
        return self._filler.fill(sure, ((1.0, 1.0, 1.0),), lend)

    def _solved(
        self, core: Target, local: dict[str, Texture], plate: dict[str, Texture], values: dict[str, Any], lend: Lend
    ) -> tuple[Layer, Layer]:
        """The measure, and the foreground's light filled in."""
        sure = lend(TargetSpec(core.size, FIELD))
        self._kept.draw(sure, {"found": core.color})
        half = shrunk(core.size, 2)
        below = lend(TargetSpec((3 * half[0], half[1]), FIELD))
        self._moments.draw(below, {"sure": sure.color})
        filled = self._filler.fill(below, FALLBACK, lend)
        solved = lend(TargetSpec(core.size, FIELD, colors=2))
        textures = {"sure": sure.color, "moments": filled.color, **local}
        defines = {"STEADY": "1"} if "before" in local else {}
        self._pass("key_solve", plate, defines).draw(solved, textures, **values)
        measure, near = solved.layers
        return measure, near

    def _finished(
        self,
        found: dict[str, Texture],
        settings: KeySettings,
        defines: dict[str, str],
        plate: dict[str, Texture],
        values: dict[str, Any],
        lend: Lend,
        kept: tuple[Steady | None, int],
    ) -> tuple[Target | Layer, Target | Layer]:
        """Matte and foreground, at once where no edge is moved between them."""
        size = (found["picture"].size[0], found["picture"].size[1])
        at_once = settings.shrink_px == 0.0 and settings.feather_px == 0.0
        spec, before = TargetSpec(size, colors=2 if at_once else 1), None
        steady, tick = kept
        drawn, before = steady.turn("matte", spec, settings.screen, tick) if steady is not None else (lend(spec), None)
        if before is not None:
            found["before"], defines["STEADY"] = before.color, "1"
        if at_once:
            both = drawn
            self._pass("key_matte", plate, defines).draw(both, found, **values)
            matte, foreground = both.layers
            return matte, foreground
        alone = drawn
        self._pass("key_matte", plate, {**defines, "ALONE": "1"}).draw(alone, found, **values)
        moved = self._edges.moved(alone, settings, lend)
        own = lend(TargetSpec(size))
        self._pass("key_foreground", plate).draw(own, {**found, "matte": moved.color}, **values)
        return moved, own


class Refiner:
    """The matte's own guided filter, with as much noise as it finds."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._means = gpu.pass_("key_noise")
        self._least = gpu.pass_("key_noise", None, {"LEAST": "1"})
        self._refined = gpu.pass_("key_refine", REFINE)

    def refined(
        self,
        picture: Texture,
        measure: Layer,
        refine: float,
        plate: Mapping[str, Texture],
        values: Mapping[str, Any],
        lend: Lend,
    ) -> Layer:
        """The measure of alpha without noise."""
        stats = lend(TargetSpec(measure.size, FIELD, components=2))
        measured = {"picture": picture, "measure": measure.color, **plate}
        stats_pass = self._gpu.pass_("key_stats", KEY if plate else None, {"PLATE": "1"} if plate else {})
        stats_pass.draw(stats, measured, **(values if plate else {}))
        means, least = (lend(TargetSpec(shrunk(stats.size, 4), FIELD, components=2)) for _ in range(2))
        self._means.draw(means, {"stats": stats.color})
        self._least.draw(least, {"stats": means.color})
        refined = lend(TargetSpec(stats.size, FIELD))
        textures = {"stats": stats.color, "noise": least.color, "measure": measure.color}
        self._refined.draw(refined, textures, strength=NOISE_GAIN * refine)
        return refined.layers[0]


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
