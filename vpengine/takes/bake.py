"""A bake: a scene's surround with what its camera's pictures show laid over it, so that nothing need be generated.

It is a take of one frame, whose keyframes are the faces, and the newest of each camera's pictures as they were;
bake.json says what they were made from:

take, take_sha256   the take's name, and of its frames.jsonl
scene, look         which scene of it, and with which look
pictures            the camera's that are in it, with their provenance, those over the others first
covered             of the faces of each station, the share that the camera's pictures show
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine import __version__
from vpengine.errors import UserError
from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.keyframe import Grade, Keyframe, SurroundFace
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.takes.log import BROKEN, LogWriter, open_frames, parsed_line, read_frame, read_placement
from vpengine.takes.looks import look_line, read_look
from vpengine.takes.surround import StoredKeyframe, stored_faces
from vpengine.view.reproject import Source, gather
from vpengine.view.view import View, carried, in_plate

MOST_PICTURES = 32
KEPT = 3  # of a camera's pictures, as they were: as many keyframes as are shown beside a surround
BORDER = 0.1  # of a picture, over which it gives way to what is under it
_APART_M, _APART_SHARE = 0.3, 0.25  # pictures from nearer, and turned by less of their view, show the same
_WRITE_S = 600.0  # what a disk may take

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class SceneTake:
    """What a take has of a scene. frame: the last in which nothing but it was shown, without keyframes.

    looks: that it had in such frames. pictures: the program's cameras' keyframes of its location, newest first, as the
    take has them.
    """

    frame: FrameInput
    looks: frozenset[Look]
    pictures: tuple[dict[str, Any], ...]

    @property
    def location(self) -> str:
        return self.frame.program.target


def read_scene(take: Path, slug: str) -> SceneTake:
    """Ends at the first damage, as a film does. Raises UserError: not a take, or the scene was never shown alone."""
    frame, looks, pictures = None, set[Look](), list[dict[str, Any]]()
    controls: dict[str, Any] = {}
    seen: set[str] = set()
    with open_frames(take) as lines:
        for text in lines:
            try:
                line = parsed_line(text)
                controls = controls | line["controls"]
                now = read_frame(line, controls, None)
                pictures += [item for item in line["keyframes"] if "face" not in item and item["bus"] == PROGRAM]
            except BROKEN:
                break
            seen.add(now.program.scene)
            if now.program.scene == slug and now.program.incoming_location is None:
                frame = now
                looks.add(now.program.look)
    if frame is None:
        shown = ", ".join(sorted(filter(None, seen))) or "none"
        raise UserError(f"{take}: the scene {slug!r} is not shown alone in this take; shown were: {shown}")
    ours = [item for item in reversed(pictures) if item["location"] == frame.program.target]
    return SceneTake(frame, frozenset(looks), tuple(ours))


def faces_of(take: Path, scene: SceneTake) -> list[StoredKeyframe]:
    """Those that are baked, all of one look of the scene's. Raises UserError where there are none."""
    return stored_faces(take, scene.location, scene.looks)


def chosen_pictures(scene: SceneTake, look: Look) -> list[dict[str, Any]]:
    """Of the scene's pictures with ``look`` those that show something that newer ones do not; MOST_PICTURES at most."""
    chosen: list[tuple[View, dict[str, Any]]] = []
    for item in scene.pictures:
        if len(chosen) == MOST_PICTURES:
            break
        view = _view(item)
        if read_look(item["look"]) == look and not any(_shows_the_same(view, other) for other, _ in chosen):
            chosen.append((view, item))
    return [item for _, item in chosen]


def _view(line: dict[str, Any]) -> View:
    stored = line["view"]
    width, height = (int(side) for side in stored["resolution"])
    view = View(np.array(stored["view_from_stage"]), np.array(stored["clip_from_view"]), (width, height))
    return in_plate(replace(view, placement=read_placement(stored.get("placement", {}))))


def _shows_the_same(ours: View, theirs: View) -> bool:
    apart_m = float(np.linalg.norm(ours.origin_m - theirs.origin_m))
    cosine = ours.view_from_stage[2, :3] @ theirs.view_from_stage[2, :3] / (ours.scale * theirs.scale)
    turned = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    half_view = float(np.arctan(1.0 / ours.clip_from_view[0, 0]))
    zoomed = ours.clip_from_view[0, 0] / theirs.clip_from_view[0, 0]
    return apart_m < _APART_M and turned < _APART_SHARE * 2.0 * half_view and 0.8 < zoomed < 1.25


def baked_face(face: Keyframe, pictures: Sequence[Keyframe], resolution: int) -> tuple[Keyframe, float]:
    """A face at the View of its request's plate, with the pictures over it, the first over the others.

    resolution: of the face as it was made. Also the share of it that the pictures show.
    """
    plate = face.request.plate
    depth_m = plate.depth.top_down[..., 0]
    gain, bias = (np.zeros((*depth_m.shape, 3)) for _ in range(2))
    left = np.ones(depth_m.shape)
    for picture in pictures:
        seen = gather(plate.view, depth_m, [_source(picture, plate.view)], BORDER, 0.0)
        share = left * np.clip(seen.known, 0.0, 1.0)
        gain += share[..., None] * seen.gain
        bias += share[..., None] * seen.bias
        left -= share
    scale = depth_m.shape[0] / resolution
    gain += left[..., None] * _at_size(face.gain.rgb, scale)
    bias += left[..., None] * _at_size(face.bias.rgb, scale)
    baked = replace(face, gain=Pixels(gain.astype(np.float16)), bias=Pixels(bias.astype(np.float16)))
    return baked, 1.0 - float(left.mean())


def _at_size(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    """Bilinear, its edges' pixels reaching as far as they do."""
    size = round(picture.shape[0] * scale)
    if size == picture.shape[0]:
        return picture
    at = np.clip((np.arange(size) + 0.5) / scale - 0.5, 0.0, picture.shape[0] - 1.0)
    low = np.minimum(at.astype(int), picture.shape[0] - 2) if picture.shape[0] > 1 else np.zeros(size, int)
    high, t = np.minimum(low + 1, picture.shape[0] - 1), at - low
    rows = picture[low] * (1.0 - t)[:, None, None] + picture[high] * t[:, None, None]
    return rows[:, low] * (1.0 - t)[None, :, None] + rows[:, high] * t[None, :, None]


def _source(picture: Keyframe, view: View) -> Source:
    """As coarse as what it is laid over, so that nothing of it falls between the pixels there."""
    plate = picture.request.plate
    ours, theirs = (each.clip_from_view[0, 0] * each.resolution[0] for each in (plate.view, view))
    depth_m = plate.depth.top_down[..., 0]
    step = min(max(int(ours / theirs), 1), *depth_m.shape)  # of a long lens one pixel is left
    gain, bias = (_averaged(pixels.rgb, step) for pixels in (picture.gain, picture.bias))
    rows, columns = (side // step * step for side in depth_m.shape)
    middle = depth_m[step // 2 : rows : step, step // 2 : columns : step]
    height, width = middle.shape
    seen = carried(_cropped(plate.view, (width * step, height * step)), view.placement)
    return Source(seen, gain, bias, middle, 1.0)


def _averaged(picture: NDArray[Any], step: int) -> Array:
    height, width = (side // step for side in picture.shape[:2])
    blocks = picture[: height * step, : width * step].astype(np.float32)
    averaged: Array = blocks.reshape(height, step, width, step, 3).mean(axis=(1, 3))
    return averaged


def _cropped(view: View, size: tuple[int, int]) -> View:
    """A View's upper left part of ``size`` pixels."""
    (width, height), (columns, rows) = view.resolution, size
    crop = np.eye(4)
    crop[0, 0], crop[1, 1] = width / columns, height / rows
    crop[0, 3], crop[1, 3] = crop[0, 0] - 1.0, 1.0 - crop[1, 1]
    return replace(view, clip_from_view=crop @ view.clip_from_view, resolution=size)


def merged_grade(faces: Sequence[Keyframe]) -> Grade:
    """One for all: each cell as the faces have it that saw most of it."""
    tables = np.stack([face.grade.table for face in faces])
    everywhere = np.ones(tables.shape[1:4], np.float32)
    seen = np.stack([everywhere if face.grade.evidence is None else face.grade.evidence for face in faces])
    weight = (seen + 1e-6)[..., None, None]
    table = (tables * weight).sum(axis=0) / weight.sum(axis=0)
    return Grade(table.astype(np.float32), seen.max(axis=0).astype(np.float32))


def kept_pictures(pictures: Iterable[Keyframe]) -> list[Keyframe]:
    """The first KEPT of each camera's, the last of them first: they are shown in the order in which they come."""
    kept: dict[str, list[Keyframe]] = {}
    for picture in pictures:
        ours = kept.setdefault(picture.request.camera, [])
        if len(ours) < KEPT:
            ours.append(picture)
    return [picture for ours in kept.values() for picture in reversed(ours)]


def write_bake(folder: Path, scene: SceneTake, faces: Sequence[Keyframe], pictures: Sequence[Keyframe]) -> None:
    """The take of one frame, all with one grade. Raises UserError where it cannot be written."""
    grade = merged_grade([*faces, *pictures])
    numbered = enumerate([*pictures, *_round_places(faces)], 1)
    keyframes = [
        replace(key, request=replace(key.request, number=number, epoch=0), grade=grade) for number, key in numbered
    ]
    frame = replace(scene.frame, keyframes=tuple(keyframes), epoch=0)
    writer = LogWriter(folder)
    writer.note(frame)
    writer.close(_WRITE_S)
    if writer.dropped:
        raise UserError(f"{folder}: the bake could not be written")


def _round_places(faces: Sequence[Keyframe]) -> Iterator[Keyframe]:
    """With a number for each place that they stand round."""
    places = list(dict.fromkeys(_place(face) for face in faces))
    for face in faces:
        assert face.request.face is not None
        where = SurroundFace(places.index(_place(face)), face.request.face.face)
        yield replace(face, request=replace(face.request, face=where))


def _place(face: Keyframe) -> tuple[float, ...]:
    return tuple(float(value) for value in np.round(face.request.plate.view.origin_m, 4))


def write_card(
    folder: Path, take: Path, slug: str, look: Look, pictures: Iterable[dict[str, Any]], covered: Sequence[float]
) -> None:
    """bake.json."""
    with (take / "frames.jsonl").open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    card = {
        "take": take.resolve().name,
        "take_sha256": sha256,
        "scene": slug,
        "look": look_line(look),
        "pictures": [{"number": item["number"], "provenance": item["provenance"]} for item in pictures],
        "covered": [round(share, 3) for share in covered],
        "version": __version__,
    }
    (folder / "bake.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
