"""``recording``: any feed into a file while the show runs, with its camera's track; the wall never waits for it.

Pictures are read back one to three frames after they were shown, and encoded on a thread of their own. Where the card,
the encoder or the disk is slower than the show, pictures are left out, counted, and their places stay empty, so that
what follows stays in time. Where the disk is full or fails, that is said once and the file ends; the next take is tried
again, and what is recorded all the time after some seconds.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from vpengine.control.takes import TakeName
from vpengine.errors import UserError
from vpengine.frames.feed import Feed, parse_feed
from vpengine.frames.frame_input import FrameInput, Tick
from vpengine.gpu.feed_reader import FeedReader
from vpengine.gpu.target import Texture
from vpengine.output.encoding import Encoding, why
from vpengine.output.output import Surroundings
from vpengine.output.recording_files import Arrays, Format, RecordingFiles, Shooting, Shot
from vpengine.stage.settings import NamedFolder, Settings, refusal, shown
from vpengine.takes.camera_track import NO_USD, Slate, has_usd
from vpengine.view.view import View

log = logging.getLogger(__name__)

QUEUE_S = 1.0  # of pictures that may wait for the encoder; a full queue drops the new ones, and counts them
MOST_BYTES = 256_000_000  # and no more than so much, however large they are
LEAST_FRAMES = 4
MOST_MISSED = 10_000  # frames whose camera is still told of: minutes
FIRST_AGAIN_S, LAST_AGAIN_S = 5.0, 300.0  # until one for the whole run is tried again; longer where nothing came of it
END_S = 2.0  # what the end of a run waits for what is being written
DEFAULT_FOLDER = "recordings"

_FIELDS = ("feed", "take", "date", "time")


def _pattern(value: str) -> str:
    """Raises what a validator may."""
    unknown = [name for name in re.findall(r"\{([^}]*)\}", value) if name not in _FIELDS]
    if unknown:
        allowed = ", ".join(f"{{{name}}}" for name in _FIELDS)
        raise refusal(f"found {shown(value)}, unknown {{{unknown[0]}}}; allowed are {allowed}")
    plain = re.sub(r"\{[a-z]+\}", "", value)
    if re.search(r'[/\\:*?"<>|{}\x00-\x1f]', plain) or value.startswith(".") or not value.strip():
        raise refusal(f"found {shown(value)}, expected the name of a file, without a folder")
    return value


FileName = Annotated[str, Field(max_length=100), AfterValidator(_pattern)]


class RecordingSettings(Settings):
    """What is recorded of a feed, when, and where to."""

    format: Format = Field(
        default="h264",
        description="h264, a proxy for looking at; prores4444 for an edit; ffv1, lossless; exr, pictures of "
        "world:CAMERA as light in half float, with depth in metres, for post.",
    )
    when: Literal["take", "always"] = Field(default="take", description="Only while a take rolls, or all the time.")
    folder: NamedFolder | None = Field(
        default=None,
        description="Where files go, relative to this file. Without it a take's go into the take's own folder, and "
        f'others into "{DEFAULT_FOLDER}" beside this file.',
    )
    name: FileName | None = Field(
        default=None,
        description="What files are called, without suffix; {feed}, {take}, {date} and {time} are filled in. Where the "
        "name is there already, a numbered one is taken.",
    )
    alpha: bool = Field(default=False, description="Keep the feed's alpha, in prores4444 and ffv1.")
    tracks: tuple[Literal["opentrackio", "chan", "usd"], ...] = Field(
        default=("opentrackio", "chan"),
        description="The camera's track beside the pictures: OpenTrackIO, Nuke's .chan, a USD camera (needs "
        "`pip install 'vpengine[usd]'`).",
    )

    @model_validator(mode="after")
    def _alpha_has_room(self) -> RecordingSettings:
        if self.alpha and self.format == "h264":
            raise refusal("h264 has no alpha; remove it, or record prores4444 or ffv1", "alpha")
        return self

    @property
    def measures(self) -> bool:
        """Whether it needs to know how far the world is."""
        return self.format == "exr"


@dataclass(eq=False)
class _Session:
    """One recording, from its first frame to its last. take: the one it belongs to.

    missed: frames for which the queue had no room, and which the next one tells of.
    """

    take: TakeName | None
    encoding: Encoding[Shot]
    first: int
    files: list[RecordingFiles] = field(default_factory=list)  # none until the thread has made them
    last: int = -1  # the number of the newest frame that was asked for
    holes: int = 0  # frames that the show itself had no time for
    asked: int = 0
    refused: int = 0
    missed: deque[Shot] = field(default_factory=lambda: deque(maxlen=MOST_MISSED))
    told: bool = False

    @property
    def path(self) -> Path | None:
        return self.files[0].path if self.files else None

    @property
    def frames(self) -> int:
        """Pictures that are in the file."""
        return self.files[0].frames if self.files else 0

    @property
    def dropped(self) -> int:
        """Frames that have no picture in it, and will have none."""
        return self.holes + (self.refused if self.encoding.running else self.asked - self.frames)

    def note(self, number: int) -> None:
        """A frame is asked for."""
        self.holes += number - self.last - 1
        self.last = number

    def end(self) -> None:
        """Nothing comes any more; what is still to be told of frames without a picture is told."""
        if self.missed:
            *earlier, newest = self.missed
            self.missed.clear()
            self.encoding.end(replace(newest, missed=tuple(earlier)))
        self.encoding.end()


@dataclass(frozen=True, eq=False)
class _Asked:
    """A frame whose picture is on its way down."""

    session: _Session
    frame: FrameInput
    view: View | None
    seen: float


class RecordingOutput:
    """A session a take, or one for the run. It asks for pictures while one is on, and ends it when all have come."""

    Settings = RecordingSettings

    @staticmethod
    def misfit(settings: RecordingSettings, feed: Feed) -> tuple[str, str] | None:
        if settings.format == "exr" and feed.kind != "world":
            return "format", f'found "exr", which is for the world as light; {feed} is code values, record it as ffv1'
        return None

    def __init__(
        self,
        settings: RecordingSettings,
        feed: str,
        surroundings: Surroundings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if surroundings.gpu is None:
            raise UserError(f"output {feed}: a recording needs the engine's graphics")
        self._settings, self._feed, self._around = settings, parse_feed(feed), surroundings
        self._reader: FeedReader[_Asked] = FeedReader(surroundings.gpu)
        self._texture: Texture | None = None
        self._session: _Session | None = None
        self._ending: list[_Session] = []
        self._reports: list[dict[str, object]] = []
        self._failed: tuple[TakeName | None] | None = None  # not to be tried again before another take, or _again_s
        self._clock = clock
        self._again_s, self._wait_s = math.inf, FIRST_AGAIN_S
        if "usd" in settings.tracks and not has_usd():
            log.warning("recording %s: %s.", feed, NO_USD)

    def show(self, texture: Texture) -> None:
        self._texture = texture

    def present(self, tick: Tick) -> bool:
        """Once a frame: begins and ends recordings, and never waits."""
        self._follow(tick)
        if self._session is not None:
            self._ask(self._session)
        self._collect()
        self._finish_ended()
        self._texture = None
        return True

    def close(self) -> None:
        """After a failure, and at the end: what was recorded so far is a file. A second call does nothing."""
        self.end()
        self._reader.release()

    def end(self) -> None:
        self._stop()
        self._collect(wait=True)
        for session in self._ending:
            session.end()

    def wait(self) -> None:
        end_s = time.monotonic() + END_S
        for session in self._ending:
            if not session.encoding.join(end_s - time.monotonic()):
                log.error("recording %s: the disk or the encoder does not answer; its end is lost.", self._feed)
        self._finish_ended()

    def report(self) -> list[dict[str, object]]:
        running = [*self._ending, *([self._session] if self._session else [])]
        return [*self._reports, *map(self._figures, running)]

    def _follow(self, tick: Tick) -> None:
        """Begin and end where a take does; a take is over when another object rolls."""
        take = self._around.take()
        wanted = take is not None or self._settings.when == "always"
        session = self._session
        if session is not None and session.encoding.error is not None:
            self._fail(take, session)
        if self._settings.when == "take" and session is not None and session.take is not take:
            self._stop()
        another = self._failed is not None and self._failed[0] is not take and take is not None
        if another or self._clock() >= self._again_s:
            self._failed, self._again_s = None, math.inf
        if wanted and self._session is None and self._failed is None and self._texture is not None:
            self._session = self._begin(take, tick)

    def _fail(self, take: TakeName | None, session: _Session) -> None:
        """One that is for the whole run is tried again by and by: there may be no other take for hours."""
        self._failed = (take,)
        if self._settings.when == "always":
            self._wait_s = FIRST_AGAIN_S if session.frames else min(2.0 * self._wait_s, LAST_AGAIN_S)
            self._again_s = self._clock() + self._wait_s
        self._stop()

    def _begin(self, take: TakeName | None, tick: Tick) -> _Session:
        made: list[RecordingFiles] = []
        now = datetime.now().astimezone()
        place = partial(self._place, take, now)

        def make() -> RecordingFiles:
            made.append(RecordingFiles(place, self._reader.give_back))
            return made[0]

        encoding: Encoding[Shot] = Encoding(f"recording {self._feed}", make, self._most())
        return _Session(take, encoding, tick.number, made)

    def _most(self) -> int:
        """As many pictures as a second has, within MOST_BYTES."""
        assert self._texture is not None
        width, height = self._texture.size
        each = width * height * (12 if self._settings.measures else 4)
        return max(min(round(QUEUE_S * float(self._around.rate)), MOST_BYTES // each), LEAST_FRAMES)

    def _place(self, take: TakeName | None, now: datetime) -> Shooting:
        """On the encoder's thread: a take's folder is made on another. Raises OSError."""
        settings, folder = self._settings, self._settings.folder
        in_take = folder is None and settings.when == "take" and take is not None
        if in_take and take is not None:
            folder = self._around.take_folder(take)
            if folder is None:
                raise OSError(f"the folder of {take.text} could not be made")
        folder = folder or self._around.folder / DEFAULT_FOLDER
        called = take.text if take is not None else ""
        filled = {
            "feed": _plain(str(self._feed)),
            "take": _plain(called),
            "date": now.strftime("%Y-%m-%d"),
            "time": now.strftime("%H-%M-%S"),
        }
        by_default = "{feed}" if in_take else "{take}-{feed}" if called else "{feed}-{date}-{time}"
        stem = folder / (settings.name or by_default).format(**filled)
        camera = self._feed.of if self._feed.kind in ("world", "camera") else self._around.camera
        slate = Slate(camera, self._around.rate, called)
        return Shooting(stem, settings.format, settings.alpha, str(self._feed), slate, settings.tracks)

    def _ask(self, session: _Session) -> None:
        """For this frame's picture."""
        frame = self._around.frame()
        if frame is None:
            return
        session.note(frame.tick.number - session.first)
        textures, view, seen = self._textures()
        asked = _Asked(session, frame, view, seen)
        if textures and not self._reader.fits(textures):
            self._collect(wait=True)  # the world is drawn smaller now, or larger; seldom
        if not textures or not self._reader.begin(asked, textures):
            self._hand_over(asked, None)

    def _textures(self) -> tuple[tuple[Any, ...], View | None, float]:
        if not self._settings.measures:
            return ((self._texture,) if self._texture is not None else ()), None, 1.0
        world = self._around.world(self._feed)
        if world is None or world[0].depth is None:
            return (), None, 1.0
        picture, seen = world
        return (picture.color, picture.depth), picture.view, seen

    def _collect(self, wait: bool = False) -> None:
        for asked, arrays in self._reader.collect(wait):
            self._hand_over(asked, arrays)

    def _hand_over(self, asked: _Asked, arrays: Arrays | None) -> None:
        """A picture that finds no room is left out, and its camera's place is told all the same."""
        session, frame = asked.session, asked.frame
        camera = self._feed.of if self._feed.kind in ("world", "camera") else self._around.camera
        number, state = frame.tick.number - session.first, frame.cameras.get(camera)
        missed = tuple(session.missed)
        shot = Shot(number, frame.tick, state, arrays, asked.view, asked.seen, missed)
        session.asked += 1
        taken = session.encoding.offer(shot)
        if taken:
            session.missed.clear()
        else:
            session.missed.append(Shot(number, frame.tick, state, None))
        session.refused += not taken or arrays is None

    def _stop(self) -> None:
        if self._session is not None:
            self._ending.append(self._session)
            self._session = None

    def _finish_ended(self) -> None:
        """Sessions of which every picture has come down end; those that are written are told of."""
        for session in list(self._ending):
            if not any(asked.session is session for asked in self._reader.pending):
                session.end()
            if not session.encoding.running:
                self._ending.remove(session)
                self._reports.append(self._figures(session))
                self._tell(session)
        running = self._session
        if running is not None and running.encoding.error is not None:
            self._tell(running)

    def _tell(self, session: _Session) -> None:
        """Once, what has become of it."""
        if session.told:
            return
        session.told = True
        path = session.path or self._feed
        error, frames = session.encoding.error, session.frames
        if error is not None:
            ends = f"it ends after {frames} frames, which can be played" if frames else "it is not recorded"
            what = "it" if self._settings.when == "always" else "the next take"
            log.error("recording %s: %s; %s, and %s is tried again.", path, why(error), ends, what)
        elif session.dropped:
            log.warning("recording %s: %d of %d frames were left out.", path, session.dropped, frames + session.dropped)
        else:
            log.info("recording %s: %d frames", path, frames)

    def _figures(self, session: _Session) -> dict[str, object]:
        return {
            "feed": str(self._feed),
            "format": self._settings.format,
            "file": str(session.path or ""),
            "frames": session.frames,
            "dropped": session.dropped,
            "whole": session.encoding.error is None,
        }


def _plain(text: str) -> str:
    """A name in a name: ``world:1@preview`` is ``world-1-preview``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
