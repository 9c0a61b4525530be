"""The neural layer of one location: keeps the newest keyframes and re-projects them to today's pose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpengine.compose.drift import Drift, drift_defines
from vpengine.compose.grading import GradeTable
from vpengine.compose.keyframe_textures import BYTES_A_FRAME, KeyframeTextures, fits_a_frame
from vpengine.compose.surround import FIELDS, Surrounds
from vpengine.frames.keyframe import Keyframe, MadeOf
from vpengine.frames.look import Look
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.view.view import View, carried, view_ray_from_ndc

MAX_KEYFRAMES = 4  # one fewer beside a surround: a pass has sixteen textures on every driver, and no more on macOS
RISE_S = 0.07  # a new keyframe fades in over this, so that nothing pops
MOST_RISE_S = 0.5  # and over so long, where pictures are the steps of a look that moves on, and come no sooner
SETTLED_S = 1.0  # after which the grade has reached a plain keyframe's, which changes nothing
SUCCESSION = 0.05  # what each newer keyframe leaves of an older one's weight
IGNORED = 0.1  # a keyframe with less than this share of what newer ones have is not asked
KNOWN = 0.25  # the trust at which the graded plate is no longer needed
# Where the first draws of shaders/reproject.frag may take a pixel: a keyframe's share of its own full weight, and a sum
# of weights beside which a keyframe that has a settled successor (SUCCESSION at most) is ignored.
QUICK_WEIGHT, SURE_WEIGHT = 0.6, SUCCESSION / IGNORED
BORDER = 0.06  # of the picture: a keyframe's weight falls to 0 towards its edges

_FIELDS = {
    "view_ray_from_ndc": "mat3",
    "key_from_view": "mat4[4]",
    "key_origin": "vec4[4]",
    "keyframe": "vec4[4]",
    "up_in_view": "vec3",
    "amount": "float",
    "border": "vec2",
}
BLOCK = UniformBlock("Reproject", **_FIELDS)
SURROUND_BLOCK = UniformBlock("Reproject", **_FIELDS, **FIELDS)  # with a surround
_DEFINES = {
    "IGNORED": str(IGNORED),
    "KNOWN": str(KNOWN),
    "QUICK_WEIGHT": str(QUICK_WEIGHT),
    "SURE_WEIGHT": str(SURE_WEIGHT),
}
STALE_BLOCK = UniformBlock("Stale", picture_in_key="vec2")


def _plate_textures(plate: Picture) -> dict[str, Bound]:
    assert plate.depth is not None, "a world is re-projected by its depth"
    return {"plate_color": plate.color, "plate_depth": plate.depth}


def _key_textures(sets: Sequence[KeyframeTextures]) -> dict[str, Bound]:
    return {
        "key_gain": tuple(textures.gain for textures in sets),
        "key_bias": tuple(textures.bias for textures in sets),
        "key_depth": tuple(textures.depth for textures in sets),
    }


@dataclass(frozen=True, eq=False)
class _Kept:
    keyframe: Keyframe
    textures: KeyframeTextures
    since_s: float
    rise_s: float = RISE_S

    def rise(self, time_s: float) -> float:
        t = min(max((time_s - self.since_s) / self.rise_s, 0.0), 1.0)
        return t * t * (3.0 - 2.0 * t)

    def agreement(self, other: _Kept) -> float:
        """Of their looks; keyframes of two epochs have none."""
        ours, theirs = self.keyframe.request, other.keyframe.request
        return ours.look.agreement(theirs.look) if ours.epoch == theirs.epoch else 0.0


class NeuralLayer:
    """Owns the keyframes' textures. ``resolution``: of the largest keyframe that is usual; there are textures for it.

    keyframes: how many there are, MAX_KEYFRAMES at most; the oldest of them fades out as the newest fades in, so that
    one fewer rests. A large one is brought in over several frames, by ``add`` and
    ``advance``, BYTES_A_FRAME in each, and shown when all of it is there. It is bytes that are counted and not
    milliseconds: a film of the same frames must show it in the same one.

    location, surrounds: whose surround shows what no keyframe does; without them nothing does.
    moves: the plate does; a picture of it has no word where it shows something else by now.
    """

    def __init__(
        self,
        gpu: Gpu,
        resolution: tuple[int, int],
        keyframes: int = MAX_KEYFRAMES,
        location: str = "",
        surrounds: Surrounds | None = None,
        moves: bool = False,
    ) -> None:
        self._gpu = gpu
        self._moves = moves
        self._location = location
        self._surrounds = surrounds
        self._most = MAX_KEYFRAMES if surrounds is None else MAX_KEYFRAMES - 1
        self._keyframes = min(keyframes, self._most)
        self._resting = max(self._keyframes - 1, 1)
        self._kept: list[_Kept] = []  # newest first
        self._coming: tuple[Keyframe, KeyframeTextures] | None = None  # not all uploaded yet
        self._waiting: Keyframe | None = None  # until that is there; only the newest
        self._wanted: Look | None = None  # when that came
        self._frame_s, self._bytes_left = -np.inf, 0  # what the frame of that time may yet bring in
        common = _DEFINES | (drift_defines(self._most) if moves else {})
        defines = {**common, **GradeTable.DEFINES, "KEYS": str(self._most)}
        if surrounds is None:
            self._last = gpu.pass_("reproject", BLOCK, defines)
        else:
            self._last = gpu.pass_("reproject", SURROUND_BLOCK, {**defines, **surrounds.defines})
        self._quick, self._sure = (
            [
                gpu.pass_("reproject", BLOCK, {**common, "KEYS": str(keys), kind: "1"})
                for keys in range(1, self._most + 1)
            ]
            for kind in ("QUICK", "SURE")
        )
        self._stale_pass = gpu.pass_("stale", STALE_BLOCK)
        self._drift = Drift(gpu, self._most) if moves else None
        # After the passes: where a shader does not compile, it is tried again and again, and these would pile up.
        sets = self._keyframes + (not fits_a_frame(resolution))  # the oldest stays until its successor is there
        self._free = [KeyframeTextures(gpu, resolution, moves) for _ in range(sets)]
        self.grade = GradeTable(gpu)
        self._graded: MadeOf | None = None  # what the grade was made of last

    @property
    def newest(self) -> Keyframe | None:
        return self._kept[0].keyframe if self._kept else None

    def add(self, keyframe: Keyframe, time_s: float, wanted: Look | None = None) -> None:
        """Upload a keyframe, then show it; where all textures are in use, the oldest goes.

        wanted: the look that its bus has by now. Where that has moved on, it comes in slowly (``_rise_s``).
        """
        self._waiting, self._wanted = keyframe, wanted
        self._bring_in(time_s)

    def forget_older(self, epoch: int) -> None:
        """Of what is not all uploaded yet nothing is shown that was asked in an epoch before this one."""
        if self._waiting is not None and self._waiting.request.epoch != epoch:
            self._waiting = None
        if self._coming is not None and self._coming[0].request.epoch != epoch:
            self._give_up()

    @property
    def kept(self) -> set[MadeOf]:
        """What its pictures were made of, also those that come, and its grade."""
        coming = (self._waiting, self._coming[0] if self._coming is not None else None)
        keyframes = (*(each.keyframe for each in self._kept), *coming)
        graded = {self._graded} if self._graded is not None and not self.grade.is_neutral else set()
        return graded | {keyframe.made_of for keyframe in keyframes if keyframe is not None}

    def forget(self, looks: Collection[Look]) -> None:
        """Nothing of these looks is left: neither their pictures nor a grade that one of them had its share in."""
        gone = [look for look, _ in self.kept if look in looks]
        if not gone:
            return
        self._free.extend(each.textures for each in self._kept if each.keyframe.request.look in looks)
        self._kept = [each for each in self._kept if each.keyframe.request.look not in looks]
        self._give_up()
        self._start_from(None)

    def _start_from(self, other: NeuralLayer | None) -> None:
        """With the grade of another layer, or with none."""
        self.grade.start_from(other.grade if other is not None else None)
        self._graded = other._graded if other is not None else None

    def _bring_in(self, time_s: float) -> None:
        """As much as this frame may yet; a film asks twice for a frame, where it shows it without re-projection too."""
        if time_s != self._frame_s:
            self._frame_s, self._bytes_left = time_s, BYTES_A_FRAME
        try:
            while self._bytes_left > 0 and (self._coming is not None or self._waiting is not None):
                keyframe, textures = self._coming or self._begun()
                self._bytes_left -= textures.write(self._bytes_left)
                if textures.whole:
                    self._coming = None
                    self._keep(_Kept(keyframe, textures, time_s, self._rise_s(keyframe, time_s)))
        except Exception:
            self._give_up()
            raise

    def _begun(self) -> tuple[Keyframe, KeyframeTextures]:
        assert self._waiting is not None
        keyframe, self._waiting = self._waiting, None
        textures = self._textures(keyframe.request.plate.view.resolution)
        self._coming = keyframe, textures
        textures.begin(keyframe)
        return self._coming

    def _textures(self, resolution: tuple[int, int]) -> KeyframeTextures:
        """Textures to write into: others' where they fit, else in others' place: a governor changes the size."""
        if not self._free:
            self._free.append(self._kept.pop().textures)
        fitting = next((textures for textures in self._free if textures.resolution == resolution), self._free[-1])
        self._free.remove(fitting)
        if fitting.resolution == resolution:
            return fitting
        fitting.release()
        return KeyframeTextures(self._gpu, resolution, self._moves)

    def _keep(self, coming: _Kept) -> None:
        """The first of a new epoch (another generator or seed) follows the newest of the old one alone: what the old
        epoch made elsewhere would stand in the new one's holes.
        """
        newest = self.newest
        new_epoch = newest is not None and newest.request.epoch != coming.keyframe.request.epoch
        self._drop(1 if new_epoch else self._keyframes - 1)
        self._kept.insert(0, coming)

    def _rise_s(self, keyframe: Keyframe, time_s: float) -> float:
        """While a look moves, and for the picture at which it comes to rest, as long as the one before took to come: a
        slow generator's pictures are steps of a fade, and the walls go from each to the next as those go by.
        """
        before, look = self._kept[0] if self._kept else None, keyframe.request.look
        if before is None or look == before.keyframe.request.look:
            return RISE_S
        moves = (self._wanted is not None and look != self._wanted) or before.rise_s > RISE_S
        return min(max(time_s - before.since_s, RISE_S), MOST_RISE_S) if moves else RISE_S

    def _give_up(self) -> None:
        """What is not all uploaded yet."""
        if self._coming is not None:
            self._free.append(self._coming[1])
        self._coming = self._waiting = None

    def enter(self, shown: NeuralLayer | None) -> None:
        """Forget what was seen here before; until keyframes come, holes take the grade of what is ``shown`` now."""
        self._drop(0)
        self._give_up()
        self._start_from(shown)

    def settle(self) -> None:
        """The plate is the answer: where no keyframe is there, or coming, to lead to it, it is shown at once."""
        if self._kept or self._coming is not None or self._waiting is not None or self.grade.is_neutral:
            return
        self._start_from(None)

    @property
    def changes_nothing(self) -> bool:
        """The plate is shown as it is; else what no keyframe saw takes the grade, also before the first has come."""
        around = self._surrounds is not None and self._surrounds.shows(self._location)
        return not self._kept and self.grade.is_neutral and not around

    def _drop(self, kept: int) -> None:
        """All keyframes but the newest ``kept``."""
        self._free.extend(old.textures for old in self._kept[kept:])
        del self._kept[kept:]

    def advance(self, time_s: float) -> None:
        """Once a frame, after what it adds: bring in more of what is coming, let go what has faded out, and move the
        grade on towards the newest keyframe's; once a plain look has settled, the plate needs no layer.
        """
        self._bring_in(time_s)
        if not self._kept:
            return
        if len(self._kept) > self._resting and self._kept[0].rise(time_s) >= 1.0:
            self._drop(self._resting)
        newest = self._kept[0]
        self.grade.approach(newest.keyframe.grade, time_s, newest.keyframe.request.look)
        self._graded = newest.keyframe.made_of
        if newest.keyframe.request.look.plain and time_s - newest.since_s > SETTLED_S:
            self._drop(0)
            self._start_from(None)

    def draw(self, target: Target, plate: Picture, time_s: float, amount: float) -> Picture:
        """The generated world at the plate's View. With nothing to change, or no amount: the plate itself, untouched.

        target: with a z-buffer, of the plate's size.
        """
        if self.changes_nothing or amount <= 0.0:
            return plate
        sets = [kept.textures for kept in self._kept] or self._free[:1]
        sets += sets[:1] * (self._most - len(sets))  # every sampler wants a texture
        values = {"amount": amount, **self._frame_values(plate.view, time_s)}
        world = self._world(plate, sets, values)
        target.clear_marks()
        settled = self._first_settled(time_s)
        if settled is not None:
            newest = world | _key_textures(sets[: settled + 1])
            self._quick[settled].draw(target, newest, "mark", **values)
            self._sure[settled].draw(target, newest, "rest", **values)
        self._draw_last(target, world | _key_textures(sets), plate.view, values)
        return self._picture(target, plate)

    def _world(self, plate: Picture, sets: Sequence[KeyframeTextures], values: dict[str, Any]) -> dict[str, Bound]:
        """What is re-projected on, and how far its light has drifted since ``sets`` where it moves."""
        world = _plate_textures(plate)
        return world if self._drift is None else world | self._drift.since(world | _key_textures(sets), values)

    def _draw_last(self, target: Target, textures: dict[str, Bound], view: View, values: dict[str, Any]) -> None:
        textures = textures | {"grade": self.grade.texture}
        if self._surrounds is not None:
            textures |= self._surrounds.textures
            values = values | self._surrounds.values(self._location, view)
        self._last.draw(target, textures, "rest", **values)

    def warm(self, target: Target, plate: Picture) -> None:
        """Draw every variant once, in the places that it will draw in: on software GL a first draw costs a tenth of a
        second, and a z-test makes it another.
        """
        sets = self._free[:1] * self._most
        values = {"amount": 1.0, **self._frame_values(plate.view, 0.0)}
        world = self._world(plate, sets, values)
        target.clear_marks()
        for keys, (quick, sure) in enumerate(zip(self._quick, self._sure, strict=True), 1):
            quick.draw(target, world | _key_textures(sets[:keys]), "mark", **values)
            sure.draw(target, world | _key_textures(sets[:keys]), "rest", **values)
        self._draw_last(target, world | _key_textures(sets), plate.view, values)
        stale = {"key_plate": sets[0].plate, "key_gain": sets[0].gain, "key_bias": sets[0].bias}
        self._stale_pass.draw(target, stale, picture_in_key=(1.0, 1.0))

    def draw_stale(self, target: Target, plate: Picture, picture_in_key: tuple[float, float]) -> Picture:
        """The newest keyframe without re-projection; picture_in_key: how much of its sides the picture spans."""
        if not self._kept:
            return plate
        newest = self._kept[0]
        self._stale_pass.draw(target, newest.textures.stale(newest.keyframe), picture_in_key=picture_in_key)
        return self._picture(target, plate)

    def newness(self, time_s: float) -> list[float]:
        """How much each keyframe, newest first, counts beside others: less with every successor that rises."""
        weights, left = [], 1.0
        for kept, trust in zip(self._kept, self.trust(time_s), strict=True):
            weights.append(trust * left)
            left *= 1.0 - (1.0 - SUCCESSION) * kept.rise(time_s)
        return weights

    def trust(self, time_s: float) -> list[float]:
        """How far each keyframe, newest first, is believed where it alone shows something: it rises, and falls only as
        successors with another look rise, or the one for which it is one too many.
        """
        trusts: list[float] = []
        for index, kept in enumerate(self._kept):
            trust = kept.rise(time_s)
            if index >= self._resting:
                trust *= 1.0 - self._kept[index - self._resting].rise(time_s)
            for newer in self._kept[:index]:
                trust *= 1.0 - newer.rise(time_s) * (1.0 - kept.agreement(newer))
            trusts.append(trust)
        return trusts

    def _first_settled(self, time_s: float) -> int | None:
        """The newest keyframe that has fully faded in: where it shows well, older ones have no say."""
        return next((index for index, kept in enumerate(self._kept) if kept.rise(time_s) >= 1.0), None)

    def _picture(self, target: Target, plate: Picture) -> Picture:
        newest = self.newest
        return Picture(target.color, plate.depth, plate.view, newest.provenance if newest else plate.provenance)

    def _frame_values(self, view: View, time_s: float) -> dict[str, Any]:
        matrices = np.zeros((MAX_KEYFRAMES, 4, 4))
        origins = np.zeros((MAX_KEYFRAMES, 4))
        keyframes = np.ones((MAX_KEYFRAMES, 4)) * (0.0, 0.0, 1.0, 1.0)
        keyframes[: len(self._kept), 0] = self.newness(time_s)
        keyframes[: len(self._kept), 1] = self.trust(time_s)
        for index, kept in enumerate(self._kept):
            key = carried(kept.keyframe.request.plate.view, view.placement)
            matrices[index] = key.clip_from_stage @ view.stage_from_view
            keyframes[index, 2:] = key.resolution
            origins[index] = view.view_from_stage @ [*key.origin_m, 1.0]
        return {
            "view_ray_from_ndc": view_ray_from_ndc(view),
            "key_from_view": matrices,
            "key_origin": origins,
            "keyframe": keyframes,
            "up_in_view": view.view_from_stage[:3, 2],
            "border": (1.0 / BORDER, 1.0 / BORDER),
        }

    def release(self) -> None:
        self._give_up()
        for textures in [*self._free, *(kept.textures for kept in self._kept)]:
            textures.release()
        if self._drift is not None:
            self._drift.release()
        self.grade.release()
