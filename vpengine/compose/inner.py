"""The inner picture: what the tracked camera must see. The plate at its View, the neural layer, and the dissolve."""

from __future__ import annotations

from vpengine.compose.drawable import Drawable, Plates
from vpengine.compose.mixer import Mixer, Shares
from vpengine.compose.neural import NeuralLayer
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.view.view import View


class InnerPicture:
    """One camera's inner picture. Owns its targets, and a neural layer for each place it has shown."""

    def __init__(self, gpu: Gpu, size: tuple[int, int], keyframe_resolution: tuple[int, int], keyframes: int) -> None:
        self.size = size
        self._gpu = gpu
        self._keyframe_resolution = keyframe_resolution
        self._keyframes = keyframes
        self._plates = [Target(gpu.context, size, depth=True), Target(gpu.context, size, depth=True)]
        self._mixer = Mixer(gpu, size)
        self._layers: dict[str, NeuralLayer] = {}

    def resize(self, size: tuple[int, int]) -> None:
        """Draw at another size from now on; keyframes and grades stay."""
        if size == self.size:
            return
        self.size = size
        for target in self._plates:
            target.release()
        self._mixer.release()
        self._plates, self._mixer = [], Mixer(self._gpu, size)
        for layer in self._layers.values():
            layer.resize(size)

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

    def warm(self, place: str, plate: Drawable, view: View) -> Picture:
        """Draw everything once that a frame may need, before the first frame; what was drawn."""
        drawn = self._drawn(place, plate, view)
        self.layer(place).warm(drawn)
        self._mixer.mix([drawn.color, drawn.color], [0.5, 0.5])
        return drawn

    def draw(self, place: str, plate: Drawable, view: View, time_s: float, amount: float, layer: int = 0) -> Picture:
        """One place, generated, at ``view``. layer: which of the pictures that are mixed afterwards."""
        return self.layer(place).draw(self._drawn(place, plate, view, layer), time_s, amount)

    def draw_dissolve(self, shares: Shares, plates: Plates, view: View, time_s: float, amount: float) -> Picture:
        """Several places, each with its share of the picture; all move with the camera."""
        drawn = [
            self.draw(place, plates[place], view, time_s, amount, layer) for layer, (place, _) in enumerate(shares)
        ]
        weights = [share for _, share in shares]
        strongest = drawn[weights.index(max(weights))]
        mixed = self._mixer.mix([picture.color for picture in drawn], weights)
        return Picture(mixed.color, strongest.depth, view, strongest.provenance)

    def draw_stale(self, place: str, plate: Drawable, view: View, picture_in_key: float) -> Picture:
        """For comparison: the newest keyframe as it is, not re-projected."""
        drawn = self._drawn(place, plate, view)
        return self.layer(place).draw_stale(drawn, (picture_in_key, picture_in_key))

    def _drawn(self, place: str, plate: Drawable, view: View, layer: int = 0) -> Picture:
        while layer >= len(self._plates):
            self._plates.append(Target(self._gpu.context, self.size, depth=True))
        target = self._plates[layer]
        plate.draw(target, view)
        assert target.depth is not None
        return Picture(target.color, target.depth, view, Provenance(source=f"plate:{place}"))

    def release(self) -> None:
        for target in self._plates:
            target.release()
        self._mixer.release()
        for layer in self._layers.values():
            layer.release()
