"""What every eye must see: the plate at its View, and its keyframes re-projected to it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from dataclasses import replace

from vpengine.compose.drawable import Plates, antialiases, draw_placed, light_on, moves
from vpengine.compose.governor import RUNGS
from vpengine.compose.jobs import DrawPlate, MixWorlds, Reproject, ShowStale, UpdateKeyframes
from vpengine.compose.mixer import Lend, Mixer
from vpengine.compose.neural import NeuralLayer
from vpengine.compose.surround import Surrounds
from vpengine.frames.feed import PREVIEW, PROGRAM, Eye
from vpengine.frames.frame_input import BusState
from vpengine.frames.keyframe import MadeOf
from vpengine.frames.look import Look
from vpengine.frames.provenance import Provenance
from vpengine.gpu.executor import Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target
from vpengine.view.light import KINDS
from vpengine.view.view import View


class Eyes:
    """Owns the keyframes of every eye: a neural layer for each location that it has shown.

    surrounds: what shows the program what its keyframes do not; somebody else's, or there are none.
    """

    def __init__(
        self,
        gpu: Gpu,
        plates: Plates,
        keyframe_resolution: tuple[int, int],
        keyframes: int,
        surrounds: Surrounds | None = None,
    ) -> None:
        self._gpu = gpu
        self._plates = plates
        self._keyframe_resolution = keyframe_resolution
        self._keyframes = keyframes
        self._surrounds = surrounds
        self._mixer = Mixer(gpu)
        self._layers: dict[tuple[Eye, str], NeuralLayer] = {}
        self._shown: dict[Eye, BusState] = {}  # by each eye's newest frame

    def layer(self, eye: Eye, location: str) -> NeuralLayer:
        """The keyframes of one location, for one eye."""
        if (eye, location) not in self._layers:
            surrounds = self._surrounds if eye.bus == PROGRAM else None
            self._layers[eye, location] = NeuralLayer(
                self._gpu,
                self._keyframe_resolution,
                self._keyframes,
                location,
                surrounds,
                moves(self._plates, location),
            )
        return self._layers[eye, location]

    def drop(self, location: str) -> None:
        """Give back what was kept of a location that no eye sees any more."""
        gone = [key for key in self._layers if key[1] == location]
        for key in gone:
            self._layers.pop(key).release()
        self._shown = {
            eye: state for eye, state in self._shown.items() if location not in (name for name, _ in state.shares)
        }

    def update(self, job: UpdateKeyframes, pictures: Pictures) -> None:
        del pictures
        self._enter(job)
        for eye, layer in self._each():
            if eye == job.eye:
                layer.forget_older(job.epoch)
        for keyframe in job.keyframes:
            self.layer(job.eye, keyframe.request.location).add(keyframe, job.time_s, job.state.look)
        for eye, layer in self._each():
            if eye == job.eye:
                layer.advance(job.time_s)
        if job.state.look.plain:
            self.layer(job.eye, job.state.target).settle()

    @property
    def kept(self) -> set[MadeOf]:
        """What the program's pictures and grades were made of."""
        return set().union(*(layer.kept for eye, layer in self._each() if eye.bus == PROGRAM))

    def forget(self, looks: Collection[Look]) -> None:
        """Of these nothing is on the program any more. The preview may have any look."""
        for eye, layer in self._each():
            if eye.bus == PROGRAM:
                layer.forget(looks)

    def _each(self) -> Iterator[tuple[Eye, NeuralLayer]]:
        return ((eye, layer) for (eye, _), layer in self._layers.items())

    def _enter(self, job: UpdateKeyframes) -> None:
        """A location that comes on to a bus begins with the grade of the one before, and no old keyframes.

        One that is cut to, and stood by, begins with what was seen of it: its light is right in its first frame.
        """
        eye, state, before = job.eye, job.state, self._shown.get(job.eye)
        if before is None or state.target not in (location for location, _ in before.shares):
            layer, stood_by = self.layer(eye, state.target), self._stood_by(eye, state)
            key = stood_by.newest if stood_by is not None else None
            # Of the very look that the gate let through: in the preview anything may be tried.
            if key is not None and (key.request.epoch, key.request.look) == (job.epoch, state.look):
                layer.enter(stood_by)
                layer.add(key, job.time_s)
            else:
                layer.enter(self.layer(eye, before.target) if before is not None else None)
        elif state.bake != before.bake:  # nothing newer drives out what was made for another scene
            layer = self.layer(eye, state.target)
            layer.enter(layer)
        self._shown[eye] = state

    def _stood_by(self, eye: Eye, state: BusState) -> NeuralLayer | None:
        """The preview's keyframes of a scene that is cut to; in a dissolve the look begins with the one before."""
        standby = Eye(PREVIEW, eye.camera)
        seen = self._shown.get(standby)
        if (
            eye == standby
            or state.baked
            or state.incoming_location is not None
            or seen is None
            or seen.scene != state.scene
        ):
            return None
        return self.layer(standby, state.target)

    def draw_plate(self, job: DrawPlate, pictures: Pictures) -> Picture:
        return self._plate(job.location, job.view, job.depth, pictures.lend, job.samples)

    def _plate(self, location: str, view: View, depth: bool, lend: Lend, samples: int = 1) -> Picture:
        target = lend(TargetSpec(view.resolution, depth=depth, z_buffer=True))
        samples = min(samples, self._gpu.most_samples) if antialiases(self._plates, location) else 1
        if samples > 1:
            several = lend(TargetSpec(view.resolution, depth=depth, z_buffer=True, samples=samples))
            draw_placed(self._plates[location], several, view)
            self._gpu.resolve(target, several)
        else:
            draw_placed(self._plates[location], target, view)
        return Picture(target.color, target.depth, view, Provenance(source=f"plate:{location}"))

    def reproject(self, job: Reproject, pictures: Pictures) -> Picture:
        plate, layer = pictures[job.reads[0]], self.layer(job.eye, job.location)
        if layer.changes_nothing:
            return plate
        return layer.draw(_beside(plate, pictures.lend), plate, job.time_s, job.amount)

    def show_stale(self, job: ShowStale, pictures: Pictures) -> Picture:
        plate, layer = pictures[job.reads[0]], self.layer(job.eye, job.location)
        if layer.newest is None:
            return plate
        return layer.draw_stale(_beside(plate, pictures.lend), plate, (job.picture_in_key, job.picture_in_key))

    def mix(self, job: MixWorlds, pictures: Pictures) -> Picture:
        """Its depth and its origin are those of the world that has most of it."""
        made = [(pictures[key], weight) for key, weight in zip(job.reads, job.weights, strict=True) if key in pictures]
        worlds: list[Picture] = [world for world, _ in made]
        weights = [weight for _, weight in made]
        strongest = worlds[weights.index(max(weights))]
        if len(worlds) == 1:
            return strongest
        mixed = self._mixer.mix([world.color for world in worlds], weights, pictures.lend)
        return Picture(mixed.color, strongest.depth, strongest.view, strongest.provenance)

    def warm(self, eye: Eye, location: str, view: View, lend: Lend) -> Picture:
        """Draw everything once that a frame may need, before the first frame; what was drawn. In the same few targets
        again and again: a frame needs no more of them, and a large one of four samples a pixel takes a gigabyte.
        """
        lend_once = functools.cache(lend)
        for depth in (False, True):
            for samples in {rung.samples for rung in RUNGS}:
                for light in {light_on(self._plates, location, kind) for kind in KINDS}:
                    drawn = self._plate(location, replace(view, light=light), depth, lend_once, samples)
        self.layer(eye, location).warm(_beside(drawn, lend), drawn)
        self._mixer.mix([drawn.color, drawn.color], [0.5, 0.5], lend)
        return drawn

    def release(self) -> None:
        for layer in self._layers.values():
            layer.release()


def _beside(plate: Picture, lend: Lend) -> Target:
    """What the plate's keyframes are drawn into."""
    return lend(TargetSpec(plate.view.resolution, z_buffer=True))
