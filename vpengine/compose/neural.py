"""The neural layer of one place: keeps the newest keyframes and re-projects them to today's pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.grading import GradeTable
from vpengine.frames.keyframe import Keyframe
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, write
from vpengine.view.reproject import Source, gather
from vpengine.view.view import View, view_ray_from_ndc

MAX_KEYFRAMES = 4
RISE_S = 0.07  # a new keyframe fades in over this, so that nothing pops
SETTLED_S = 1.0  # after which the grade has reached a plain keyframe's, which changes nothing
SUCCESSION = 0.05  # what each newer keyframe leaves of an older one's weight
IGNORED = 0.1  # a keyframe with less than this share of what newer ones have is not asked
KNOWN = 0.25  # the weight at which the graded plate is no longer needed
# Where the first draws of shaders/reproject.frag may take a pixel: a keyframe's share of its own full weight, and a sum
# of weights beside which a keyframe that has a settled successor (SUCCESSION at most) is ignored.
QUICK_WEIGHT, SURE_WEIGHT = 0.6, SUCCESSION / IGNORED
BORDER = 0.06  # of the picture: a keyframe's weight falls to 0 towards its edges

BLOCK = UniformBlock(
    "Reproject",
    view_ray_from_ndc="mat3",
    key_from_view="mat4[4]",
    key_origin="vec4[4]",
    freshness="vec4[4]",
    up_in_view="vec3",
    amount="float",
    key_size="vec2",
    border="vec2",
)
_DEFINES = {
    "IGNORED": str(IGNORED),
    "KNOWN": str(KNOWN),
    "QUICK_WEIGHT": str(QUICK_WEIGHT),
    "SURE_WEIGHT": str(SURE_WEIGHT),
}
STALE_BLOCK = UniformBlock("Stale", picture_in_key="vec2")


class _Slot:
    """The textures of one keyframe. Four components: a three-component half float is slow on software GL.

    The plate's own colour is for comparison only, and written when it is asked for.
    """

    def __init__(self, gpu: Gpu, resolution: tuple[int, int]) -> None:
        self.gain = gpu.texture(resolution, 4, "f2")
        self.bias = gpu.texture(resolution, 4, "f2")
        self.depth = gpu.texture(resolution, 1, "f4", nearest=True)
        self.plate = gpu.texture(resolution, 4, "f2")
        self._plate_of: Keyframe | None = None

    def write(self, keyframe: Keyframe) -> None:
        write(self.gain, keyframe.gain)
        write(self.bias, keyframe.bias)
        write(self.depth, keyframe.request.plate.depth_m[..., None])

    def stale(self, keyframe: Keyframe) -> dict[str, Bound]:
        """What the keyframe in this slot is drawn from as it is."""
        if self._plate_of is not keyframe:
            write(self.plate, keyframe.request.plate.color)
            self._plate_of = keyframe
        return {"key_plate": self.plate, "key_gain": self.gain, "key_bias": self.bias}

    def release(self) -> None:
        for texture in (self.gain, self.bias, self.depth, self.plate):
            texture.release()


def _key_textures(slots: Sequence[_Slot]) -> dict[str, Bound]:
    return {
        "key_gain": tuple(slot.gain for slot in slots),
        "key_bias": tuple(slot.bias for slot in slots),
        "key_depth": tuple(slot.depth for slot in slots),
    }


@dataclass(frozen=True, eq=False)
class _Kept:
    keyframe: Keyframe
    slot: _Slot
    since_s: float

    def rise(self, time_s: float) -> float:
        t = min(max((time_s - self.since_s) / RISE_S, 0.0), 1.0)
        return t * t * (3.0 - 2.0 * t)


class NeuralLayer:
    """Owns the keyframes' textures. ``resolution`` is that of every keyframe, ``size`` the inner picture's.

    keyframes: how many are kept, MAX_KEYFRAMES at most.
    """

    def __init__(
        self, gpu: Gpu, resolution: tuple[int, int], size: tuple[int, int], keyframes: int = MAX_KEYFRAMES
    ) -> None:
        self._gpu = gpu
        self._resolution = resolution
        self._free = [_Slot(gpu, resolution) for _ in range(min(keyframes, MAX_KEYFRAMES))]
        self._kept: list[_Kept] = []  # newest first
        self._target = Target(gpu.context, size, z_buffer=True)
        self._last = gpu.pass_("reproject", BLOCK, {**_DEFINES, **GradeTable.DEFINES, "KEYS": str(MAX_KEYFRAMES)})
        self._quick, self._sure = (
            [
                gpu.pass_("reproject", BLOCK, {**_DEFINES, "KEYS": str(keys), kind: "1"})
                for keys in range(1, MAX_KEYFRAMES + 1)
            ]
            for kind in ("QUICK", "SURE")
        )
        self._stale_pass = gpu.pass_("stale", STALE_BLOCK)
        self.grade = GradeTable(gpu)

    def resize(self, size: tuple[int, int]) -> None:
        """Draw inner pictures of another size from now on."""
        self._target.release()
        self._target = Target(self._gpu.context, size, z_buffer=True)

    @property
    def newest(self) -> Keyframe | None:
        return self._kept[0].keyframe if self._kept else None

    def add(self, keyframe: Keyframe, time_s: float) -> None:
        """Take a keyframe in; with all places taken the oldest, which its successors have faded out, goes.

        The first of a new epoch (another generator or seed) follows the newest of the old one alone: what the old
        epoch made elsewhere would stand in the new one's holes.
        """
        newest = self.newest
        if newest is not None and newest.request.epoch != keyframe.request.epoch:
            self._drop(1)
        slot = self._free.pop() if self._free else self._kept.pop().slot
        slot.write(keyframe)
        self._kept.insert(0, _Kept(keyframe, slot, time_s))

    def enter(self, shown: NeuralLayer | None) -> None:
        """Forget what was seen here before; until keyframes come, holes take the grade of what is ``shown`` now."""
        self._drop(0)
        self.grade.start_from(shown.grade if shown else None)

    def _drop(self, kept: int) -> None:
        """All keyframes but the newest ``kept``."""
        self._free.extend(old.slot for old in self._kept[kept:])
        del self._kept[kept:]

    def advance(self, time_s: float) -> None:
        """Move the grade on towards the newest keyframe's; once a plain look has settled, the plate needs no layer."""
        if not self._kept:
            return
        newest = self._kept[0]
        self.grade.approach(newest.keyframe.grade, time_s, newest.keyframe.request.look)
        if newest.keyframe.request.look.plain and time_s - newest.since_s > SETTLED_S:
            self._drop(0)
            self.grade.start_from(None)

    def draw(self, plate: Picture, time_s: float, amount: float) -> Picture:
        """The generated world at the plate's View. With no keyframe or no amount: the plate itself, untouched."""
        if not self._kept or amount <= 0.0:
            return plate
        slots = [kept.slot for kept in self._kept]
        slots += slots[:1] * (MAX_KEYFRAMES - len(slots))  # every sampler wants a texture
        world: dict[str, Bound] = {"plate_color": plate.color, "plate_depth": plate.depth}
        values = {"amount": amount, **self._frame_values(plate.view, time_s)}
        self._target.clear_marks()
        settled = self._first_settled(time_s)
        if settled is not None:
            newest = world | _key_textures(slots[: settled + 1])
            self._quick[settled].draw(self._target, newest, "mark", **values)
            self._sure[settled].draw(self._target, newest, "rest", **values)
        everything = world | _key_textures(slots) | {"grade": self.grade.texture}
        self._last.draw(self._target, everything, "rest", **values)
        return self._picture(plate)

    def unseen(self, plate: Picture, time_s: float) -> NDArray[np.bool_]:
        """Which of the plate's pixels (height, width) no keyframe shows: for measurements, on the CPU."""
        sources = [
            Source(key.request.plate.view, key.gain, key.bias, key.request.plate.depth_m, fresh)
            for key, fresh in zip((kept.keyframe for kept in self._kept), self.freshness(time_s), strict=True)
        ]
        gathered = gather(plate.view, download(plate.depth)[..., 0], sources, BORDER, IGNORED)
        return gathered.weight < 0.5 * KNOWN

    def warm(self, plate: Picture) -> None:
        """Draw every variant once, in the places that it will draw in: on software GL a first draw costs a tenth of a
        second, and a z-test makes it another.
        """
        slots = self._free[:1] * MAX_KEYFRAMES
        world: dict[str, Bound] = {"plate_color": plate.color, "plate_depth": plate.depth}
        values = {"amount": 1.0, **self._frame_values(plate.view, 0.0)}
        self._target.clear_marks()
        for keys, (quick, sure) in enumerate(zip(self._quick, self._sure, strict=True), 1):
            quick.draw(self._target, world | _key_textures(slots[:keys]), "mark", **values)
            sure.draw(self._target, world | _key_textures(slots[:keys]), "rest", **values)
        self._last.draw(self._target, world | _key_textures(slots) | {"grade": self.grade.texture}, "rest", **values)
        textures = {"key_plate": slots[0].plate, "key_gain": slots[0].gain, "key_bias": slots[0].bias}
        self._stale_pass.draw(self._target, textures, picture_in_key=(1.0, 1.0))

    def draw_stale(self, plate: Picture, picture_in_key: tuple[float, float]) -> Picture:
        """The newest keyframe without re-projection; picture_in_key: how much of its sides the picture spans."""
        if not self._kept:
            return plate
        newest = self._kept[0]
        self._stale_pass.draw(self._target, newest.slot.stale(newest.keyframe), picture_in_key=picture_in_key)
        return self._picture(plate)

    def freshness(self, time_s: float) -> list[float]:
        """Each keyframe's weight by its age alone, newest first: it rises, and falls as its successors rise."""
        weights, left = [], 1.0
        for kept in self._kept:
            rise = kept.rise(time_s)
            weights.append(rise * left)
            left *= 1.0 - (1.0 - SUCCESSION) * rise
        return weights

    def _first_settled(self, time_s: float) -> int | None:
        """The newest keyframe that has fully faded in: where it shows well, older ones have no say."""
        return next((place for place, kept in enumerate(self._kept) if kept.rise(time_s) >= 1.0), None)

    def _picture(self, plate: Picture) -> Picture:
        return Picture(self._target.color, plate.depth, plate.view, self._kept[0].keyframe.provenance)

    def _frame_values(self, view: View, time_s: float) -> dict[str, Any]:
        matrices = np.zeros((MAX_KEYFRAMES, 4, 4))
        origins = np.zeros((MAX_KEYFRAMES, 4))
        freshness = np.zeros((MAX_KEYFRAMES, 4))
        freshness[: len(self._kept), 0] = self.freshness(time_s)
        for place, kept in enumerate(self._kept):
            key = kept.keyframe.request.plate.view
            matrices[place] = key.clip_from_stage @ view.stage_from_view
            origins[place] = view.view_from_stage @ [*key.origin_m, 1.0]
        return {
            "view_ray_from_ndc": view_ray_from_ndc(view),
            "key_from_view": matrices,
            "key_origin": origins,
            "freshness": freshness,
            "up_in_view": view.view_from_stage[:3, 2],
            "key_size": self._resolution,
            "border": (1.0 / BORDER, 1.0 / BORDER),
        }

    def release(self) -> None:
        for slot in [*self._free, *(kept.slot for kept in self._kept)]:
            slot.release()
        self._target.release()
        self.grade.release()
