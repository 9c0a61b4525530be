"""``vpengine run --watch``: a changed show is taken in while it runs, and a changed stage has its app built anew."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from vpengine.app import App
from vpengine.asking import baked_looks, stored_of
from vpengine.errors import Problem, ProblemsError, UserError
from vpengine.files import Files, inspected, read_files
from vpengine.mailbox import Newest
from vpengine.operating import ShowChange, state_of
from vpengine.stage.show_file import called_as_running
from vpengine.stage.watched import WatchedFiles
from vpengine.takes.keeper import DeskState

log = logging.getLogger(__name__)

RETRY_S = 2.0  # what was refused is read again: a picture that a show names may come after it
STAYS = "the show stays as it was"


@dataclass(frozen=True)
class Reading:
    """What became of changed files. change: to be taken in. anew: the files where stage or doors are others. problems:
    why neither can be, a line each.
    """

    change: ShowChange | None = None
    anew: Files | None = None
    problems: tuple[str, ...] = ()


class Watching:
    """Between an app's frames: what changed is read in a thread, and taken in or refused. ``anew``: files that need the
    app built anew; it has been told to stop then.
    """

    def __init__(self, app: App, watched: WatchedFiles) -> None:
        self.anew: Files | None = None
        self._app, self._watched = app, watched
        self._watched.follow(watched_in(app.files))
        self._changed: frozenset[Path] = frozenset()  # and not taken in yet
        self._begun: frozenset[Path] = frozenset()  # of these, what the reading under way knows of
        self._wants_reading = False
        self._thread: threading.Thread | None = None
        self._box: Newest[str, Reading] = Newest()
        self._ready: Reading | None = None
        self._told: tuple[str, ...] = ()  # the problems there are
        self._waits_for = ""
        self._retry_s = 0.0

    def poll(self, now_s: float) -> None:
        """Twice a second, on the frames' thread, between two of them. now_s: of a monotonic clock."""
        self._app.drop_unseen()
        is_reading = self._thread is not None and self._thread.is_alive()
        for reading in self._box.take().values():
            self._ready = self._hear(reading, now_s)
        changed = self._watched.changed(now_s)
        self._changed |= changed
        self._wants_reading |= bool(changed) or (bool(self._told) and not is_reading and now_s >= self._retry_s)
        if self._ready is not None and not self._wants_reading:
            self._take(self._ready)
        if self._wants_reading and not is_reading:
            self._read()

    def _read(self) -> None:
        self._wants_reading, self._ready, self._begun = False, None, self._changed
        app, begun = self._app, self._begun
        self._thread = threading.Thread(
            target=lambda: self._box.put("reading", read_again(app, begun)), name="show-reader", daemon=True
        )
        self._thread.start()

    def _hear(self, reading: Reading, now_s: float) -> Reading | None:
        """None where it is refused. What was refused before is so until it is taken in: it may be refused again."""
        self._retry_s = now_s + RETRY_S
        if reading.problems:
            self._refuse(reading.problems)
            return None
        return reading

    def _refuse(self, problems: tuple[str, ...]) -> None:
        """Told once, however often they are found. (): nothing is refused any more."""
        if problems and problems != self._told:
            for line in problems:
                log.warning("%s", line)
            log.warning("%s", STAYS)
        self._told = problems
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self._app.refusal = f"{problems[0]}{more}; {STAYS}" if problems else ""

    def _take(self, reading: Reading) -> None:
        """Now, or after the take that rolls, or when the files that it would load are whole."""
        names, until = ", ".join(sorted(path.name for path in self._begun)), self._until(reading)
        if until:
            self._refuse(())
            if until != self._waits_for:
                self._waits_for = until
                log.warning("%s: changed, and waits for %s", names, until)
            return
        self._waits_for, self._ready = "", None
        if reading.anew is not None:
            self._refuse(())
            self.anew = reading.anew
            self._app.stop()
        elif reading.change is not None:
            self._take_show(reading.change, names)

    def _until(self, reading: Reading) -> str:
        """What is waited for; "" for nothing."""
        takes = self._app.desk.takes
        if takes.locked or takes.rolling is not None:
            return f"CUT: {takes.rolling.text} rolls" if takes.rolling is not None else "looks to be unlocked"
        written = self._watched.written & loaded_by(self._app, reading)
        files = ", ".join(sorted(path.name for path in written))
        return f"{files}, still being written" if files else ""

    def _take_show(self, change: ShowChange, names: str) -> None:
        if problems := lost_by_cues(self._app, change.files):
            self._refuse(problems)
            return
        self._refuse(())
        coming = [name for name in change.files.show.plates if name not in self._app.locations.names]
        self._app.take_show(change)
        self._watched.follow(watched_in(change.files))
        self._changed -= self._begun
        log.warning("%s: taken in%s", names, f"; plates that load: {', '.join(coming)}" if coming else "")


def watched_in(files: Files) -> list[Path]:
    """Stage, show, and the files that they name."""
    return list(dict.fromkeys([files.stage.file, files.show.file, *files.named()]))


def loaded_by(app: App, reading: Reading) -> set[Path]:
    """The files that are loaded where it is taken in: all, or those of plates that do not run yet."""
    if reading.anew is not None:
        return set(watched_in(reading.anew))
    if reading.change is None:
        return set()
    files = reading.change.files
    new = (section for name, section in files.show.plates.items() if name not in app.files.show.plates)
    return {path for section in new for path in _files_of(files.of(section))}


def read_again(app: App, changed: Collection[Path]) -> Reading:
    """In a thread: nothing of the app is changed. Raises nothing."""
    try:
        return _read(app, changed)
    except ProblemsError as error:
        return Reading(problems=tuple(_lines(error.problems)))
    except UserError as error:
        return Reading(problems=(" ".join(str(error).split()),))
    except Exception as error:  # noqa: BLE001  a plug-in's fault, perhaps: the show goes on, and the line says what it was
        return Reading(problems=(f"the files cannot be read ({type(error).__name__}: {' '.join(str(error).split())})",))


def _lines(problems: Iterable[Problem]) -> Iterable[str]:
    return dict.fromkeys(" ".join(str(problem).split()) for problem in problems)


def _read(app: App, changed: Collection[Path]) -> Reading:
    options, running = app.options, app.files
    files = read_files(options.stage, options.show, options.allow_outside)
    renewed = [name for name, section in running.show.plates.items() if _files_of(running.of(section)) & {*changed}]
    shown = called_as_running(files.show, running.show, renewed, app.locations.used_names)
    called = {ours.location: own.location for ours, own in zip(shown.scenes, files.show.scenes, strict=True)}
    files = replace(files, show=shown)
    _, problems = inspected(section for name, section in shown.plates.items() if name not in running.show.plates)
    if problems:
        raise ProblemsError(problems)
    if needs_anew(running, files, changed) or (app.compositor.surrounds is None and _bakes(files)):
        return Reading(anew=read_files(options.stage, options.show, options.allow_outside))
    stored = stored_of(files, app.compositor)
    return Reading(ShowChange(files, called, stored, baked_looks(files, stored)))


def _files_of(settings: object) -> set[Path]:
    values = (value for _, value in settings) if hasattr(settings, "__iter__") else ()
    return {value for value in values if isinstance(value, Path)}


def _bakes(files: Files) -> bool:
    return any(scene.baked is not None for scene in files.show.scenes)


def needs_anew(before: Files, after: Files, changed: Collection[Path]) -> bool:
    """Whether more has changed than a running app takes in: the stage, a lens, or what the show says of MIDI."""
    lenses = {path for camera in before.stage.cameras for path in camera.files}
    return bool(lenses & {*changed}) or _built_from(before) != _built_from(after)


def _built_from(files: Files) -> tuple[object, ...]:
    own = {key: value for key, value in files.settings.items() if key[0] != "plate"}
    show = files.show
    return files.stage, show.file, own, show.midi, show.settings.timecode, show.settings.timecode_device


def lost_by_cues(app: App, files: Files) -> tuple[str, ...]:
    """A line for each cue whose scene the show has no more, of the list that runs: its file may be another."""
    slugs = {scene.slug for scene in files.show.scenes}
    lost = (cue for cue in app.desk.cues.now.cues if cue.scene is not None and cue.scene not in slugs)
    return tuple(
        f"cue {cue.number} of the running list: its scene {cue.scene!r} is gone from the show; "
        f"/vp/cue/delete {cue.number} deletes it"
        for cue in lost
    )


def built_anew(stack: ExitStack, app: App, files: Files) -> App:
    """End an app that ``stack`` holds, and enter one of other files in its place, where its desk stands; if that cannot
    be, the one of the old files again. Raises what that raises.
    """
    dark_s, stands, before = time.monotonic(), state_of(app.desk), _as_operators_have(app, app.files)
    edits = app.desk.cues
    files, options = _as_operators_have(app, files), replace(app.options, scene=None)
    names = f"{files.stage.file.name} with {files.show.file.name}"
    app.keeper.leave_open()  # should neither be built: the run goes on, and nobody has ended it
    stack.close()
    try:
        app = stack.enter_context(App(options, files, _with_changed(stands, before, files)))
        words = "built anew"
    except Exception as error:  # noqa: BLE001  whatever cannot be had, the wall goes on with what there was
        words = f"cannot be built ({' '.join(str(error).split())}); the stage is as it was"
        app = stack.enter_context(App(options, before, stands))
        app.refusal = f"{names}: {words}"
    if app.files.show.file == before.show.file:
        app.desk.cues.go_on_from(edits)
    log.warning("%s: %s; the walls were dark for %.1f s", names, words, time.monotonic() - dark_s)
    return app


def _as_operators_have(app: App, files: Files) -> Files:
    """With the cues and the looks as the desk has them, where it is the same show: a disk may be late."""
    show, desk = files.show, app.desk
    if show.file != app.files.show.file:
        return files
    looks = desk.gate.approvals if desk.gate.approvals is not None else show.looks
    return replace(files, show=replace(show, cues=desk.cues.now, looks=looks))


def _with_changed(stands: DeskState, before: Files, after: Files) -> DeskState:
    """Controls that the stage sets otherwise than before are as it sets them; the others as operators have them."""
    old = dict(before.stage.controls)
    changed = {address: value for address, value in after.stage.controls if old.get(address) != value}
    return replace(stands, controls={**stands.controls, **changed})
