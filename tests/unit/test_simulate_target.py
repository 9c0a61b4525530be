"""A simulated tracker told by a stage file: protocol, port and what the sender calls the camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpengine.cli.simulate_target import Target, target_of
from vpengine.errors import UserError
from vpengine.stage.shipped import stage_folder

OSC = 'kind = "osc"\ncamera = "1"\nport = 9000'


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (OSC, Target("osc://127.0.0.1:9000", "1", "osc://127.0.0.1:9001")),
        ('kind = "osc"\ncamera = "1"\nport = 9100\naddress = "0.0.0.0"', "osc://127.0.0.1:9100"),
        ('kind = "freed"\ncamera = "1"\npreset = "panasonic"', "freed://127.0.0.1:1111"),
        ('kind = "freed"\ncamera = "1"\ncameras = {7 = "1"}', Target("freed://127.0.0.1:40000", "7", "")),
        ('kind = "opentrackio"\ncamera = "1"\naddress = "::1"', "opentrackio://[::1]:55555"),
    ],
)
def test_it_sends_where_the_stage_listens(small_stage: Path, section: str, expected: Target | str) -> None:
    small_stage.write_text(small_stage.read_text(encoding="utf-8").replace(OSC, section), encoding="utf-8")
    target = target_of(small_stage, None)
    if isinstance(expected, str):
        assert target.to == expected
    else:
        assert (target.to, target.camera) == (expected.to, expected.camera)


def test_freed_wants_a_number(small_stage: Path) -> None:
    text = small_stage.read_text(encoding="utf-8").replace(OSC, 'kind = "freed"\ncamera = "A"')
    small_stage.write_text(text.replace('id = "1"', 'id = "A"'), encoding="utf-8")
    assert target_of(small_stage, None).camera == "1"
    with pytest.raises(UserError, match=r"no ..tracking.. source of camera 'B'"):
        target_of(small_stage, "B")


def test_it_moves_about_where_the_stage_has_its_camera() -> None:
    """On the stage of one television a move about eye height would look past its upper edge."""
    assert target_of(stage_folder() / "tv.toml", None).rest.position_m == (0.0, 0.0, 1.3)


def test_nothing_to_simulate_is_said(small_stage: Path) -> None:
    text = small_stage.read_text(encoding="utf-8").replace(OSC, 'kind = "osc"\ncamera = "1"\nport = 0')
    small_stage.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"no ..tracking.. source of a camera that can be simulated"):
        target_of(small_stage, None)
