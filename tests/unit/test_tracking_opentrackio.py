"""OpenTrackIO samples become poses, lenses and names, and poses become samples that SMPTE's schema takes."""

from __future__ import annotations

import itertools
import json
import logging
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cbor2
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.geometry import to_opengl
from tests.opentrackio_samples import SAMPLE, Decoder, changed, pose_of, transform
from vpengine.plugins import load_plugin
from vpengine.tracking import KINDS
from vpengine.tracking.heard import MAX_SENDERS
from vpengine.tracking.opentrackio import LENS_EVERY, OpenTrackIOTracking, encode_pose
from vpengine.tracking.opentrackio_packet import CBOR, JSON
from vpengine.tracking.placement import Mount, Origin
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, TakeUpdate, Update
from vpengine.view.distortion import D_U, Distortion
from vpengine.view.pose import Pose, from_opentrackio

ROOT = Path(__file__).parents[2]
FOLDERS = [folder / "shared" / "data" / "opentrackio" / "public" for folder in (ROOT, ROOT.parent)]
PUBLIC = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[-1])
needs_public = pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"the public OpenTrackIO packets are not at {PUBLIC}")


def posed(*transforms: Any) -> Pose:
    return pose_of(Decoder().sample(changed("transforms", list(transforms))))


def datagrams(name: str) -> list[list[bytes]]:
    """The packets of a .hex file, by its groups."""
    text = (PUBLIC / name).read_text()
    groups = [[line for line in group.splitlines() if line and line[0] != "#"] for group in text.split("\n\n")]
    return [[bytes.fromhex(line) for line in group] for group in groups if group]


def bent(sample: dict[str, Any]) -> tuple[tuple[float, float] | None, Distortion | None]:
    """Projection offset and distortion, as the sample has them."""
    lens = sample["lens"]
    offsets = {key: (lens[key]["x"], lens[key]["y"]) for key in ("projectionOffset", "distortionOffset") if key in lens}
    models = lens.get("distortion")
    if not models:
        return offsets.get("projectionOffset"), None
    radial = tuple(models[0]["radial"]) + (0.0,) * (6 - len(models[0]["radial"]))
    tangential, model = tuple(models[0].get("tangential", (0.0, 0.0))), models[0].get("model", D_U)
    return offsets.get("projectionOffset"), Distortion(
        radial, tangential, offsets.get("distortionOffset", (0.0, 0.0)), model
    )


@needs_public
@pytest.mark.parametrize("name", ["made_sample_a", "made_sample_b"])
@pytest.mark.parametrize("group", range(4), ids=["json", "cbor", "one number", "a number per packet"])
@pytest.mark.parametrize("reverse", [False, True])
def test_public_packets_have_their_expected_poses(name: str, group: int, reverse: bool) -> None:
    expected = json.loads((PUBLIC / f"{name}.expected.json").read_text())["sensor_pose_gl"]
    sample = json.loads((PUBLIC / f"{name}.json").read_text())
    packets, decoder = datagrams(f"{name}.packets.hex")[group], Decoder()
    updates = [update for packet in packets[:: -1 if reverse else 1] for update in decoder.packet(packet)]
    pose, lens = updates
    assert isinstance(pose, PoseUpdate)
    position_m, rotation = to_opengl(pose.pose)
    assert position_m == pytest.approx(expected["position_m"], abs=1e-9)
    assert rotation.apply([0.0, 0.0, -1.0]) == pytest.approx(expected["forward"], abs=1e-9)
    assert abs(rotation.as_quat() @ np.array(expected["quaternion_xyzw"])) == pytest.approx(1.0, abs=1e-12)
    stamp = sample["timing"]["sampleTimestamp"]
    assert pose.sender_time_s == pytest.approx(stamp["seconds"] + stamp["nanoseconds"] * 1e-9, abs=1e-6)
    told = sample["lens"]
    expected_lens = (told["pinholeFocalLength"], told["focusDistance"], None, told["entrancePupilOffset"])
    assert lens == LensUpdate(str(sample["sourceNumber"]), *expected_lens, *bent(sample))


@needs_public
@pytest.mark.parametrize("name", ["made_sample_a", "made_sample_b"])
def test_one_sender_s_four_ways_are_all_taken(name: str) -> None:
    decoder = Decoder()
    packets = [packet for group in datagrams(f"{name}.packets.hex") for packet in group]
    updates = [update for packet in packets for update in decoder.packet(packet)]
    assert Counter(type(update) for update in updates) == {PoseUpdate: 4, LensUpdate: 1}


@needs_public
@pytest.mark.parametrize(
    ("name", "samples", "camera"),
    [("capture_json_single_segment.hex", 6, "7"), ("capture_json_three_segments_seq_per_packet.hex", 2, "9")],
)
def test_captures_of_smpte_s_own_sender(name: str, samples: int, camera: str) -> None:
    decoder = Decoder()
    updates = [update for group in datagrams(name) for packet in group for update in decoder.packet(packet)]
    poses = [update for update in updates if isinstance(update, PoseUpdate)]
    assert [pose.camera for pose in poses] == [camera] * samples
    assert not [update for update in updates if isinstance(update, Rejected)]
    times_s = [pose.sender_time_s for pose in poses]
    assert np.diff(np.array(times_s, float)) == pytest.approx(1.0 / 24.0, abs=2e-3)


@needs_public
@pytest.mark.parametrize("version", ["v1.0.0", "v1.0.1"])
@pytest.mark.parametrize("encoding", [JSON, CBOR])
def test_smpte_s_examples(version: str, encoding: int) -> None:
    files = sorted(PUBLIC.glob(f"{version}_*_example.json"))
    assert files
    for file in files:
        sample = json.loads(file.read_text())
        decoder = Decoder()
        payload = cbor2.dumps(sample) if encoding == CBOR else file.read_bytes()
        pose, lens, *takes = decoder.payload(payload, encoding)
        assert isinstance(pose, PoseUpdate)
        assert lens == LensUpdate("1", 24.305, 10.0, sample["lens"].get("tStop"), 0.123, *bent(sample))
        assert takes == ([TakeUpdate("1", False, "A101_A_4")] if "slate" in sample["tracker"] else [])
        # Three equal steps of Rz(180) Rx(90) Ry(45), or one: by matrices, since the tilt is at gimbal lock.
        step = np.eye(4)
        half = math.sqrt(0.5)
        step[:3, :3] = (
            np.diag([-1, -1, 1])
            @ [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
            @ [
                [half, 0, half],
                [0, 1, 0],
                [-half, 0, half],
            ]
        )
        step[:3, 3] = [1.0, 2.0, 3.0]
        expected = np.linalg.matrix_power(step, len(sample["transforms"]))
        assert pose.pose.matrix() == pytest.approx(expected, abs=1e-9)


@needs_public
def test_older_drafts_are_refused() -> None:
    for file in sorted(PUBLIC.glob("v0.9.3_*.json")):
        assert Decoder().payload(file.read_bytes()) == [Rejected("unsupported-version")]


@needs_public
@pytest.mark.parametrize("camera", ["1", "200", "201", "main"])
@pytest.mark.parametrize("time_s", [None, 0.0, 0.9999999999, 1_795_325_538.32])
def test_what_is_sent_is_valid_by_smpte_s_schema(camera: str, time_s: float | None) -> None:
    schema = json.loads((PUBLIC / "schema_v1.0.1.json").read_text())
    packet = encode_pose(camera, from_opentrackio((0.5, -3.0, 1.6), 30.0, -10.0, 5.0), time_s)
    jsonschema.validate(json.loads(packet[16:]), schema)
    assert len(packet) <= 1400


def test_a_known_pose() -> None:
    """PROTOCOLS 7.1's vector, worked out by another program."""
    position_m, rotation = to_opengl(posed(transform((0.5, -3.0, 1.6), 30.0, -10.0, 5.0)))
    assert position_m == pytest.approx([0.5, 1.6, 3.0])
    assert rotation.as_quat(canonical=True) == pytest.approx([-0.095352, 0.253917, -0.019437, 0.962318], abs=1e-6)
    assert rotation.apply([0.0, 0.0, -1.0]) == pytest.approx([-0.4924, -0.1736, -0.8529], abs=1e-4)


@pytest.mark.parametrize(
    ("turn", "right", "forward"),
    [
        ({"pan": 90.0}, [0, 1, 0], [-1, 0, 0]),  # +pan turns left
        ({"tilt": 90.0}, [1, 0, 0], [0, 0, 1]),  # +tilt looks up
        ({"roll": 90.0}, [0, 0, -1], [0, 1, 0]),  # +roll is clockwise from behind: the right side goes down
        ({"pan": 450.0}, [0, 1, 0], [-1, 0, 0]),  # any number of turns
        ({"pan": 90.0, "tilt": 30.0}, [0, 1, 0], [-math.sqrt(0.75), 0, 0.5]),
    ],
)
def test_signs_and_order_of_the_angles(turn: dict[str, float], right: list[float], forward: list[float]) -> None:
    axes = posed(transform((0.0, 0.0, 0.0), **turn)).matrix()
    assert axes[:3, 0] == pytest.approx(right, abs=1e-12)
    assert axes[:3, 1] == pytest.approx(forward, abs=1e-12)


def test_transforms_compose_from_the_parent_on() -> None:
    dolly, head = transform((1.0, 2.0, 0.0), pan=90.0), transform((0.0, 3.0, 1.0), tilt=30.0)
    pose = posed(dolly, head)
    assert pose.position_m == pytest.approx((-2.0, 2.0, 1.0))
    assert pose.matrix()[:3, 1] == pytest.approx([-math.sqrt(0.75), 0.0, 0.5])
    # The other way about: (0, 3, 1) and then (1, 2, 0) turned up by 30 degrees, then panned about the tilted axis.
    swapped = posed(head, dolly)
    assert swapped.position_m == pytest.approx((1.0, 3.0 + 2.0 * math.sqrt(0.75), 1.0 + 2.0 * 0.5))
    assert swapped.matrix()[:3, 1] == pytest.approx([-1.0, 0.0, 0.0])
    scaled = {**dolly, "scale": {"x": 5.0, "y": 5.0, "z": 5.0}, "id": "Dolly"}
    assert posed(scaled, head) == pose


@given(
    st.tuples(*[st.floats(-50.0, 50.0)] * 3),
    st.tuples(st.floats(-400.0, 400.0), st.floats(-90.0, 90.0), st.floats(-180.0, 180.0)),
    st.one_of(st.none(), st.floats(0.0, 4e9)),
    st.integers(1, 200),
)
def test_what_is_encoded_is_decoded(
    position_m: tuple[float, float, float], angles: tuple[float, float, float], time_s: float | None, camera: int
) -> None:
    sent = from_opentrackio(position_m, *angles)
    (update,) = Decoder().packet(encode_pose(str(camera), sent, time_s, camera))
    assert isinstance(update, PoseUpdate)
    assert update.camera == str(camera)
    assert update.sender_time_s == (None if time_s is None else pytest.approx(time_s, abs=1e-6))
    assert update.pose.position_m == pytest.approx(sent.position_m, abs=1e-9)
    assert abs(np.dot(update.pose.rotation, sent.rotation)) == pytest.approx(1.0, abs=1e-9)
    assert update.pose.matrix() == pytest.approx(sent.matrix(), abs=1e-6)


def test_packets_are_numbered_so_that_none_looks_repeated() -> None:
    decoder = Decoder()
    packets = [encode_pose("1", Pose(), 1.0) for _ in range(200)]
    numbers = [int.from_bytes(packet[6:8], "big") for packet in packets]
    assert {(after - before) % 65536 for before, after in itertools.pairwise(numbers)} == {1}
    assert all(isinstance(update, PoseUpdate) for packet in packets for update in decoder.packet(packet))
    assert decoder.packet(packets[-1]) == [Rejected("repeated")]


def test_json_and_cbor_say_the_same() -> None:
    expected = Decoder().sample(SAMPLE)
    assert [type(update) for update in expected] == [PoseUpdate, LensUpdate]
    payload = cbor2.dumps(SAMPLE)
    for form in (payload, b"\xd9\xd9\xf7" + payload, cbor2.dumps(SAMPLE, canonical=True)):
        assert Decoder().payload(form, CBOR) == expected
    assert Decoder().payload(b"\xef\xbb\xbf" + json.dumps(SAMPLE).encode()) == expected  # a BOM is read over


def test_time_is_the_sample_s_own() -> None:
    pose, _ = Decoder().sample(SAMPLE)
    assert isinstance(pose, PoseUpdate)
    assert pose.sender_time_s == 1_718_806_554.5
    untimed, _ = Decoder().sample(changed("timing", None))
    assert isinstance(untimed, PoseUpdate)
    assert untimed.sender_time_s is None


@pytest.mark.parametrize(
    ("transforms", "position_m", "pan"),
    [
        ([{"translation": {}, "rotation": {"pan": 10, "tilt": 5, "roll": 0}}], (0, 0, 0), 10),
        ([{"translation": {"x": 1, "y": 2}, "rotation": {"pan": 10, "tilt": 5}}], (1, 2, 0), 10),
        ([{"rotation": {"pan": 10, "tilt": 5}}], (0, 0, 0), 10),
        ([{"translation": {"x": 1, "z": None}, "rotation": {"pan": 10, "tilt": 5, "roll": None}}], (1, 0, 0), 10),
        ([{"translation": {"z": 3}}, {"rotation": {"pan": 10, "tilt": 5}, "translation": None}], (0, 0, 3), 10),
        ([{"id": "head"}, {"rotation": {"pan": 10, "tilt": 5}, "translation": {"x": 1}}], (1, 0, 0), 10),
    ],
)
def test_members_that_are_missing_are_0(transforms: Any, position_m: tuple[float, ...], pan: float) -> None:
    pose = posed(*transforms)
    assert pose.position_m == pytest.approx(position_m)
    assert pose.rotation == pytest.approx(from_opentrackio((0, 0, 0), pan, 5.0, 0.0).rotation)


def test_several_packets_in_one_datagram_are_all_taken() -> None:
    first, second = (encode_pose("1", Pose((x, 0.0, 0.0)), None, 5 + int(x)) for x in (1.0, 2.0))
    found = Decoder().packet(first + second)
    assert [update.pose.position_m[0] for update in found if isinstance(update, PoseUpdate)] == [1.0, 2.0]
    pose, refused = Decoder().packet(first + b"junk" * 9)
    assert isinstance(pose, PoseUpdate)
    assert refused == Rejected("bad-identifier")


def test_cameras_are_named_by_number_id_or_label() -> None:
    def camera(**settings: Any) -> Update | str:
        update = Decoder(**settings).sample(SAMPLE)[0]
        return update.camera if isinstance(update, PoseUpdate) else update

    assert camera() == "1"
    assert camera(cameras={"1": "main"}) == "main"
    assert camera(cameras={"2": "main"}) == Rejected("other-camera-id")
    assert camera(camera_by="label") == "A"
    assert camera(camera_by="label", cameras={"A": "main"}) == "main"
    assert camera(camera_by="source_id", cameras={SAMPLE["sourceId"]: "b"}) == "b"


def named(updates: list[Update]) -> str | None:
    pose = updates[0]
    assert isinstance(pose, PoseUpdate)
    return pose.camera


def test_a_sample_that_names_no_camera_names_none() -> None:
    assert named(Decoder().sample(changed("sourceNumber", None))) is None
    mapped = Decoder(cameras={"1": "A"})
    assert mapped.sample(changed("sourceNumber", None)) == [Rejected("camera-not-named")]
    (refused,) = mapped.sample(changed("sourceNumber", 3))
    assert refused == Rejected("other-camera-id")
    assert isinstance(refused, Rejected)
    assert refused.sentence == (
        'OpenTrackIO source_number 3 came, which is not in cameras = {1 = "A"} of its [[tracking]]: '
        'to take it, write 3 = "A" there'
    )


def test_static_blocks_are_kept_for_their_source() -> None:
    """A label comes every two seconds only, and belongs to one source of one machine."""
    decoder, later = Decoder(camera_by="label"), changed("static", None)
    assert named(decoder.sample(later)) is None
    decoder.sample(SAMPLE)
    (pose,) = (update for update in decoder.sample(later) if isinstance(update, PoseUpdate))
    assert pose.camera == "A"
    assert named(decoder.sample({**later, "sourceNumber": 2})) is None
    assert named(decoder.sample(later, peer="10.0.0.6:40000")) is None
    only_static = {key: SAMPLE[key] for key in ("static", "sourceNumber", "sourceId")}
    assert all(isinstance(update, LensUpdate) for update in decoder.sample({**only_static, "sourceNumber": 2}))
    assert pose_of(decoder.sample({**later, "sourceNumber": 2})) == pose.pose


def test_a_lens_is_told_when_it_changes_and_now_and_then() -> None:
    decoder = Decoder()
    counts = [len(decoder.sample(SAMPLE)) for _ in range(2 * LENS_EVERY + 1)]
    assert counts == [2, *[1] * (LENS_EVERY - 1), 2, *[1] * (LENS_EVERY - 1), 2]
    _, zoomed = decoder.sample(changed("lens", {"pinholeFocalLength": 50.0}))
    assert zoomed == LensUpdate("1", 50.0, 10.0, 4.1, 0.123)  # what is not said stays as it was
    _, focus = Decoder().sample(changed("lens", {"focusDistance": 2.0}))
    assert focus == LensUpdate("1", None, 2.0)


def test_a_tracker_is_placed_on_the_stage() -> None:
    decoder = Decoder(
        stage_from_tracker=Origin(translation_m=(2.0, 1.0, 0.5), pan_deg=90.0),
        tracker_from_sensor=Mount(translation_m=(0.0, 0.1, 0.0)),
    )
    assert pose_of(decoder.sample(SAMPLE)).position_m == pytest.approx((-0.1, 2.0, 3.5))


def test_a_person_is_told_of_sensor_and_clock_and_not_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vpengine.tracking.opentrackio")
    decoder = Decoder()
    tai = changed("timing.sampleTimestamp", {"seconds": int(time.time()) + 37, "nanoseconds": 0})
    tai["timing"]["sampleTimestamp"]["nanoseconds"] = int(time.time() % 1.0 * 1e9)
    for _ in range(3):
        decoder.sample(tai)
    assert [record.getMessage() for record in caplog.records] == [
        "OpenTrackIO: camera labelled 'A' has a sensor of 36 x 20.25 mm",
        "OpenTrackIO: camera '1' is stamped with PTP's clock (TAI), 37 s ahead of UTC",
    ]
    for number in range(300):
        decoder.sample({**SAMPLE, "sourceId": f"forged {number}"})
    assert len(caplog.records) == 64


def test_senders_that_invent_themselves_do_not_grow_memory() -> None:
    decoder = Decoder()
    for number in range(300):
        decoder.sample({**SAMPLE, "sourceId": f"forged {number}"}, peer=f"10.0.0.5:{number + 1}")
    assert len(decoder.protocol._sources) == len(decoder.protocol._reassemblies) == MAX_SENDERS


def test_settings() -> None:
    settings = OpenTrackIOTracking.Settings
    assert load_plugin(KINDS["opentrackio"]) is OpenTrackIOTracking
    plain = OpenTrackIOTracking(settings())
    assert plain.endpoint == ("127.0.0.1", 55555)
    assert plain.multicast_groups == ()
    assert OpenTrackIOTracking(settings(port=0)).endpoint is None
    groups = OpenTrackIOTracking(settings(multicast_sources=(1, 200), accept_v1_0_0=True)).multicast_groups
    assert groups == ("239.135.1.1", "239.135.1.200", "235.135.1.1", "235.135.1.200")
    assert OpenTrackIOTracking(settings(multicast_sources=(7, 7))).multicast_groups == ("239.135.1.7",)
    for wrong in (
        {"multicast_sources": (0,)},
        {"multicast_sources": (201,)},
        {"multicast_sources": tuple(range(1, 18))},
        {"multicast_sources": (1,), "address": "::1"},
        {"address": "localhost"},
        {"cameras": {"A": "A"}},
        {"cameras": {"1": "not an id"}},
        {"camera_by": "name"},
        {"prot": 1},
    ):
        with pytest.raises(ValidationError):
            settings.model_validate(wrong)
