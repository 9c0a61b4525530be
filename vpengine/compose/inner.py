"""The inner picture: what the tracked camera must see. The plate at its View, the neural layer, and the dissolve."""

from __future__ import annotations

from vpengine.compose.drawable import Drawable, Plates
from vpengine.compose.neural import NeuralLayer
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.provenance import Provenance
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.view.view import View

MIX_BLOCK = UniformBlock("Mix", mix_amount="float")


class InnerPicture:
    """One camera's inner picture. Owns its targets, and a neural layer for each place it has shown."""

    def __init__(self, gpu: Gpu, size: tuple[int, int], keyframe_resolution: tuple[int, int], keyframes: int) -> None:
        self.size = size
        self._gpu = gpu
        self._keyframe_resolution = keyframe_resolution
        self._keyframes = keyframes
        self._plate = Target(gpu.context, size, depth=True)
        self._coming_plate = Target(gpu.context, size, depth=True)
        self._mixed = Target(gpu.context, size)
        self._mix = gpu.pass_("mix", MIX_BLOCK)
        self._layers: dict[str, NeuralLayer] = {}

    def layer(self, place: str) -> NeuralLayer:
        """The keyframes of one place."""
        if place not in self._layers:
            self._layers[place] = NeuralLayer(self._gpu, self._keyframe_resolution, self.size, self._keyframes)
        return self._layers[place]

    def admit(self, keyframe: Keyframe, time_s: float) -> None:
        self.layer(keyframe.request.place).add(keyframe, time_s)

    def advance(self, time_s: float) -> None:
        for layer in self._layers.values():
            layer.advance(time_s)

    def enter(self, place: str, shown: str | None) -> None:
        """A place comes on to the wall: it begins with the grade of the one ``shown``, and no old keyframes."""
        self.layer(place).enter(self.layer(shown) if shown is not None else None)

    def warm(self, place: str, plate: Drawable, view: View) -> None:
        """Draw everything once that a frame may need, before the first frame."""
        drawn = self._drawn(self._plate, place, plate, view)
        self.layer(place).warm(drawn)
        self._mix.draw(self._mixed, {"from_color": drawn.color, "to_color": drawn.color}, mix_amount=0.5)

    def draw(self, place: str, plate: Drawable, view: View, time_s: float, amount: float) -> Picture:
        """One place, generated, at ``view``."""
        return self._changed(self._drawn(self._plate, place, plate, view), place, time_s, amount)

    def draw_dissolve(
        self,
        pair: tuple[str, str],
        plates: Plates,
        view: View,
        time_s: float,
        amount: float,
        mix: float,
    ) -> Picture:
        """Two places, ``mix`` of the second; both move with the camera."""
        going = self.draw(pair[0], plates[pair[0]], view, time_s, amount)
        coming_plate = self._drawn(self._coming_plate, pair[1], plates[pair[1]], view)
        coming = self._changed(coming_plate, pair[1], time_s, amount)
        self._mix.draw(self._mixed, {"from_color": going.color, "to_color": coming.color}, mix_amount=mix)
        nearer = coming if mix > 0.5 else going
        return Picture(self._mixed.color, nearer.depth, view, nearer.provenance)

    def draw_stale(self, place: str, plate: Drawable, view: View, picture_in_key: float) -> Picture:
        """For comparison: the newest keyframe as it is, not re-projected."""
        drawn = self._drawn(self._plate, place, plate, view)
        return self.layer(place).draw_stale(drawn, (picture_in_key, picture_in_key))

    def _drawn(self, target: Target, place: str, plate: Drawable, view: View) -> Picture:
        plate.draw(target, view)
        assert target.depth is not None
        return Picture(target.color, target.depth, view, Provenance(source=f"plate:{place}"))

    def _changed(self, plate: Picture, place: str, time_s: float, amount: float) -> Picture:
        return self.layer(place).draw(plate, time_s, amount)

    def release(self) -> None:
        for target in (self._plate, self._coming_plate, self._mixed):
            target.release()
        for layer in self._layers.values():
            layer.release()
