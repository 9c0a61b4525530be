"""Takes that rolled and moments that were kept: whole folders, with all that was visible before they began."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.capturing import grey
from tests.waiting import until
from vpengine.control.controls import Controls
from vpengine.control.cues import CueList
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.takes import TakeName, Takes
from vpengine.control.triggers import LookTrigger, TakeTrigger
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.mailbox import Board
from vpengine.operating import Keeping
from vpengine.takes.keeper import Keeper
from vpengine.takes.log import read_log
from vpengine.takes.ring import SHOWN, Ring, Visible
from vpengine.takes.take_files import PREROLL_S, TakeFiles, thumbnail
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

LOOK = Look("weather", (("snow", 0.5),))
POSE, LENS = Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0)
RATE = 24
ROLLING = TakeName("12B", "storm", 3)


def keyframe(number: int, face: int | None = None, size: tuple[int, int] = (4, 2)) -> Keyframe:
    view = camera_view(POSE, LENS, size)
    color = np.full((*size[::-1], 3), 0.18, np.float16)
    plate = ImageSet.of(color, np.ones(size[::-1], np.float32), color[..., 0], view, Provenance("plate"))
    where = None if face is None else SurroundFace(0, face)
    request = Request(number, 0, "hall", plate, LOOK, 0.0, face=where)
    planes = Pixels(np.ones_like(color)), Pixels(np.zeros_like(color))
    return Keyframe(request, *planes, neutral_grade(), Provenance("weather"), Timings(0.0, 0.0, 0.0))


def frame(number: int, *keyframes: Keyframe) -> FrameInput:
    camera, program = CameraState(POSE, POSE, LENS, 0.0), BusState("day", "hall", look=LOOK)
    tick = Tick(number, number / RATE, Fraction(RATE))
    return FrameInput(tick, {"1": camera}, {"program": program}, {"/vp/x": 1.0}, 7, keyframes, cue="2")


def numbers(frames: Any) -> list[list[int]]:
    return [[key.request.number for key in each.keyframes] for each in frames]


def test_the_newest_seconds_with_what_was_visible_before_them() -> None:
    """Of an eye as many as are shown together, of each face the newest; in the order in which they came."""
    ring = Ring(held_s=10.0)
    arriving = {1: keyframe(1, face=0), 2: keyframe(2, face=1), 3: keyframe(3, face=0), 100: keyframe(20)}
    arriving |= {10 + n: keyframe(4 + n) for n in range(6)}
    for number in range(120):
        ring.note(frame(number, *([arriving[number]] if number in arriving else [])))
    kept = ring.newest(2.0)
    assert [each.tick.number for each in (kept[0], kept[-1])] == [119 - 2 * RATE, 119]
    assert numbers(kept[:1]) == [[2, 3, 6, 7, 8, 9]]
    assert len(numbers(kept[:1])[0]) == 2 + SHOWN
    assert {key.request.epoch for key in kept[0].keyframes} == {7}, "they are shown in it, whatever they were asked in"
    assert numbers(kept)[1:].count([20]) == 1
    assert kept[0].keyframes[0].request.plate.color.size == 0, "the plate is drawn again"


def test_what_cameras_sent_is_not_held() -> None:
    """Half a minute of it would be gigabytes; which picture it was stays."""
    ring = Ring()
    for number in range(3):
        ring.note(replace(frame(number), captured={"1": replace(grey(0.1 * number), number=number)}))
    pictures = [each.captured["1"] for each in ring.newest()]
    assert [(one.number, one.time_s, one.nbytes) for one in pictures] == [(0, 0.0, 0), (1, 0.1, 0), (2, 0.2, 0)]


def test_it_holds_no_more_than_its_time_and_its_room() -> None:
    ring, one = Ring(held_s=2.0, most_bytes=10_000), keyframe(1, size=(20, 10))
    for number in range(1000):
        ring.note(frame(number, replace(one, request=replace(one.request, number=number))))
        assert ring._bytes <= 10_000
    assert len(ring.newest()) == 10_000 // (2 * 20 * 10 * 3 * 2)
    assert not Ring().newest()


def test_what_was_visible_of_many_locations_is_bounded() -> None:
    """A show with thirty scenes and their surrounds does not end in the machine's memory."""
    visible = Visible(most_bytes=8 * 96)
    for number in range(300):
        key = keyframe(number, face=number % 2)
        location = "here" if number % 30 < 2 else f"hall {number // 2 % 15}"
        visible.note(frame(number, replace(key, request=replace(key.request, location=location))))
        held = [key.gain.stored.nbytes + key.bias.stored.nbytes for key in visible.keyframes]
        assert sum(held) <= 8 * 96
    assert [key.request.number for key in visible.keyframes] == list(range(292, 300)), "the newest locations stay whole"
    large = Visible(most_bytes=1)
    large.note(frame(1, keyframe(1, face=0), keyframe(2, face=1)))
    assert len(large.keyframes) == 2, "and the newest one in any case"


def test_what_was_taken_back_is_not_held_for_who_keeps_what_came_after() -> None:
    """But the preview's, which may have any look."""
    own, preview = keyframe(1), keyframe(2)
    preview = replace(preview, request=replace(preview.request, bus="preview"))
    other = keyframe(3)
    other = replace(other, request=replace(other.request, look=replace(LOOK, seed=9)))
    ring = Ring(held_s=1.0)
    ring.note(frame(0, own, preview, other))
    ring.note(replace(frame(1), barred=frozenset({LOOK})))
    for number in range(2, 2 + 2 * RATE):
        ring.note(frame(number))
    assert numbers(ring.newest())[0] == [2, 3]


def test_a_frame_that_brings_more_than_there_is_room_for_is_held_alone() -> None:
    """As a stored surround of a large generator does; what came before goes, and the frames go on."""
    ring, large = Ring(most_bytes=1000), keyframe(1, size=(20, 10))
    ring.note(frame(0, keyframe(0)))
    ring.note(frame(1, large))
    assert [each.tick.number for each in ring.newest()] == [1]
    assert numbers(ring.newest()) == [[0, 1]]
    ring.note(frame(2))
    assert [each.tick.number for each in ring.newest()] == [2]
    assert ring._bytes == 0


class Bench:
    def __init__(self, folder: Path) -> None:
        self.described: list[Path] = []
        self.files = TakeFiles(folder, self.described.append)
        self.number = 0

    def run(self, seconds: float, rolling: TakeName | None = None, refused: Any = ((), 0)) -> None:
        for _ in range(round(seconds * RATE)):
            self.number += 1
            keys = [keyframe(self.number)] if self.number % RATE == 0 else []
            self.files.note(frame(self.number, *keys), rolling, refused)


def redraw(_: str, view: Any, __: int) -> ImageSet:
    width, height = view.resolution
    color = np.zeros((height, width, 3), np.float16)
    return ImageSet.of(color, np.ones((height, width), np.float32), color[..., 0], view, Provenance("plate"))


def test_a_take_begins_before_its_roll_and_says_what_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(5.0)
    bench.run(3.0, ROLLING, (("before",), 4))
    bench.run(1.0, None, (("before", "take 3 is rolling: no cue goes"), 5))
    bench.files.close()
    folder = tmp_path / "12B-storm-take-3"
    frames = list(read_log(folder, redraw))
    assert [each.tick.number for each in frames] == list(range(5 * RATE + 1 - round(PREROLL_S * RATE), 8 * RATE + 1))
    assert len(frames[0].keyframes) == 3, "and what was visible when it begins"
    assert frames[0].cue == "2"
    card = json.loads((folder / "take.json").read_text("utf-8"))
    assert (card["slate"], card["scene"], card["number"]) == ("12B", "storm", 3)
    assert (card["rolls_at_tick"], card["timecode"]) == (5 * RATE + 1, "00:00:05:01")
    assert (card["refused"], card["dropped_frames"]) == (["take 3 is rolling: no cue goes"], 0)
    assert bench.described == [folder]


def cut_in(folder: Path) -> list[str]:
    """The folders of takes that were cut."""
    cards = folder.glob("*/take.json")
    return sorted(card.parent.name for card in cards if "refused" in json.loads(card.read_text("utf-8")))


def test_a_take_that_is_never_cut_says_what_it_is_and_where_it_begins(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(0.5)
    bench.run(0.5, ROLLING)
    card = tmp_path / "12B-storm-take-3" / "take.json"
    until(card.is_file)
    said = json.loads(card.read_text("utf-8"))
    assert (said["slate"], said["scene"], said["number"], said["rolls_at_tick"]) == ("12B", "storm", 3, 13)
    assert cut_in(tmp_path) == []
    bench.files.close()
    assert cut_in(tmp_path) == [card.parent.name]


def test_a_take_of_the_same_name_is_never_written_over_and_a_run_s_end_ends_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for _ in range(2):
        bench.run(0.5, ROLLING)
        bench.run(0.5)
    fourth = replace(ROLLING, number=4)
    bench.run(0.5, fourth, ((), 0))
    bench.run(0.5, fourth, (("no cue goes",), 1))
    bench.files.close()
    assert cut_in(tmp_path) == ["12B-storm-take-3", "12B-storm-take-3-2", "12B-storm-take-4"]
    card = json.loads((tmp_path / "12B-storm-take-4" / "take.json").read_text("utf-8"))
    assert card["refused"] == ["no cue goes"]


def test_a_take_that_follows_another_of_its_name_at_once_is_its_own(tmp_path: Path) -> None:
    """CUT, another number, and ROLL within one frame: two takes of one name, and each has its folder."""
    bench, takes = Bench(tmp_path), Takes()
    takes.press(TakeTrigger("roll"))
    bench.run(0.5, takes.rolling)
    for trigger in (TakeTrigger("cut"), TakeTrigger("number", "1"), TakeTrigger("roll")):
        takes.press(trigger)
    bench.run(0.5, takes.rolling)
    bench.files.close()
    cards = [json.loads((tmp_path / name / "take.json").read_text("utf-8")) for name in ("take-1", "take-1-2")]
    assert [card["rolls_at_tick"] for card in cards] == [1, 13]


def test_a_disk_that_does_not_answer_holds_no_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at ROLL, not at KEEP: folders are made by their writers, and numbered in the order of what was pressed."""
    answers, here = threading.Event(), threading.current_thread()

    def waiting(real: Any) -> Any:
        def waited(*arguments: Any, **options: Any) -> Any:
            assert threading.current_thread() is not here, "a frame asked the disk"
            answers.wait(20.0)
            return real(*arguments, **options)

        return waited

    bench = Bench(tmp_path)
    bench.run(0.5)
    with monkeypatch.context() as patch:
        for name in ("mkdir", "exists", "stat"):
            patch.setattr(Path, name, waiting(getattr(Path, name)))
        for _ in range(3):
            bench.run(0.2, ROLLING)
            bench.run(0.1)
        bench.files.keep("kept")
        answers.set()
        bench.files.close()
    until(lambda: len(cut_in(tmp_path)) == 3 and (tmp_path / "kept" / "kept" / "thumbnail.png").is_file())
    ticks = [
        json.loads((tmp_path / f"12B-storm-take-3{end}" / "take.json").read_text("utf-8"))["rolls_at_tick"]
        for end in ("", "-2", "-3")
    ]
    assert ticks == [13, 20, 27]
    assert (tmp_path / "kept" / "kept" / "thumbnail.png").is_file()
    assert sum(said.startswith("12B storm take 3 rolls: ") for said in caplog.messages) == 3
    assert caplog.messages.count("12B storm take 3 is cut") == 3


@pytest.mark.parametrize("fails", ["describe", "thumbnail"])
def test_a_moment_that_cannot_be_told_of_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: str
) -> None:
    def failing(_: Any) -> Any:
        raise ValueError("a fault")

    bench = Bench(tmp_path)
    bench.run(1.0)
    if fails == "describe":
        bench.files._describe = failing
    else:
        monkeypatch.setattr("vpengine.takes.take_files.thumbnail", failing)
    bench.files.keep("kept")
    bench.files.close()
    assert caplog.messages[-1] == f"take {tmp_path / 'kept' / 'kept'}: a fault; it is not whole."
    assert len(list(read_log(tmp_path / "kept" / "kept", redraw))) == RATE
    assert not [thread for thread in threading.enumerate() if thread.name == "take-writer"]


def test_the_moment_that_just_went_by_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(3.0)
    bench.files.keep("kept 2026-11-28T05:00:00+00:00")
    folder = tmp_path / "kept" / "kept-2026-11-28T05-00-00-00-00"
    bench.run(1.0)
    until(lambda: (folder / "thumbnail.png").is_file())
    bench.files.close()
    assert [each.tick.number for each in read_log(folder, redraw)] == list(range(1, 3 * RATE + 1))
    with Image.open(folder / "thumbnail.png") as image:
        assert image.size == (4, 2)


def test_two_moments_kept_at_once_are_two_folders(tmp_path: Path) -> None:
    """Of one name, since it has whole seconds; and before either thread has made its folder."""
    bench = Bench(tmp_path)
    bench.run(1.0)
    for _ in range(3):
        bench.files.keep("kept")
    until(lambda: len(list(tmp_path.glob("kept/*/thumbnail.png"))) == 3)
    bench.files.close()
    assert sorted(folder.name for folder in (tmp_path / "kept").iterdir()) == ["kept", "kept-2", "kept-3"]


def test_a_pad_that_chatters_keeps_one_moment(tmp_path: Path) -> None:
    """What comes while it is being written is refused, and makes no cue; afterwards the next one is kept."""
    may_end, bench = threading.Event(), Bench(tmp_path / "takes")
    bench.files._describe = lambda _: may_end.wait(20.0)
    desk = Desk(
        Controls(ENGINE_CONTROLS),
        Scenes([SceneEntry("a", "street", 0.0)]),
        Gate(),
        Looks("none", (), lambda _: True),
        date=lambda: "now",
    )
    keeper = Keeper(tmp_path / "show.toml", CueList(), None)
    keeping = Keeping(desk, keeper, bench.files, Board())
    for number in range(24):
        desk.apply([LookTrigger("keep"), LookTrigger("keep")])
        desk.settle(number / 24, lambda _: True)
        keeping.note(frame(number))
    assert (len(desk.cues.now), desk.refused) == (1, 47)
    assert set(desk.refusals) == {"the moment that was kept last is still being written; keep this one again after it"}
    may_end.set()
    until(lambda: not bench.files.is_keeping)
    desk.apply([LookTrigger("keep")])
    keeping.note(frame(24))
    bench.files.close()
    keeper.close()
    assert sorted(path.name for path in (tmp_path / "takes" / "kept").iterdir()) == ["kept-now", "kept-now-2"]
    assert len(desk.cues.now) == 2


def test_a_thumbnail_looks_as_the_picture_does() -> None:
    assert np.allclose(thumbnail(keyframe(1)), 118, atol=1), "middle grey"


def test_a_disk_that_cannot_be_written_is_one_sentence_and_the_frames_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "takes").write_text("a file where the folder should be", encoding="utf-8")
    bench = Bench(tmp_path / "takes")
    bench.run(1.0, ROLLING)
    bench.run(0.1)
    bench.files.close()
    (told,) = caplog.messages
    assert "12B-storm-take-3" in told
    assert told.endswith("it is not recorded.")
