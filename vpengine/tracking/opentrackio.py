"""Tracking over OpenTrackIO 1.0.x (SMPTE RIS OSVP): poses and lenses, in JSON or CBOR, by unicast or multicast UDP."""

from __future__ import annotations

import itertools
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from vpengine.stage.settings import Id, NetworkAddress, Port, refusal, shown
from vpengine.stage.settings import Settings as StageSettings
from vpengine.tracking.heard import Heard
from vpengine.tracking.lens_fields import read_lens
from vpengine.tracking.opentrackio_lens import (
    read_distortion,
    read_distortion_offset_mm,
    read_lens_members,
    read_projection_offset_mm,
)
from vpengine.tracking.opentrackio_packet import (
    JSON,
    OpenTrackIOError,
    Reassembly,
    read_packet,
    split_packets,
    write_packet,
)
from vpengine.tracking.opentrackio_sample import (
    PROTOCOL,
    VERSION,
    Static,
    Table,
    read_label,
    read_payload,
    read_pose,
    read_recording,
    read_sensor_mm,
    read_slate,
    read_source_id,
    read_source_number,
    read_time_s,
)
from vpengine.tracking.placement import Mount, Origin, Placement
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, TakeUpdate, Update
from vpengine.tracking.words import not_mapped, shortened, toml_key
from vpengine.view.distortion import Distortion
from vpengine.view.pose import Pose, to_opentrackio

LOG = logging.getLogger(__name__)
T = TypeVar("T")

GROUPS, GROUPS_V1_0_0 = "239.135.1", "235.135.1"  # the last byte is the source number
LENS_EVERY = 32  # samples: a lens that does not change is sent on so often
MAX_NOTES = 64
MAX_GROUPS = 16  # each has a socket

TAI_FROM_UTC_S = 37.0  # leap seconds since 2017; PTP's clock is TAI
TAI_TOLERANCE_S = 0.5

SOURCE_NUMBERS = frozenset(str(number) for number in range(1, 201))
SourceNumber = Annotated[int, Field(ge=1, le=200)]
Said = Annotated[str, Field(min_length=1, max_length=256)]
INCOMPLETE = "a sample in several packets was given up: one of them did not come"
Name = Literal["source_number", "source_id", "label"]


class OpenTrackIOTracking:
    """One UDP port for any number of cameras, told apart by what their samples say of themselves."""

    class Settings(StageSettings):
        """SMPTE OpenTrackIO 1.0.x, in JSON or CBOR. Lens and time stamps are taken where a sample has them."""

        port: Port = Field(default=55555, description="The UDP port to receive samples on; 0 is off.")
        address: NetworkAddress = Field(
            default="127.0.0.1",
            description="The network address to receive on; 0.0.0.0 is every network. For multicast, the address of "
            "the network card on which to join the groups; 0.0.0.0 leaves the choice to the system.",
        )
        multicast_sources: tuple[SourceNumber, ...] = Field(
            default=(),
            description="Receive by multicast: up to 16 source numbers, 1 to 200, whose groups 239.135.1.N to join. "
            "Where empty, packets must be sent to this machine.",
        )
        accept_v1_0_0: bool = Field(
            default=False,
            description="Take packets of version 1.0.0 too: its other checksum, and its groups 235.135.1.N.",
        )
        camera_by: Name = Field(
            default="source_number",
            description="What in a sample names its camera: the source's number, its id, or the camera's label.",
        )
        cameras: dict[Said, Id] = Field(
            default={},
            description='Ids of the stage\'s cameras by what their samples say, such as {1 = "A"}; others are '
            "refused. Without any, what a sample says is the id; where the stage has none of it, `camera` moves.",
        )
        stage_from_tracker: Origin = Field(default=Origin(), description="Where the tracker's origin is on the stage.")
        tracker_from_sensor: Mount = Field(default=Mount(), description="Where the sensor sits on the tracker.")

        @model_validator(mode="after")
        def _consistent(self) -> Self:
            if self.multicast_sources and ":" in self.address:
                raise refusal(f"found {self.address!r}, allowed an IPv4 address, as multicast groups have", "address")
            if len(self.multicast_sources) > MAX_GROUPS:
                count = len(self.multicast_sources)
                raise refusal(f"found {count} source numbers, allowed {MAX_GROUPS}", "multicast_sources")
            wrong = [said for said in self.cameras if said not in SOURCE_NUMBERS]
            if wrong and self.camera_by == "source_number":
                raise refusal(f"found {shown(wrong[0])}, allowed a source number, 1 to 200", "cameras")
            return self

    title = "OpenTrackIO"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._placement = Placement(settings.stage_from_tracker, settings.tracker_from_sensor)
        self._reassemblies: Heard[tuple[str, int], Reassembly] = Heard(Reassembly)
        self._sources: Heard[tuple[str, str | None, int | None], _Source] = Heard(lambda: _Source(self._note))
        self._notes_left = MAX_NOTES

    @property
    def endpoint(self) -> tuple[str, int] | None:
        return (self.settings.address, self.settings.port) if self.settings.port else None

    @property
    def multicast_groups(self) -> tuple[str, ...]:
        """The groups to join; none for unicast."""
        networks = (GROUPS, GROUPS_V1_0_0) if self.settings.accept_v1_0_0 else (GROUPS,)
        numbers = dict.fromkeys(self.settings.multicast_sources)  # a group joined twice would be heard twice
        return tuple(f"{network}.{number}" for network in networks for number in numbers)

    def cure(self, name: str, camera: str) -> str:
        return f'write cameras = {{{toml_key(name)} = "{camera}"}} under its [[tracking]]'

    def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
        """What the samples say that ``packet`` made whole; what is good is taken beside what is refused."""
        for part in split_packets(packet):
            try:
                segment = read_packet(part, self.settings.accept_v1_0_0)
                payload, given_up = self._reassemblies.of((peer, segment.encoding)).take(segment)
                yield from itertools.repeat(Rejected("incomplete", INCOMPLETE), given_up)
                if payload is not None:
                    yield from self._updates(read_payload(payload, segment.encoding), peer)
            except OpenTrackIOError as error:
                yield _refused(error)
                return  # where the next packet would begin is not known

    def _updates(self, sample: Table, peer: str) -> Iterator[Update]:
        if not any(sample.get(block) for block in ("transforms", "lens", "static", "tracker")):
            raise OpenTrackIOError("empty-sample", "its sample has neither transforms nor lens, static nor tracker")
        parts = _Parts(sample)
        number, source_id = parts.read(read_source_number), parts.read(read_source_id)
        # Known by its machine too, so that another's static blocks and lenses are not mixed in.
        source = self._sources.of((peer.rpartition(":")[0], source_id, number))
        source.hear(Static(parts.read(read_label), parts.read(read_sensor_mm)))
        names = {"source_number": number, "source_id": source_id, "label": source.static.label}
        said = names[self.settings.camera_by]
        camera = self._camera(None if said is None else str(said))
        if isinstance(camera, Rejected):
            yield from (*parts.refused, camera)
            return
        pose, time_s = parts.read(read_pose), parts.read(read_time_s)
        mapped = bool(self.settings.cameras)
        if pose is not None:
            source.note_clock(time_s, camera)
            yield PoseUpdate(camera, self._placement.place(pose), time_s, mapped)
        lens, refused = read_lens(parts.read(read_lens_members) or {})
        offset_mm = parts.read(read_projection_offset_mm)
        distortion = source.distortion(parts.read(read_distortion), parts.read(read_distortion_offset_mm))
        told = LensUpdate(camera, **lens, projection_offset_mm=offset_mm, distortion=distortion, mapped=mapped)
        update = source.lens_update(told)
        if update is not None:
            yield update
        take = TakeUpdate(camera, parts.read(read_recording), parts.read(read_slate), mapped)
        if source.says_anew(take):
            yield take
        yield from (*parts.refused, *refused)

    def _camera(self, said: str | None) -> str | Rejected | None:
        """The stage's id for what a sample says; itself without a map."""
        cameras, key = self.settings.cameras, self.settings.camera_by
        if not cameras:
            return said
        if said is None:
            known = " or ".join(map(shortened, cameras))
            return Rejected("camera-not-named", f"a sample names no {key}, expected {known}, as its cameras have it")
        return cameras.get(said) or not_mapped(f"OpenTrackIO {key}", said, cameras)

    def _note(self, text: str, *values: object) -> None:
        """Tell a person something about a source, not for ever: senders can invent sources without end."""
        if self._notes_left:
            self._notes_left -= 1
            LOG.info(text, *values)


class _Source:
    """What one source said before and need not say in every sample."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self.static = Static()
        self._lens = LensUpdate(None)
        self._offset_mm = (0.0, 0.0)  # of the distortion's centre
        self._sent: LensUpdate | None = None
        self._samples_since_sent = 0
        self._clock_noted = False
        self._take = (False, "")

    def hear(self, static: Static) -> None:
        known = replace(self.static, **_given(static))
        if known != self.static and known.sensor_mm:
            self._note("OpenTrackIO: camera labelled %a has a sensor of %g x %g mm", known.label, *known.sensor_mm)
        self.static = known

    def distortion(self, said: Distortion | None, offset_mm: tuple[float, float] | None) -> Distortion | None:
        """What a sample says of coefficients and of their centre, each with what was known of the other."""
        self._offset_mm = self._offset_mm if offset_mm is None else offset_mm
        known = said or self._lens.distortion
        if known is None or (said is None and offset_mm is None):
            return None
        return replace(known, offset_mm=self._offset_mm)

    def lens_update(self, said: LensUpdate) -> LensUpdate | None:
        """Nothing until something is known of the lens, and mostly nothing while it stays as it was.

        It is sent on again from time to time, since the receiver refuses it while another machine moves the camera.
        """
        self._lens = known = said.after(replace(self._lens, camera=said.camera))
        if known == LensUpdate(said.camera):
            return None
        self._samples_since_sent += 1
        if known == self._sent and self._samples_since_sent < LENS_EVERY:
            return None
        self._sent, self._samples_since_sent = known, 0
        return known

    def says_anew(self, take: TakeUpdate) -> bool:
        """Samples come a hundred times a second; one that never said so does not record, and has no slate."""
        recording, slate = known = self._take
        recording = recording if take.recording is None else take.recording
        self._take = (recording, slate if take.slate is None else take.slate)
        return self._take != known

    def note_clock(self, time_s: float | None, camera: str | None) -> None:
        """Tell once which clock the sender has; its stamps are used only against each other."""
        if time_s is None or self._clock_noted:
            return
        self._clock_noted = True
        if abs(time_s - time.time() - TAI_FROM_UTC_S) < TAI_TOLERANCE_S:
            self._note("OpenTrackIO: camera %a is stamped with PTP's clock (TAI), 37 s ahead of UTC", camera)


def _given(fields: Static) -> dict[str, Any]:
    return {name: value for name, value in asdict(fields).items() if value is not None}


class _Parts:
    """A sample read part by part: one that is bad is noted in ``refused``, and costs nothing but itself."""

    def __init__(self, sample: Table) -> None:
        self._sample = sample
        self.refused: list[Rejected] = []

    def read(self, reader: Callable[[Table], T]) -> T | None:
        try:
            return reader(self._sample)
        except OpenTrackIOError as error:
            refused = _refused(error)
            if refused not in self.refused:  # two parts of one bad block
                self.refused.append(refused)
            return None


def _refused(error: OpenTrackIOError) -> Rejected:
    return Rejected(error.reason, f"an OpenTrackIO packet or a part of it was left out: {error.sentence}")


_PACKETS = itertools.count()


def encode_pose(camera: str, pose: Pose, time_s: float | None = None, sequence_number: int | None = None) -> bytes:
    """One datagram, in JSON: the sensor's pose, and when it was there by the sender's clock.

    camera: the camera's label, and if it is a number from 1 to 200 the source number too. sequence_number: by default
    that of this process's next packet; receivers drop a number that they know.
    """
    (x, y, z), pan, tilt, roll = to_opentrackio(pose)
    timing: dict[str, Any] = {"mode": "internal"}
    if time_s is not None:
        seconds, nanoseconds = divmod(max(round(time_s * 1e9), 0), 1_000_000_000)
        timing["sampleTimestamp"] = {"seconds": seconds, "nanoseconds": nanoseconds}
    sample: dict[str, Any] = {
        "static": {"camera": {"label": camera}},
        "timing": timing,
        "protocol": {"name": PROTOCOL, "version": VERSION},
        "sampleId": uuid.uuid4().urn,
        "sourceId": uuid.uuid5(uuid.NAMESPACE_OID, f"vpengine camera {camera}").urn,
        "transforms": [
            {
                "translation": {"x": x, "y": y, "z": z},
                "rotation": {"pan": pan, "tilt": tilt, "roll": roll},
                "id": "Camera",
            }
        ],
    }
    if camera in SOURCE_NUMBERS:
        sample["sourceNumber"] = int(camera)
    number = next(_PACKETS) if sequence_number is None else sequence_number
    return write_packet(json.dumps(sample, separators=(",", ":")).encode(), JSON, number)
