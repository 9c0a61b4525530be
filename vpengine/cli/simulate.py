"""``vpengine simulate``: a camera tracker that is not there, and for the demo an operator, over real UDP."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.cli.simulate_target import Target, target_of
from vpengine.errors import UserError, did_you_mean
from vpengine.tracking.moves import EYE, MOVES, Move, about, with_tracker_noise
from vpengine.tracking.osc import encode_pose
from vpengine.tracking.sender import SENDERS, EncodePose, UdpSender, encoder_for
from vpengine.tracking.track_files import read_track
from vpengine.tracking.tracks import placed, played

DEMO_SECONDS = 20.0
LATE_S = 0.05


@dataclass(frozen=True)
class Cue:
    """A message of the simulated operator, ``time_s`` after the start."""

    time_s: float
    address: str
    arguments: tuple[float | str, ...] = ()


DEMO_CUES: tuple[Cue, ...] = (
    Cue(2.2, "/vp/scene", ("evening",)),
    Cue(5.6, "/vp/scene", ("snow-night",)),
    Cue(9.0, "/vp/neural/hold", (1.0,)),  # the generator stops for two seconds, through the whip pan
    Cue(11.0, "/vp/neural/hold", (0.0,)),
    Cue(15.0, "/vp/scene", ("dusk",)),  # a clip behind the actor
)


@dataclass(frozen=True)
class Datagram:
    """What to send, ``time_s`` after the start; to the control port, or else to the tracking port."""

    time_s: float
    packet: bytes
    is_control: bool = False


def simulate(
    move: Annotated[
        str, typer.Argument(help=f"{', '.join(MOVES)}, or a recorded track: a file in TUM or RealEstate10K format.")
    ],
    stage: Annotated[
        Path | None,
        typer.Option(help="A stage file, for its tracker's protocol and port, its camera's id, and where that rests."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help=f"Where the engine receives tracking: {' or '.join(SENDERS)}, host and port.",
            show_default="osc://127.0.0.1:9000, or the stage's",
        ),
    ] = None,
    rate: Annotated[float, typer.Option(min=1.0, max=2000.0, help="Poses a second.")] = 120.0,
    camera: Annotated[
        str | None, typer.Option(help="The camera's id.", show_default="1, or the stage's first that is tracked")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="How long; else the move's own length.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same move.")] = 1,
    noise_mm: Annotated[float, typer.Option(min=0.0, help="Tracker noise; a good tracker has 0.5.")] = 0.0,
    noise_deg: Annotated[float, typer.Option(min=0.0, help="Tracker noise; a good tracker has 0.02.")] = 0.0,
    stamped: Annotated[
        bool, typer.Option(help="Send the sender's time with each pose, if the protocol has one.")
    ] = False,
    begin: Annotated[
        float | None,
        typer.Option(
            help="When the move begins, in seconds of this machine's monotonic clock, so that it runs in step with a "
            "film that is played. What has been is left out.",
            show_default="at once",
        ),
    ] = None,
    cues: Annotated[bool, typer.Option(help="Send the demo's cues to the control port too.")] = False,
    control: Annotated[
        str | None,
        typer.Option(help="Where the engine receives control.", show_default="osc://127.0.0.1:9001, or the stage's"),
    ] = None,
) -> None:
    """Send a simulated camera to a running engine, until it ends or Ctrl-C."""
    found = target_of(stage, camera) if stage else Target("osc://127.0.0.1:9000", camera or "1", "osc://127.0.0.1:9001")
    to, camera, control = to or found.to, found.camera, control or found.control
    chosen, own_seconds = choose(move, seed)
    chosen = about(chosen, found.rest)
    if noise_mm or noise_deg:
        chosen = with_tracker_noise(chosen, seed, noise_mm, noise_deg)
    length_s = own_seconds if seconds is None else seconds
    late_s = begun_ago_s(begin, length_s)
    samples = poses(chosen, camera, rate, length_s, stamped, encoder_for(to), late_s)
    score = merged(samples, cue_packets(DEMO_CUES if cues else (), length_s))
    with UdpSender(to, SENDERS) as tracking, UdpSender(control) as operator:
        typer.echo(f"simulating {move} as camera {camera} to {to} at {rate:g} Hz; Ctrl-C ends it")
        sent = play(score, tracking.send, operator.send, begin_s=begin)
    typer.echo(f"sent {sent} packets")


def begun_ago_s(begin_s: float | None, length_s: float | None, clock: Callable[[], float] = time.monotonic) -> float:
    """How much of the move is over; 0 for one that begins now or later. Raises UserError where nothing is left."""
    if begin_s is None:
        return 0.0
    if not (math.isfinite(begin_s) and begin_s >= 0.0):
        raise UserError(
            f"--begin {begin_s:g}: expected seconds of the monotonic clock, 0 or more; now is {clock():.3f}"
        )
    ago_s = max(clock() - begin_s, 0.0)
    if length_s is not None and ago_s >= length_s:
        raise UserError(f"--begin {begin_s:g}: the move of {length_s:g} s ended {ago_s - length_s:.1f} s ago")
    return ago_s


def choose(name: str, seed: int) -> tuple[Move, float | None]:
    """A move by name, or a track file's, and its own length in seconds (None: endless). Raises UserError."""
    if name in MOVES:
        return MOVES[name](seed), DEMO_SECONDS if name == "demo" else None
    path = Path(name)
    if path.is_file():
        track = placed(read_track(path), EYE)
        return played(track), track.seconds
    raise UserError(f"{name!r} is neither a move nor a track file{did_you_mean(name, MOVES)}")


def poses(
    move: Move,
    camera: str,
    rate_hz: float,
    seconds: float | None,
    stamped: bool,
    encode: EncodePose = encode_pose,
    from_s: float = 0.0,
) -> Iterator[Datagram]:
    """One datagram a sample; none during a dropout, and none of before ``from_s``."""
    for number in itertools.count(math.ceil(from_s * rate_hz)):
        time_s = number / rate_hz
        if seconds is not None and time_s >= seconds:
            return
        pose = move(time_s)
        if pose is not None:
            yield Datagram(time_s, encode(camera, pose, time_s if stamped else None))


def cue_packets(cues: Iterable[Cue], seconds: float | None) -> list[Datagram]:
    """The cues that fall inside the length, in order of time."""
    within = [cue for cue in cues if seconds is None or cue.time_s < seconds]
    return [Datagram(cue.time_s, _encode(cue), True) for cue in sorted(within, key=lambda cue: cue.time_s)]


def _encode(cue: Cue) -> bytes:
    builder = OscMessageBuilder(cue.address)
    for argument in cue.arguments:
        builder.add_arg(argument)
    return builder.build().dgram


def merged(samples: Iterator[Datagram], cues: Iterable[Datagram]) -> Iterator[Datagram]:
    """Both in order of time, without reading further ahead than one sample: the samples may be endless."""
    waiting = list(cues)
    for sample in samples:
        while waiting and waiting[0].time_s <= sample.time_s:
            yield waiting.pop(0)
        yield sample
    yield from waiting


def play(
    score: Iterable[Datagram],
    to_tracking: Callable[[bytes], None],
    to_control: Callable[[bytes], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    begin_s: float | None = None,
) -> int:
    """Send everything at its time; how many were sent. Ctrl-C is no error. begin_s: by ``clock``, else now.

    A pose that is late because this process was held up is left out, as a tracker's would be; a cue never is.
    """
    begun_s, sent = clock() if begin_s is None else begin_s, 0
    try:
        for datagram in score:
            wait_s = begun_s + datagram.time_s - clock()
            if wait_s > 0.0:
                sleep(wait_s)
            elif wait_s < -LATE_S and not datagram.is_control:
                continue
            (to_control if datagram.is_control else to_tracking)(datagram.packet)
            sent += 1
    except KeyboardInterrupt:
        pass
    return sent
