"""Which of the stage's cameras an update moves: the one it names, or the one that the stage file gives its source."""

from __future__ import annotations

from dataclasses import dataclass

from vpengine.tracking.ownership import RELEASE_S
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Source, TakeUpdate
from vpengine.tracking.words import toml_key


@dataclass
class _Claim:
    """The sender's name that moves a source's camera: its own, or one that the stage does not know."""

    name: str
    heard_s: float


class Naming:
    """``cameras`` are the stage's ids. Of two names that the stage does not know the first one heard is followed."""

    def __init__(self, cameras: tuple[str, ...]) -> None:
        self._cameras = cameras
        self._claims: dict[tuple[int, type], _Claim] = {}

    def camera(self, source: Source, update: PoseUpdate | LensUpdate | TakeUpdate, now_s: float) -> str | Rejected:
        """The id of the camera that ``update`` moves, or speaks of."""
        name = update.camera
        if name is not None and name in self._cameras:
            if name == source.camera:  # heard by its own name, it is not moved by another that the stage does not know
                self._claims[id(source), type(update)] = _Claim(name, now_s)
            return name
        if update.mapped:
            return self._not_of_the_stage(str(name))
        if source.camera is None or source.camera not in self._cameras:
            return self._unknown(source, name)
        if name is None:
            return source.camera
        claim = self._claims.setdefault((id(source), type(update)), _Claim(name, now_s))
        if claim.name != name and now_s - claim.heard_s < RELEASE_S:
            return self._second(source, claim.name, name)
        claim.name, claim.heard_s = name, now_s
        return source.camera

    @property
    def _known(self) -> str:
        return "this stage knows " + (", ".join(f'"{camera}"' for camera in self._cameras) or "no camera")

    def _not_of_the_stage(self, name: str) -> Rejected:
        return Rejected("unknown-camera", f'cameras under its [[tracking]] names "{name}", {self._known}', name)

    def _unknown(self, source: Source, name: str | None) -> Rejected:
        title = source.protocol.title
        if name is None:
            sentence = f"{title} packets name no camera, {self._known}: have the sender name one"
            return Rejected("camera-not-named", sentence)
        return self._refused(source, name, f"{title} camera {toml_key(name)} came")

    def _second(self, source: Source, first: str, name: str) -> Rejected:
        title = source.protocol.title
        came = f'{title} camera {toml_key(name)} came, and camera {toml_key(first)} moves "{source.camera}" already'
        return self._refused(source, name, came)

    def _refused(self, source: Source, name: str, came: str) -> Rejected:
        camera = source.camera or next(iter(self._cameras), "")
        cure = source.protocol.cure(name, camera) if camera else "add a [[camera]]"
        return Rejected("unknown-camera", f"{came}, {self._known}: {cure}", name)
