"""Bench: the pictures that re-projection is measured by: keyframes, a surround, what the layer shows, and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.neural import BORDER, IGNORED, KNOWN, MAX_KEYFRAMES, NeuralLayer
from vpengine.compose.request_camera import RequestCamera
from vpengine.compose.surround import FADE_S, Surrounds
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import looks_of
from vpengine.neural.generator import Generator, Plate
from vpengine.neural.grade import fit_grade
from vpengine.plates.street.plate import Street
from vpengine.plugins import load_plugin
from vpengine.tracking.moves import Move
from vpengine.view.camera import camera_view
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, linear_from_acescct
from vpengine.view.lens import Lens
from vpengine.view.reproject import Source, gather, gather_surround
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View

LENS = Lens((24.89, 14.0), 24.0)
SIZE = (480, 270)
OVERSCAN_PERCENT, SEEN_PERCENT = 15.0, 5.0  # of the keyframes, and of the inner picture that is compared
FACE_PX = 256  # a side of a surround's face
EYE_M = (0.0, 0.0, 1.5)  # where the outer's eye is by default
PLACE = "street"
# Of the reference runtime. A faster one in half precision is not asked: its noise, in the truth too, hides a decibel.
THREADS = 2
HOLE_STEP = 5  # holes are looked for at the middle of every so many pixels across and down; SIZE is a multiple of it
# The layer's clock: keyframes come within the time in which a new look's grade is learnt as a whole.
COMING_S, SHOWN_S = 0.15, 0.6

Image = NDArray[np.float32]


def stations() -> list[tuple[float, float, float]]:
    """Where a surround is made from, in metres."""
    return [EYE_M]


@dataclass(frozen=True, eq=False)
class Compared:
    """sRGB-encoded 0..1, (height, width, 3), what the inner frustum shows. holes: at every HOLE_STEP-th pixel."""

    stale: Image
    reprojected: Image
    truth: Image
    holes: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Look:
    look: Look
    surrounds: Surrounds | None


class Studio:
    """The street, the generator in this process, and each look's surround, made once.

    looks: faders by the look's name. surround: whether there is one. face_px: a side of its faces.
    """

    def __init__(self, looks: Mapping[str, Mapping[str, float]], surround: bool = True, face_px: int = FACE_PX) -> None:
        self.gpu = Gpu(create_headless())
        self._street = Street(Street.Settings.model_validate({}))
        self._street.upload(self.gpu)
        self._requests = RequestCamera(self.gpu)
        self._generator: Generator = load_plugin(GENERATORS["weather"])(load_plugin(RUNTIMES["onnxruntime"])(THREADS))
        self.plate = Target(self.gpu.context, SIZE, depth=True)
        self.target = Target(self.gpu.context, SIZE, z_buffer=True)
        views = [(at, face) for at in range(len(stations())) for face in range(FACES)] if surround else []
        self.faces = [
            (SurroundFace(at, face), self.take(surround_view(np.array(stations()[at]), face, face_px)))
            for at, face in views
        ]
        faders = {name: looks_of("weather").of(values) for name, values in looks.items()}
        self.looks = {name: _Look(look, self._surrounds(look, face_px)) for name, look in faders.items()}

    def _surrounds(self, look: Look, face_px: int) -> Surrounds | None:
        """All of it, come to rest."""
        if not self.faces:
            return None
        surrounds = Surrounds(self.gpu, face_px, len(stations()))
        for asked, plate in self.faces:
            surrounds.add(self.keyframe(plate, look, 0.0, asked), 0.0)
        for step in range(4):
            surrounds.advance(step * FADE_S)
        return surrounds

    def take(self, view: View) -> ImageSet:
        """The plate as a request has it."""
        return self._requests.take(self._street, PLACE, view, 0)

    def picture(self, view: View) -> Picture:
        """The plate as a wall has it; good until the next."""
        self._street.draw(self.plate, view)
        return Picture(self.plate.color, self.plate.depth, view, Provenance(f"plate:{PLACE}"))

    def keyframe(self, plate: ImageSet, look: Look, time_s: float, face: SurroundFace | None = None) -> Keyframe:
        color_cct, gain, bias = self._generated(plate, look)
        grade = fit_grade(color_cct, gain * color_cct + bias, plate.depth_m, plate.view)
        request = Request(0, 0, PLACE, plate, look, time_s, face=face)
        gains, biases = (Pixels(plane.astype(np.float16)) for plane in (gain, bias))
        return Keyframe(request, gains, biases, grade, Provenance("weather"), Timings(time_s, time_s, 0.0))

    def truth(self, plate: ImageSet, look: Look) -> Image:
        """The generator's own picture, scene-linear."""
        color_cct, gain, bias = self._generated(plate, look)
        return linear_from_acescct(gain * color_cct + bias)

    def _generated(self, plate: ImageSet, look: Look) -> tuple[Image, Image, Image]:
        color_cct = acescct_from_linear(plate.color)
        made = self._generator.generate(
            Plate(color_cct, plate.depth_m, plate.noise.astype(np.float32), plate.view), look
        )
        return color_cct, made.gain, made.bias

    def layer(self, look: str) -> NeuralLayer:
        return NeuralLayer(self.gpu, SIZE, MAX_KEYFRAMES, PLACE, self.looks[look].surrounds)

    def release(self) -> None:
        for look in self.looks.values():
            if look.surrounds is not None:
                look.surrounds.release()
        self._requests.release()
        self.plate.release()
        self.target.release()


@dataclass(eq=False)
class Frame:
    """A present moment of a move, seen by every look and keyframes of every age; what several ask for is made once."""

    studio: Studio
    move: Move
    time_s: float
    _plates: dict[float, ImageSet | None] = field(default_factory=dict)
    _keyframes: dict[tuple[str, float], Keyframe] = field(default_factory=dict)
    _truths: dict[str, Image] = field(default_factory=dict)
    _holes: dict[tuple[float, ...], NDArray[np.bool_]] = field(default_factory=dict)
    _around: NDArray[Any] | None = None

    def compared(self, look: str, ages_s: Sequence[float]) -> Compared:
        """With keyframes of these ages, newest first; those are left out for whose time there is no pose."""
        now = self._plate(0.0)
        assert now is not None
        ages_s = tuple(round(age_s, 6) for age_s in ages_s if self._plate(round(age_s, 6)) is not None)
        layer, plate = self.studio.layer(look), self.studio.picture(now.view)
        for number, age_s in enumerate(reversed(ages_s)):
            layer.add(self._keyframe(look, age_s), number * COMING_S)
            layer.advance(number * COMING_S)
        layer.advance(SHOWN_S)
        shown = seen(download(layer.draw(self.studio.target, plate, SHOWN_S, 1.0).color))
        stale = seen(download(layer.draw_stale(self.studio.target, plate, (1.0, 1.0)).color))
        if ages_s not in self._holes:
            self._holes[ages_s] = cropped(self._unseen(layer, look, ages_s))
        layer.release()
        return Compared(stale, shown, self._truth(look), self._holes[ages_s])

    def _plate(self, age_s: float) -> ImageSet | None:
        if age_s not in self._plates:
            pose = self.move(self.time_s - age_s)
            view = None if pose is None else camera_view(pose, LENS, SIZE, OVERSCAN_PERCENT)
            self._plates[age_s] = None if view is None else self.studio.take(view)
        return self._plates[age_s]

    def _keyframe(self, look: str, age_s: float) -> Keyframe:
        plate = self._plate(age_s)
        assert plate is not None
        if (look, age_s) not in self._keyframes:
            made = self.studio.keyframe(plate, self.studio.looks[look].look, self.time_s - age_s)
            self._keyframes[look, age_s] = made
        return self._keyframes[look, age_s]

    def _truth(self, look: str) -> Image:
        now = self._plate(0.0)
        assert now is not None
        if look not in self._truths:
            self._truths[look] = seen(self.studio.truth(now, self.studio.looks[look].look))
        return self._truths[look]

    def _unseen(self, layer: NeuralLayer, look: str, ages_s: Sequence[float]) -> NDArray[np.bool_]:
        """Where neither a keyframe nor the surround is believed for the greater part; the look makes no difference."""
        now = self._plate(0.0)
        assert now is not None
        depth_m = now.depth_m[HOLE_STEP // 2 :: HOLE_STEP, HOLE_STEP // 2 :: HOLE_STEP]
        kept = [self._keyframe(look, age_s) for age_s in ages_s]
        newness = layer.newness(SHOWN_S)  # of those that the layer keeps
        weights = zip(kept[: len(newness)], newness, layer.trust(SHOWN_S), strict=True)
        sources = [_source(key.request.plate, newness, trust) for key, newness, trust in weights]
        t = np.clip(gather(now.view, depth_m, sources, BORDER, IGNORED).known / KNOWN, 0.0, 1.0)
        if self._around is None:
            faces = [(asked.face, _source(plate, 1.0, 1.0)) for asked, plate in self.studio.faces]
            self._around = gather_surround(now.view, depth_m, faces).known
        missing: NDArray[np.bool_] = (1.0 - t * t * (3.0 - 2.0 * t)) * (1.0 - self._around) > 0.5
        return missing


def _source(plate: ImageSet, newness: float, trust: float) -> Source:
    """For where things are seen, not for what is shown."""
    nothing = np.broadcast_to(np.float16(0.0), (*plate.depth_m.shape, 3))
    return Source(plate.view, nothing, nothing, plate.depth_m, newness, trust)


def cropped(image: NDArray[Any]) -> NDArray[Any]:
    """The part of a picture with a keyframe's overscan that the inner frustum shows."""
    share = (100 + 2 * SEEN_PERCENT) / (100 + 2 * OVERSCAN_PERCENT)
    rows, columns = (round(side * (1 - share) / 2) for side in image.shape[:2])
    return image[rows : image.shape[0] - rows, columns : image.shape[1] - columns]


def seen(linear: NDArray[Any]) -> Image:
    """sRGB-encoded 0..1, cropped to the inner picture."""
    return srgb(cropped(linear[..., :3]))


def srgb(linear: NDArray[Any]) -> Image:
    """Scene-linear ACEScg (..., 3) as sRGB-encoded 0..1."""
    light = np.clip(linear.astype(np.float32) @ REC709_FROM_ACESCG.T.astype(np.float32), 0.0, 1.0)
    encoded: Image = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return encoded
