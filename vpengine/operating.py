"""The desk that a show is run from, and what keeps it, built from a stage's files and from what is remembered."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vpengine import output, plates
from vpengine.capture.readers import Captures
from vpengine.compose.picking import picked
from vpengine.compose.restoring import Stored
from vpengine.control.chance import Chance
from vpengine.control.controls import ControlError, Controls, typed
from vpengine.control.cues import CueEdits
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.keys import KEYS
from vpengine.control.lights import USUAL, LightTable
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.playheads import Playheads
from vpengine.control.safe import Safe
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.takes import TakeName, Takes, TakesNow
from vpengine.control.triggers import PickTrigger
from vpengine.errors import UserError
from vpengine.files import Files, base_look
from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.look import Look
from vpengine.gpu.window import Windows
from vpengine.loop import Loop
from vpengine.mailbox import Board, Inbox
from vpengine.neural.declared import looks_of
from vpengine.osc import Message
from vpengine.output.clock import Clock, DisplayClock, PacedClock, UnpacedClock
from vpengine.output.output import Output, Surroundings
from vpengine.output.received_timecode import ReceivedTimecode
from vpengine.plugins import load_plugin
from vpengine.remote.handing_over import hand_over
from vpengine.remote.midi import MidiDoor
from vpengine.remote.osc_buttons import button_message
from vpengine.stage.control_names import control_address
from vpengine.stage.state_folder import state_folder
from vpengine.takes.keeper import DeskState, Keeper, read_session, session_file
from vpengine.takes.take_files import TakeFiles
from vpengine.view.predict import STALE_S

log = logging.getLogger(__name__)

END_S = 2.6  # of the three seconds that an end may take; the rest is for what OpenGL has to give back


@dataclass(frozen=True)
class RunOptions:
    """What the command line says. controls: (name or address, value) pairs that override stage and show.

    scene: to begin with, instead of the show's first. remember: what was recentred, and where the
    desk stands, holds from one run to the next. takes: the folder of those that roll. fresh: begin
    anew, also after a run that was not ended.
    """

    stage: Path
    show: Path | None = None
    headless: bool = False
    unpaced: bool = False
    log_folder: Path | None = None
    controls: tuple[tuple[str, str], ...] = ()
    allow_outside: bool = False
    scene: str | None = None
    remember: bool = True
    takes: Path = Path("takes")
    fresh: bool = False


def build_desk(
    files: Files, baked: Mapping[str, Look], scene: str | None, set_controls: Iterable[tuple[str, str]]
) -> Desk:
    """scene: to begin with, by default the show's first. set_controls: name or address, and value, as typed.

    Raises UserError.
    """
    show = files.show
    controls = Controls(files.controls)
    scenes = Scenes(_entries(files), base_look(files))
    for address, value in files.stage.controls:
        controls.set(address, value)
    scenes.enter_first(controls, 0.0, scene)
    for name, text in set_controls:
        address = name if name.startswith("/") else control_address(name)
        try:
            controls.set(address, typed(controls.find(address), text))
        except ControlError as error:
            raise UserError(f"--set: {error}") from error
    return Desk(
        controls,
        scenes,
        Gate(show.looks if show.settings.gate == "on" else None),
        looks_of(files.stage.neural.generator),
        baked,
        CueEdits(show.cues),
        Safe(show.settings.safe),
        Takes(show.settings.lock_takes),
        _chance(files, controls),
        approvers=show.settings.approvers,
        lights=_lights(files),
        playheads=Playheads(moving_locations(files)),
    )


def _entries(files: Files) -> list[SceneEntry]:
    scenes = files.show.scenes
    return [SceneEntry(each.slug, each.location, each.dissolve_s, each.controls, each.keep) for each in scenes]


def _chance(files: Files, controls: Controls) -> Chance:
    return Chance(controls.declared, [control_address(name) for name in files.show.settings.chance])


def _lights(files: Files) -> LightTable:
    return LightTable({**USUAL, **files.show.lights})


@dataclass(frozen=True)
class ShowChange:
    """Another version of the show that runs, on the same stage, with all that was read for it.

    files: with locations called as in the running one. names: of these, what the show's file itself makes of them.
    stored, baked: what its scenes have stored, and the looks that they were baked with, by slug.
    """

    files: Files
    names: Mapping[str, str]
    stored: Stored
    baked: Mapping[str, Look]


def take_show(desk: Desk, keeper: Keeper, before: Files, change: ShowChange) -> None:
    """The desk goes on with another version of the show. Cues, approvals and controls are as operators have them."""
    files, settings = change.files, change.files.show.settings
    desk.scenes.take(_entries(files), base_look(files))
    desk.take_show(change.baked, _chance(files, desk.controls), settings.approvers, _lights(files), settings.lock_takes)
    desk.safe.picture = settings.safe
    desk.playheads.take(moving_locations(files) + moving_locations(before))
    if settings.gate != before.show.settings.gate:
        approvals = files.show.looks if settings.gate == "on" else None
        desk.gate.turn(approvals)
        keeper.adopt(approvals)


def seen_soon(desk: Desk, frame: FrameInput | None) -> set[str]:
    """The locations that are visible on a bus, or will be without that anybody asks."""
    buses = frame.buses.values() if frame is not None else ()
    shown = {location for state in buses for location, _ in state.shares}
    return shown | desk.scenes.locations | desk.safe.locations


def moving_locations(files: Files) -> list[str]:
    """Those whose plates play a clip."""
    return [
        name
        for name, section in files.show.plates.items()
        if getattr(load_plugin(plates.KINDS[section.kind]), "moves", False)
    ]


def remembered(files: Files) -> tuple[DeskState, bool] | None:
    """Where the show's desk stood last, and whether that run was ended properly."""
    return read_session(session_file(state_folder(), files.show.file))


def go_on(desk: Desk, found: tuple[DeskState, bool] | None, fresh: bool = False) -> None:
    """After a run that was not ended: the same cue, the same values. The day's take numbers go on in any case.

    fresh: an operator wants to begin anew, or where they say.
    """
    if found is None:
        return
    state, ended = found
    if ended or fresh:
        desk.takes.restore(state.take, dict(state.used))
    else:
        resume(desk, state)
        where = f"cue {state.cue}" if state.cue is not None else f"scene {state.scene}"
        log.warning(
            "the run before this was not ended: it goes on at %s, with every control as it was; --fresh begins anew",
            where,
        )


def resume(desk: Desk, state: DeskState) -> None:
    """Stand where another run of the show stood."""
    desk.takes.restore(state.take, dict(state.used))
    desk.resume(state.scene, state.controls, state.cue, state.standby, state.safe)


def state_of(desk: Desk) -> DeskState:
    """Where the desk stands now."""
    takes, (running, standby) = desk.takes, desk.playback.for_restart
    return DeskState(
        desk.scenes.going_to,
        desk.going_to,
        running,
        standby,
        desk.safe.on,
        takes.name,
        takes.used,
    )


def build_keeper(files: Files, remember: bool) -> Keeper:
    """remember: also where the desk stands."""
    show = files.show
    approvals = show.looks if show.settings.gate == "on" else None
    return Keeper(show.file, show.cues, approvals, session_file(state_folder(), show.file) if remember else None)


def build_midi(files: Files, inbox: Inbox[str, OperatorMessage]) -> MidiDoor | None:
    """None where the show has neither controllers nor MIDI timecode."""
    show = files.show
    timecode_device = show.settings.timecode_device if show.settings.timecode == "mtc" else None
    if not show.midi and timecode_device is None:
        return None
    return MidiDoor(show.midi, inbox, timecode_device)


def build_clock(files: Files, windows: Windows | None, unpaced: bool) -> Clock:
    """Paced by the display of the first window, or by the monotonic clock; unpaced: as fast as it goes."""
    outputs, rate = files.stage.outputs, files.stage.rate
    latency_s = outputs[0].latency_s if outputs else 0.0
    if unpaced:
        return UnpacedClock(rate)
    if windows is None:
        return PacedClock(rate, latency_s)
    paced_by = next(item for item in outputs if item.target.kind == "window")
    monitor = files.of(paced_by.target).monitor
    return DisplayClock(rate, windows.refresh_hz(monitor), latency_s, windows.take_swap)


def shown_as(kind: str, headless: bool) -> str:
    """The kind of output that a run has in place of one that a stage asks for."""
    return "headless" if headless and kind in output.ON_DISPLAYS else kind


def open_outputs(files: Files, around: Surroundings, headless: bool) -> Iterator[tuple[Feed, Output]]:
    """A stage's outputs, in its order. Raises UserError for one that cannot be."""
    for item in files.stage.outputs:
        kind = shown_as(item.target.kind, headless)
        plugin = load_plugin(output.KINDS[kind])
        settings = files.of(item.target) if kind == item.target.kind else plugin.Settings()
        yield item.feed, plugin(settings, str(item.feed), around)


def called_by_timecode(clock: Clock, files: Files, midi: MidiDoor | None) -> Clock:
    """The clock, whose frames are called by the timecode that the show names."""
    if midi is None or files.show.settings.timecode != "mtc":
        return clock
    rate = files.stage.rate
    return ReceivedTimecode(clock, lambda time_s: midi.timecode(time_s, rate))


def trouble_of(loop: Loop) -> str:
    """What is wrong with stage or machine, in a sentence for people who stand at the tablet; empty when nothing is."""
    newest, health = loop.newest, loop.generator.health
    silent = [name for name, state in newest.cameras.items() if STALE_S < state.age_s < math.inf] if newest else []
    found = [
        *(f"camera {name}: its tracker is silent" for name in silent),
        *([health.words(held=False)] if not health.ready and health.failures else []),
        *(f"capture {name}: {fault}" for name, one in loop.captures.health().items() for fault in one.faults),
        *loop.locations.troubles(),
        *([loop.governor.words] if loop.governor.holds_back else []),
    ]
    return "; ".join(found)


def measuring(captures: Captures, files: Files, desk: Desk) -> Callable[[PickTrigger], Iterable[ControlChange]]:
    """What picks from the first camera's own picture that there is, as it is now."""
    each = [section.settings for section in files.stage.captures]

    def measure(trigger: PickTrigger) -> Iterable[ControlChange]:
        for shared in each:
            frame = captures.readers[shared.camera].ring.newest()
            if frame is not None:
                return picked(trigger, frame, shared.color_space, desk.controls.targets())
        raise UserError(f"capture {each[0].id}: there is no picture to pick from yet")

    return measure


class Keeping:
    """What becomes of a frame and of the desk after each frame: takes, kept moments, the show's files."""

    def __init__(
        self,
        desk: Desk,
        keeper: Keeper,
        takes: TakeFiles,
        now: Board[TakesNow],
        pictures: Callable[[TakeName | None], None] = lambda _: None,
    ) -> None:
        """now: where cameras see what has become of their ROLL and CUT. pictures: keeps what cameras send meanwhile."""
        self._desk, self._keeper, self._takes, self._now = desk, keeper, takes, now
        self._pictures = pictures
        desk.is_keeping = lambda: takes.is_keeping

    def note(self, frame: FrameInput) -> None:
        """Once a frame."""
        desk = self._desk
        self._now.put(desk.takes.now)
        self._pictures(desk.takes.rolling)
        self._takes.note(frame, desk.takes.rolling, (desk.refusals, desk.refused))
        name = desk.kept()
        if name is not None:
            self._takes.keep(name)
        self._keeper.note(state_of(desk), desk.cues.now, desk.gate.approvals)


def press_key(name: str, inbox: Inbox[str, OperatorMessage]) -> None:
    """What a key of a window does (``control.keys``); one that does nothing is passed over."""
    address = KEYS.get(name)
    message = button_message(Message(address, ())) if address is not None else None
    if address is not None and message is not None and not hand_over(message, address, inbox):
        log.warning("key %s: more was pressed than the engine can take", name)


def end_together(ends: Iterable[Callable[[], None]]) -> None:
    """End parts that each wait for something, at once: several that are stuck take no longer than one."""
    threads = [threading.Thread(target=end, name="end", daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + END_S
    for thread in threads:
        thread.join(max(end_s - time.monotonic(), 0.0))
