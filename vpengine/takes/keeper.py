"""Keeper: what operators did to a show is on the disk before anybody asks for it, and is there again after a crash.

SHOW.cues.toml, SHOW.looks.toml      the cue list and the looks that were decided on, whenever they change
SHOW.cues.journal.jsonl              every change of the cue list, one line each, the newest last
a session, in the state folder       where the desk stands: scene, cue, every control, the day's take numbers
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from vpengine.control.approvals import Approvals
from vpengine.control.controls import Value
from vpengine.control.cues import Cue, CueList, cue_number
from vpengine.control.takes import TakeName
from vpengine.errors import UserError
from vpengine.stage.desk_files import cues_file, looks_file, write_cues, write_looks
from vpengine.stage.whole_file import write_whole

log = logging.getLogger(__name__)

SESSION_S = 0.5  # between two writes of where the desk stands
_CLOSE_S = 2.0


@dataclass(frozen=True)
class DeskState:
    """Where a desk stands. scene: the slug that was asked for last. controls: where each rests, or is going."""

    scene: str
    controls: Mapping[str, Value]
    cue: str | None = None
    standby: str | None = None
    safe: bool = False
    take: TakeName = field(default_factory=TakeName)
    used: Mapping[tuple[str, str], int] = field(default_factory=dict)


def session_file(state_folder: Path, show: Path) -> Path:
    name = hashlib.sha256(str(show.resolve()).encode()).hexdigest()[:16]
    return state_folder / "shows" / f"{name}.json"


def read_session(file: Path) -> tuple[DeskState, bool] | None:
    """Where the desk stood when the show ran last, and whether that run was ended properly; None where nobody knows."""
    try:
        line = json.loads(file.read_text(encoding="utf-8"))
        values = {str(address): value for address, value in line["controls"].items()}
        if not all(isinstance(value, bool | int | float | str) for value in values.values()):
            raise TypeError("a control without a value")
        used = {(str(slate), str(scene)): int(number) for slate, scene, number in line["used"]}
        take = line["take"]
        name = TakeName(str(take["slate"]), str(take["scene"]), int(take["number"]))
        cue, standby = (None if line[key] is None else cue_number(str(line[key])) for key in ("cue", "standby"))
        state = DeskState(str(line["scene"]), values, cue, standby, bool(line["safe"]), name, used)
        return state, bool(line["ended"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, UserError):
        return None


class Keeper:
    """Writes in a thread of its own; ``note`` never waits. What cannot be written is told once, and tried again."""

    def __init__(
        self,
        show: Path,
        cues: CueList,
        approvals: Approvals | None,
        session: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """cues, approvals: as the files have them. session: None to remember nothing of where the desk stands."""
        self._show, self._session = show, session
        self._cues, self._approvals = cues, approvals
        self._journalled = cues
        self._written: DeskState | None = None
        self._newest: tuple[DeskState, CueList, Approvals | None] | None = None
        self._noted = cues, approvals
        self._pressed: tuple[object, ...] | None = None  # of the state that was noted last, what no fader moves
        self._lock = threading.Lock()  # around approvals, noted and on the disk; never held while the disk is asked
        self._clock = clock
        self._told: set[str] = set()
        self._wake, self._ended = threading.Event(), False
        self._is_left_open = False
        self._thread = threading.Thread(target=self._run, name="show-keeper", daemon=True)
        self._thread.start()

    def adopt(self, approvals: Approvals | None) -> None:
        """They are as the file has them: the show's gate was turned on or off. Those noted before are not written."""
        with self._lock:
            self._approvals, self._noted = approvals, (self._noted[0], approvals)
            if self._newest is not None:
                self._newest = (*self._newest[:2], approvals)

    def note(self, state: DeskState, cues: CueList, approvals: Approvals | None) -> None:
        """What is true now; once a frame. What was pressed is written at once, and a fader's way every SESSION_S."""
        with self._lock:
            self._newest = (state, cues, approvals)
        pressed = _pressed(state)
        changed = cues is not self._noted[0] or approvals is not self._noted[1] or pressed != self._pressed
        self._noted, self._pressed = (cues, approvals), pressed
        if changed:  # and not for as long as it is not written: a disk that is full is not asked in every frame
            self._wake.set()

    def leave_open(self) -> None:
        """What ends now was not ended by anybody: the next run goes on where this one stands."""
        self._is_left_open = True

    def close(self) -> None:
        """Writes what is left, and that the run was ended properly, unless it is left open; two seconds at most."""
        self._ended = True
        self._wake.set()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        while not self._ended:
            self._wake.wait(SESSION_S)
            self._wake.clear()
            self._write()
        self._write()

    def _write(self) -> None:
        newest = self._newest
        if newest is None:
            return
        state, cues, _ = newest
        if cues is not self._cues:
            self._try("the cue list", cues_file(self._show), lambda: self._write_cues(cues))
        self._try("the looks", looks_file(self._show), self._write_looks)
        session = self._session
        if session is not None and (state != self._written or self._ended):
            self._try("where the desk stands", session, lambda: self._write_session(session, state))

    def _try(self, what: str, file: Path, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, ValueError, TypeError) as error:  # the disk; or what is no text or no JSON: the rest is saved
            if what not in self._told:
                self._told.add(what)
                why = getattr(error, "strerror", None) or error
                log.warning("%s: %s cannot be saved (%s); it is tried again.", file, what, why)
        else:
            self._told.discard(what)

    def _write_cues(self, cues: CueList) -> None:
        """The journal first: it says what was done even where the list's file cannot be replaced."""
        if cues is not self._journalled:
            before, after = ({cue.number: cue for cue in each.cues} for each in (self._journalled, cues))
            changed = [number for number in {**before, **after} if before.get(number) != after.get(number)]
            lines = [json.dumps(_journal_line(number, after.get(number)), ensure_ascii=False) for number in changed]
            with self._show.with_name(f"{self._show.stem}.cues.journal.jsonl").open("a", encoding="utf-8") as journal:
                journal.write("".join(f"{line}\n" for line in lines))
            self._journalled = cues
        write_cues(cues_file(self._show), cues)
        self._cues = cues

    def _write_looks(self) -> None:
        """Where the file has others."""
        with self._lock:
            approvals, on_disk = self._newest[2] if self._newest is not None else None, self._approvals
        if approvals is None or approvals is on_disk:
            return
        write_looks(looks_file(self._show), approvals)
        with self._lock:
            if self._approvals is on_disk:  # no others were adopted meanwhile
                self._approvals = approvals

    def _write_session(self, file: Path, state: DeskState) -> None:
        line = {
            "show": str(self._show),
            "scene": state.scene,
            "controls": dict(state.controls),
            "cue": state.cue,
            "standby": state.standby,
            "safe": state.safe,
            "take": asdict(state.take),
            "used": [[slate, scene, number] for (slate, scene), number in state.used.items()],
            "ended": self._ended and not self._is_left_open,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(line).encode())
        self._written = state


def _pressed(state: DeskState) -> tuple[object, ...]:
    """Of where a desk stands, what buttons change: after a crash no GO and no take's number is missing."""
    return state.scene, state.cue, state.standby, state.safe, state.take, state.used


def _journal_line(number: str, cue: Cue | None) -> dict[str, Any]:
    at = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"at": at, "number": number, "cue": asdict(cue) if cue is not None else None}
