"""What a surround's shader is told of its faces, as the numpy twin takes it."""

from __future__ import annotations

from vpengine.compose.surround import Surrounds
from vpengine.frames.keyframe import Keyframe
from vpengine.view.reproject import Source
from vpengine.view.surround import FACES
from vpengine.view.view import View


def sources(
    surrounds: Surrounds, faces: list[Keyframe], view: View, location: str = "room"
) -> list[tuple[int, Source]]:
    """The faces as the shader is told of them at a View; those of other stations are passed over."""
    values, made = surrounds.values(location, view), []
    places = {int(index): place for place, index in enumerate(values["station"][: values["stations"], 3])}
    for each in faces:
        plate, asked = each.request.plate, each.request.face
        assert asked is not None
        if asked.station not in places:
            continue
        place = places[asked.station]
        trust = float(values["face_trust"][place * FACES + asked.face, 0])
        newness = trust * float(values["station_share"][place, 0])
        source = Source(plate.view, each.gain.rgb, each.bias.rgb, plate.depth_m, newness, trust)
        made.append((asked.face, source))
    return made
