"""``vpengine simulate``: what it sends and when, on a virtual clock; then for real, into a tracking receiver."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.files import load_show
from vpengine.cli.main import app as main_app
from vpengine.cli.ports import free_port
from vpengine.cli.simulate import (
    DEMO_CUES,
    DEMO_SECONDS,
    Cue,
    Datagram,
    begun_ago_s,
    choose,
    cue_packets,
    merged,
    play,
    poses,
    simulate,
)
from vpengine.control.controls import Controls
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.messages import OperatorMessage
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import UserError
from vpengine.files import controls_of
from vpengine.mailbox import Inbox, Newest
from vpengine.osc import decode
from vpengine.remote.osc_control import OscControl
from vpengine.remote.thread import RemoteThread
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import load_stage
from vpengine.tracking.osc import OscTracking, encode_pose
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import Source
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.sender import UdpSender
from vpengine.view.pose import Pose

pytestmark = pytest.mark.alone


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def still(time_s: float) -> Pose | None:
    return None if 0.3 < time_s < 0.7 else Pose((time_s, 0.0, 0.0))


def test_poses_go_out_at_the_rate_with_nothing_in_a_dropout() -> None:
    sent = list(poses(still, "a", 10.0, 1.0, stamped=True))
    assert [datagram.time_s for datagram in sent] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9])
    (message,) = decode(sent[1].packet)
    assert message.address == "/vp/camera/a/pose"
    assert message.arguments[0] == pytest.approx(0.1)
    assert message.arguments[7] == 0.1
    (plain,) = decode(next(poses(still, "a", 10.0, None, stamped=False)).packet)
    assert len(plain.arguments) == 7


def test_cues_fall_between_poses_in_order() -> None:
    cues = cue_packets([Cue(0.75, "/b", (1.0,)), Cue(0.5, "/a"), Cue(3.0, "/never")], 1.0)
    assert [decode(cue.packet)[0].address for cue in cues] == ["/a", "/b"]
    score = list(merged(poses(still, "1", 10.0, 1.0, stamped=False), cues))
    assert [datagram.time_s for datagram in score] == sorted(datagram.time_s for datagram in score)
    assert [datagram.is_control for datagram in score].count(True) == 2
    endless = merged(poses(still, "1", 10.0, None, stamped=False), cues)
    assert len(list(itertools.islice(endless, 100))) == 100


def test_everything_is_sent_at_its_time() -> None:
    clock, when = Clock(), list[tuple[float, bytes]]()
    score = [Datagram(0.0, b"a"), Datagram(0.25, b"b"), Datagram(0.5, b"c", is_control=True)]
    sent = play(
        score, lambda p: when.append((clock.now_s, p)), lambda p: when.append((clock.now_s, p)), clock, clock.sleep
    )
    assert sent == 3
    assert when == [(50.0, b"a"), (50.25, b"b"), (50.5, b"c")]


def test_late_poses_are_left_out_and_cues_are_not() -> None:
    clock, out = Clock(), list[bytes]()

    def tracking(packet: bytes) -> None:
        out.append(packet)
        clock.now_s += 1.0 if packet == b"0" else 0.0

    score = [Datagram(n / 10.0, str(n).encode(), is_control=n == 5) for n in range(13)]
    assert play(score, tracking, out.append, clock, clock.sleep) == 5
    assert out == [b"0", b"5", b"10", b"11", b"12"]


def test_a_move_begins_when_it_is_told_to() -> None:
    """By the machine's clock: later waits, what has been is left out, and nothing is late for it."""
    clock, when = Clock(), list[float]()
    score = list(poses(still, "1", 10.0, 0.3, stamped=False))
    play(score, lambda packet: when.append(clock.now_s), bytes, clock, clock.sleep, begin_s=52.0)
    assert when == pytest.approx([52.0, 52.1, 52.2])
    clock = Clock()
    ago_s = begun_ago_s(49.25, 1.0, clock)
    assert ago_s == 0.75
    middle, at = list(poses(still, "1", 10.0, 1.0, True, encode_pose, ago_s)), list[float]()
    assert [datagram.time_s for datagram in middle] == pytest.approx([0.8, 0.9])
    assert play(middle, lambda packet: at.append(clock.now_s), bytes, clock, clock.sleep, begin_s=49.25) == 2
    assert at == pytest.approx([50.05, 50.15])
    assert begun_ago_s(None, 1.0, clock) == 0.0
    assert begun_ago_s(60.0, 1.0, clock) == 0.0


def test_an_endless_move_that_began_long_ago_goes_on_at_once() -> None:
    first = next(poses(still, "1", 120.0, None, True, encode_pose, 1e7))
    assert first.time_s == pytest.approx(1e7)


@pytest.mark.parametrize("begin_s", [-1.0, float("nan"), float("inf")])
def test_a_begin_that_no_clock_shows_is_refused(begin_s: float) -> None:
    with pytest.raises(UserError, match="seconds of the monotonic clock, 0 or more; now is 50"):
        begun_ago_s(begin_s, 1.0, Clock())


def test_a_move_that_is_over_is_told() -> None:
    with pytest.raises(UserError, match="the move of 1 s ended 4"):
        begun_ago_s(45.0, 1.0, Clock())
    result = CliRunner().invoke(main_app, ["simulate", "dolly", "--begin", "0", "--seconds", "0.5"])
    assert isinstance(result.exception, UserError)


def test_ctrl_c_ends_it_quietly() -> None:
    def pressed(packet: bytes) -> None:
        raise KeyboardInterrupt

    assert play([Datagram(0.0, b"a")], pressed, pressed) == 0


def test_moves_are_chosen_by_name_or_file(tmp_path: Path) -> None:
    assert choose("demo", 1)[1] == 20.0
    assert choose("dolly", 1)[1] is None
    path = tmp_path / "walk.txt"
    path.write_text("10 5 5 5 0 0 0 1\n10.05 5 5 5 0 0 0 1\n", encoding="utf-8")
    move, seconds = choose(str(path), 1)
    assert seconds == pytest.approx(0.05)
    first = move(0.0)
    assert first is not None
    assert first.position_m == pytest.approx((0.0, 0.0, 1.6))
    with pytest.raises(UserError, match="did you mean 'dolly'"):
        choose("doly", 1)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9000", "osc://127.0.0.1", "http://127.0.0.1:9000", "osc://127.0.0.1:99999", "osc://h:9/x"]
)
def test_a_destination_must_be_a_destination(url: str) -> None:
    with pytest.raises(UserError, match="expected osc://HOST:PORT"):
        UdpSender(url)


def test_an_unknown_host_is_a_user_s_error() -> None:
    with pytest.raises(UserError, match=r"no machine of the name 'no\.such\.host\.invalid'"):
        UdpSender("osc://no.such.host.invalid:9000")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("osc://255.255.255.255:9000", "broadcast"),
        ("osc://[2001:db8::1%lo]:9000", "2001:db8::1"),
        ("osc://" + "a" * 70 + ".example:9000", "no machine of the name"),
        ("osc://a..b:9000", "no machine of the name"),
    ],
)
def test_where_nothing_can_be_sent_is_one_sentence(url: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        UdpSender(url).send(b"x")
    assert str(error.value).startswith(url)


class Net:
    """A socket whose sends go as the list says: None is sent."""

    def __init__(self, outcomes: list[int | None]) -> None:
        self._outcomes = outcomes
        self.sent: list[bytes] = []

    def send(self, packet: bytes) -> None:
        outcome = self._outcomes.pop(0)
        if outcome is not None:
            raise OSError(outcome, os.strerror(outcome))
        self.sent.append(packet)

    def close(self) -> None: ...


def sender_on(outcomes: list[int | None]) -> tuple[UdpSender, Net]:
    sender, net = UdpSender("osc://127.0.0.1:9"), Net(outcomes)
    sender.close()
    sender._socket = net  # type: ignore[assignment]
    return sender, net


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EMSGSIZE])
def test_a_first_packet_that_cannot_be_sent_is_an_error_and_a_later_one_is_told_once(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UserError, match=r"osc://127\.0\.0\.1:9: "):
        sender_on([number])[0].send(b"x")
    sender, net = sender_on([None, number, number, number, None, None])
    for packet in (b"a", b"b", b"c", b"d"):
        sender.send(packet)
    assert net.sent == [b"a", b"c", b"d"]
    assert caplog.messages == [f"osc://127.0.0.1:9: {os.strerror(number)}; sending goes on"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say so on the loopback")
def test_nobody_listening_is_told_once_and_no_packet_is_lost_when_somebody_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    with UdpSender(f"osc://127.0.0.1:{port}") as sender:
        for _ in range(5):
            sender.send(b"early")
        assert caplog.messages == [f"nobody listens at osc://127.0.0.1:{port} yet"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind(("127.0.0.1", port))
            sender.send(b"one")
            sender.send(b"two")
            listener.settimeout(1.0)
            assert [listener.recv(10), listener.recv(10)] == [b"one", b"two"]
    assert len(caplog.messages) == 1


def test_the_demo_s_cues_are_what_its_stage_understands() -> None:
    """Scenes that its show has, other than the first, and controls that there are, at values they take; in order."""
    stage = load_stage(stage_folder() / "led_volume.toml", controls_of)
    assert stage.show is not None
    later = {scene.slug for scene in load_show(stage.show, controls_of(stage.neural.generator)).scenes[1:]}
    scenes = [str(cue.arguments[0]) for cue in DEMO_CUES if cue.address == "/vp/scene"]
    assert scenes
    assert later.issuperset(scenes)
    controls = Controls(ENGINE_CONTROLS)
    for cue in DEMO_CUES:
        if cue.address != "/vp/scene":
            control = controls.find(cue.address)
            assert control.kind == "bool"
            assert cue.arguments[0] in (0.0, 1.0)
    times_s = [cue.time_s for cue in DEMO_CUES]
    assert times_s == sorted(times_s)
    assert 0.0 < times_s[0] < times_s[-1] < DEMO_SECONDS


def test_the_command_moves_a_camera_and_switches_a_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    tracking_port, control_port = free_port(), free_port()
    buffer, inbox = PoseBuffer(), Inbox[str, OperatorMessage]()
    receiver = Receiver([Source(OscTracking(OscTracking.Settings(port=tracking_port)))], {"A": buffer}, Newest())
    remote = RemoteThread([OscControl("127.0.0.1", control_port, {}, inbox)])
    monkeypatch.setattr("vpengine.cli.simulate.DEMO_CUES", (Cue(0.2, "/vp/scene", ("snow-night",)),))
    app = typer.Typer()
    app.command()(simulate)
    receiver.start()
    remote.start()
    try:
        words = ["demo", "--to", f"osc://127.0.0.1:{tracking_port}", "--control", f"osc://127.0.0.1:{control_port}"]
        words += ["--seconds", "0.5", "--camera", "A", "--cues", "--rate", "100", "--stamped", "--noise-mm", "0.5"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert "sent " in result.output
        time.sleep(0.05)
        (health,) = receiver.health().values()
        assert 40 <= health.good <= 50
        assert health.bad == {}
        tracked = buffer.at(time.monotonic())
        assert tracked is not None
        assert tracked.pose.position_m == pytest.approx((-0.5, 0.3, 1.6), abs=0.06)
        assert inbox.take() == (SceneTrigger("goto", "snow-night"),)
    finally:
        receiver.stop()
        remote.stop()
