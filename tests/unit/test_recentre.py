"""Recentre: exact at once, level for ever, undone step by step, and kept from one run to the next."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.waiting import never_waiting
from vpengine.control.triggers import CameraTrigger
from vpengine.tracking.recentre import Recentring, correction_between
from vpengine.view.pose import Pose, from_opentrackio, pose_from

RESTING = from_opentrackio((0.0, -2.0, 1.5), 0.0, -3.0, 0.0)
RECENTRE, UNDO = CameraTrigger("recentre", "A"), CameraTrigger("undo", "A")


def same(one: Pose, other: Pose) -> bool:
    apart = Rotation.from_quat(one.rotation).inv() * Rotation.from_quat(other.rotation)
    return np.allclose(one.position_m, other.position_m, atol=1e-9) and apart.magnitude() < 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_what_the_tracker_says_now_is_the_resting_pose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracked = pose_from(rng.uniform(-5.0, 5.0, 3), Rotation.random(random_state=seed))
    assert same(correction_between(tracked, RESTING).applied(tracked), RESTING)


def test_moves_stay_level_and_keep_their_length() -> None:
    """A phone clamped 20 degrees aslant, started facing left: its forward becomes the stage's, and its up stays up."""
    tracked = from_opentrackio((4.0, 1.0, -0.3), 90.0, 20.0, 5.0)
    correction = correction_between(tracked, from_opentrackio((0.0, -2.0, 1.5), 0.0, 0.0, 0.0))
    forward_in_tracker, up = np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])  # pan 90 looks along -X
    moved = Pose(tuple(np.array(tracked.position_m) + 0.5 * forward_in_tracker + 0.2 * up), tracked.rotation)
    assert same(correction.applied(moved), from_opentrackio((0.0, -1.5, 1.7), 0.0, 0.0, 0.0))


def test_undo_goes_back_step_by_step(caplog: pytest.LogCaptureFixture) -> None:
    recentring = Recentring({"A": RESTING})
    first, second = (
        from_opentrackio((1.0, 0.0, 0.0), 10.0, 0.0, 0.0),
        from_opentrackio((9.0, 0.0, 0.0), -40.0, 0.0, 0.0),
    )
    for tracked in (first, second):
        recentring.take(RECENTRE, tracked)
        assert same(recentring.applied("A", tracked), RESTING)
    recentring.take(UNDO, second)
    assert same(recentring.applied("A", first), RESTING)
    recentring.take(UNDO, second)
    assert recentring.applied("A", first) == first
    caplog.clear()
    recentring.take(UNDO, second)
    assert "camera A: there is no recentre to undo" in caplog.text
    recentring.take(RECENTRE, None)
    assert "camera A: nothing to recentre: no tracker sends a pose for it now" in caplog.text


def test_a_button_pressed_twice_is_one_recentre() -> None:
    recentring = Recentring({"A": RESTING})
    before, tracked = (
        from_opentrackio((9.0, 0.0, 0.0), -40.0, 0.0, 0.0),
        from_opentrackio((1.0, 0.0, 0.0), 10.0, 0.0, 0.0),
    )
    recentring.take(RECENTRE, before)
    recentring.take(RECENTRE, tracked)
    noisy = from_opentrackio((1.002, 0.0, -0.001), 10.1, 0.0, 0.1)
    recentring.take(RECENTRE, noisy)
    assert same(recentring.applied("A", noisy), RESTING)
    recentring.take(UNDO, noisy)
    assert same(recentring.applied("A", before), RESTING)


def test_it_is_kept_across_a_restart_of_its_own_stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = tmp_path / "state" / "recentre.json"
    tracked = from_opentrackio((3.0, 2.0, 0.0), 70.0, 4.0, 1.0)
    first = Recentring({"A": RESTING, "B": RESTING}, memory, "one.toml")
    first.take(RECENTRE, tracked)
    first.close()
    with caplog.at_level(logging.WARNING):
        again = Recentring({"A": RESTING, "B": RESTING}, memory, "one.toml")
    assert "camera A: recentred as in an earlier run" in caplog.text
    assert same(again.applied("A", tracked), RESTING)
    assert again.applied("B", tracked) == tracked
    assert Recentring({"A": RESTING}, memory, "other.toml").applied("A", tracked) == tracked
    again.take(UNDO, tracked)
    again.close()
    assert Recentring({"A": RESTING}, memory, "one.toml").applied("A", tracked) == tracked


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"one.toml": {"A": [{"turn_rad": NaN}]}}', '{"one.toml": {"A": 3}}', '{"one.toml": [3]}']
)
def test_a_damaged_memory_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    memory = tmp_path / "recentre.json"
    memory.write_text(text)
    tracked = from_opentrackio((3.0, 2.0, 0.0), 70.0, 4.0, 1.0)
    recentring = Recentring({"A": RESTING}, memory, "one.toml")
    assert recentring.applied("A", tracked) == tracked
    recentring.take(RECENTRE, tracked)
    recentring.close()
    assert same(Recentring({"A": RESTING}, memory, "one.toml").applied("A", tracked), RESTING)


def test_a_memory_that_cannot_be_written_holds_for_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    recentring = Recentring({"A": RESTING}, tmp_path / "file" / "recentre.json", "one.toml")
    recentring.take(RECENTRE, RESTING)
    recentring.close()
    assert "the recentre holds for this run only" in caplog.text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_button_that_chatters_while_a_disk_hangs_piles_nothing_up(tmp_path: Path) -> None:
    """One thread, and at its end what was pressed last."""
    memory = tmp_path / "recentre.json"
    recentring = Recentring({"A": RESTING}, memory, "one.toml")
    os.mkfifo(memory)
    threads = threading.active_count()
    tracked = [from_opentrackio((3.0, 2.0, 0.0), 70.0 + turn, 4.0, 1.0) for turn in range(300)]
    for pose in tracked:
        recentring.take(RECENTRE, pose)
    assert threading.active_count() <= threads + 1
    with memory.open("w") as writer:
        writer.write("{}")
    recentring.close()
    assert same(Recentring({"A": RESTING}, memory, "one.toml").applied("A", tracked[-1]), RESTING)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_disk_that_hangs_holds_no_frame_up(tmp_path: Path) -> None:
    memory = tmp_path / "recentre.json"
    recentring = Recentring({"A": RESTING}, memory, "one.toml")
    os.mkfifo(memory)  # whoever reads it waits for a writer
    tracked = from_opentrackio((3.0, 2.0, 0.0), 70.0, 4.0, 1.0)
    with never_waiting():  # were it read here, this would never end
        recentring.take(RECENTRE, tracked)
    assert same(recentring.applied("A", tracked), RESTING)
    with memory.open("w") as writer:
        writer.write("{}")
    recentring.close()
    assert same(Recentring({"A": RESTING}, memory, "one.toml").applied("A", tracked), RESTING)
