"""Distortion that trackers send: read as OpenTrackIO has it, known to the cameras, kept in a take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.opentrackio_samples import Decoder, changed
from vpengine.frames.frame_input import CameraState
from vpengine.mailbox import Newest
from vpengine.stage.camera import CameraSettings
from vpengine.stage.lens_file import LensEntry, LensFile
from vpengine.takes.cameras import camera_line, read_camera
from vpengine.tracking.cameras import Cameras
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Rejected
from vpengine.tracking.recentre import Recentring
from vpengine.view.distortion import D_U, U_D, Distortion
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

BENT = Distortion((1e-4, 0.0, 0.0, 0.0, 0.0, 0.0))


def sent(decoder: Decoder, **lens: Any) -> LensUpdate:
    (update,) = (each for each in decoder.sample(changed("lens", lens)) if isinstance(each, LensUpdate))
    return update


def test_what_is_left_out_has_its_default() -> None:
    """D-U where no model is named; radial coefficients that are not sent are 0."""
    update = sent(Decoder(), distortion=[{"radial": [1e-4, 2e-5, 3e-8]}])
    assert update.distortion == Distortion((1e-4, 2e-5, 3e-8, 0.0, 0.0, 0.0), model=D_U)
    assert update.projection_offset_mm is None


def test_the_first_model_that_is_known_is_taken() -> None:
    models = [{"model": "Maker", "radial": [9.0]}, {"model": U_D, "radial": [1e-4], "tangential": [1e-5, -2e-5]}]
    update = sent(Decoder(), distortion=models, distortionOffset={"x": 0.1}, projectionOffset={"x": 0.25, "y": -0.5})
    assert update.distortion == Distortion((1e-4, 0.0, 0.0, 0.0, 0.0, 0.0), (1e-5, -2e-5), (0.1, 0.0), U_D)
    assert update.projection_offset_mm == (0.25, -0.5)


def test_coefficients_and_their_centre_may_come_apart() -> None:
    decoder = Decoder()
    sent(decoder, distortion=[{"radial": [1e-4]}], distortionOffset={"x": 0.1, "y": 0.2})
    assert sent(decoder, distortion=[{"radial": [2e-4]}]).distortion == Distortion(
        (2e-4, 0.0, 0.0, 0.0, 0.0, 0.0), offset_mm=(0.1, 0.2)
    )
    assert sent(decoder, distortionOffset={"x": 0.3, "y": 0.0}).distortion == Distortion(
        (2e-4, 0.0, 0.0, 0.0, 0.0, 0.0), offset_mm=(0.3, 0.0)
    )


def test_a_bad_centre_leaves_the_coefficients() -> None:
    sample = changed("lens", {"distortion": [{"radial": [1e-4]}], "distortionOffset": {"x": "left"}})
    _, lens, refused = Decoder().sample(sample)
    assert isinstance(lens, LensUpdate)
    assert lens.distortion == BENT
    assert refused == Rejected("bad-distortion")


def watched(settings: CameraSettings) -> tuple[Cameras, Newest[str, LensUpdate]]:
    lenses: Newest[str, LensUpdate] = Newest()
    return Cameras([settings], {"1": PoseBuffer()}, lenses, Recentring({"1": settings.pose.pose()})), lenses


def test_the_camera_has_the_trackers_distortion(caplog: pytest.LogCaptureFixture) -> None:
    """And of one that no lens has, such as the standard's examples', it is told once."""
    cameras, lenses = watched(CameraSettings(id="1", sensor_mm=(24.0, 13.5), pinhole_focal_length_mm=24.0))
    assert cameras.at(0.0, 0.0, 0.0)["1"].lens.distortion is None
    lenses.put("1", LensUpdate("1", distortion=BENT, projection_offset_mm=(0.5, 0.25)))
    lens = cameras.at(0.0, 0.0, 0.0)["1"].lens
    assert (lens.distortion, lens.projection_offset_mm) == (BENT, (0.5, 0.25))
    for k1 in (1.0, 1.5):
        lenses.put("1", LensUpdate("1", 30.0, distortion=Distortion((k1, 2.0, 3.0, 4.0, 5.0, 6.0), (1.0, 2.0))))
        lens = cameras.at(0.0, 0.0, 0.0)["1"].lens
        assert (lens.distortion, lens.pinhole_focal_length_mm) == (BENT, 30.0)
    (record,) = caplog.records
    assert "camera 1: the distortion that its tracker sends is left out: it" in record.getMessage()


def test_a_lens_file_is_looked_up_where_the_trackers_rings_stand() -> None:
    """From what the tracker said, not from what the file made of it before."""
    file = LensFile(
        "",
        (24.0, 13.5),
        (LensEntry(20.0, 2.0, 21.0, (0.1, 0.0), 0.05, BENT), LensEntry(40.0, 2.0, 44.0, (0.3, 0.0), 0.15, BENT)),
    )
    settings = CameraSettings(id="1", sensor_mm=(24.0, 13.5), pinhole_focal_length_mm=20.0, lens=file)
    assert settings.lens().pinhole_focal_length_mm == 21.0
    cameras, lenses = watched(settings)
    for _ in range(3):
        lenses.put("1", LensUpdate("1", 30.0, 2.0))
        lens = cameras.at(0.0, 0.0, 0.0)["1"].lens
        assert lens.pinhole_focal_length_mm == pytest.approx(32.5)
        assert lens.projection_offset_mm == pytest.approx((0.2, 0.0))
        assert lens.entrance_pupil_offset_m == pytest.approx(0.1)
    own = Distortion((5e-5, 0.0, 0.0, 0.0, 0.0, 0.0))
    lenses.put("1", LensUpdate("1", 30.0, 2.0, None, 0.2, distortion=own))
    lens = cameras.at(0.0, 0.0, 0.0)["1"].lens
    assert (lens.distortion, lens.entrance_pupil_offset_m) == (own, 0.2)  # of what the tracker knows it has the say


@pytest.mark.parametrize(
    "distortion", [None, Distortion((1e-4, 0.0, 0.0, 0.0, 0.0, 0.0), (1e-5, 0.0), (0.1, 0.2), U_D)]
)
def test_a_take_keeps_it(distortion: Distortion | None) -> None:
    lens = Lens((24.0, 13.5), 24.0, (0.1, 0.2), 0.05, 3.0, 2.8, distortion)
    state = CameraState(Pose((0.0, 1.0, 2.0)), Pose((0.0, 1.0, 2.0)), lens, 0.01)
    assert read_camera(json.loads(json.dumps(camera_line(state)))) == state


@pytest.mark.parametrize("key", ["radial", "tangential", "offset_mm", "model"])
def test_a_take_with_a_damaged_one_is_refused(key: str) -> None:
    lens = Lens((24.0, 13.5), 24.0, distortion=BENT)
    line = json.loads(json.dumps(camera_line(CameraState(Pose((0.0, 0.0, 0.0)), Pose((0.0, 0.0, 0.0)), lens, 0.0))))
    line["lens"]["distortion"][key] = [1.0]
    with pytest.raises((ValueError, TypeError, LookupError)):
        read_camera(
            {**line, "lens": {**line["lens"], "distortion": {**line["lens"]["distortion"], "radial": [1e99] * 6}}}
        )
    if key != "radial":
        with pytest.raises((ValueError, TypeError, LookupError)):
            read_camera(line)
