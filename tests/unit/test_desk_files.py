"""Cue lists and looks on disk: written whole, read as they were; every mistake of a hand one line; and a crash."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.waiting import until
from vpengine.control.approvals import Approval, Approvals
from vpengine.control.controls import Control
from vpengine.control.cues import Cue, CueList
from vpengine.control.declared import ENGINE_CONTROLS, INNER_EXPOSURE, NEURAL_HOLD, OUTER_EXPOSURE
from vpengine.control.takes import TakeName
from vpengine.control.transitions import EASINGS, Transition
from vpengine.stage.desk_files import cues_file, looks_file, read_cues, read_looks, write_cues, write_looks
from vpengine.stage.show_file import ShowSettings
from vpengine.stage.whole_file import write_whole
from vpengine.takes.keeper import DeskState, Keeper, read_session, session_file

CONTROLS = (*ENGINE_CONTROLS, Control("/vp/look/prompt", "text", "", "Words."))
TEXTS = st.text(max_size=30)
SECONDS = st.floats(0.0, 3600.0, allow_nan=False)
CUES = st.builds(
    Cue,
    number=st.integers(1, 9_999_000).map(lambda thousandths: f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")),
    name=TEXTS,
    scene=st.sampled_from([None, "day", "storm"]),
    controls=st.sampled_from([(), ((INNER_EXPOSURE, -1.5), (NEURAL_HOLD, True), ("/vp/look/prompt", 'a "wet" sea\n'))]),
    transition=st.one_of(
        st.none(),
        st.just(Transition("cut", 0.0)),
        st.builds(Transition, st.sampled_from(["dissolve"]), SECONDS),
        st.builds(Transition, st.just("dip"), SECONDS, st.just((0.5, 0.0, 1.0))),
    ),
    fade_s=st.one_of(st.none(), SECONDS),
    fades=st.sampled_from([(), ((OUTER_EXPOSURE, 2.5),)]),
    easing=st.sampled_from(list(EASINGS)),
    wait_s=SECONDS,
    follow_s=st.one_of(st.none(), SECONDS),
    notes=TEXTS,
)


@given(st.lists(CUES, max_size=6, unique_by=lambda cue: cue.number))
def test_a_cue_list_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, cues: list[Cue]) -> None:
    path = tmp_path_factory.mktemp("cues") / "show.cues.toml"
    write_cues(path, CueList.of(cues))
    found, problems = read_cues(path, CONTROLS, ["day", "storm"])
    assert not problems
    assert found == CueList.of(cues)


def test_two_hundred_cues_and_looks_too(tmp_path: Path) -> None:
    cues = CueList.of(
        Cue(str(number), f"cue {number}", "day", tuple((c.address, c.default) for c in ENGINE_CONTROLS))
        for number in range(1, 201)
    )
    write_cues(tmp_path / "show.cues.toml", cues)
    assert read_cues(tmp_path / "show.cues.toml", CONTROLS, ["day"])[0] == cues
    look = Approval(
        "dusk", "diffusion", (("prompt", 'a "harbour"'),), (("strength", (0.1, 0.6)),), 7, "ab", "approved", "Ana", "x"
    )
    open_, temporary = Approval("x", "weather"), replace(look, name="once", status="temporary")
    write_looks(tmp_path / "show.looks.toml", Approvals((look, open_, temporary)))
    found, problems = read_looks(tmp_path / "show.looks.toml")
    assert not problems
    assert found.each == (look, open_, replace(temporary, status="candidate")), "a temporary one ends with its run"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[cue]]\nnumber = "one"', "cue[1].number: 'one' is not the number of a cue"),
        ('[[cue]]\nnumber = "1"\nscene = "dai"', "cue[1].scene: found 'dai', no such scene; did you mean 'day'"),
        ('[[cue]]\nnumber = "1"\n[[cue]]\nnumber = "1.0"', "cue[2].number: found '1', which cue[1] has already"),
        ('[[cue]]\nnumber = "1"\ntransition = "wipe"', "allowed are cut, dissolve, dip"),
        ('[[cue]]\nnumber = "1"\neasing = "bouncy"', "allowed are smooth, linear, in, out"),
        ('[[cue]]\nnumber = "1"\nwait_s = -1', "cue[1].wait_s"),
        ('[[cue]]\nnumber = "1"\ncontrols.exposure.inner = 99', "expected a number from -8 to 8 stops"),
        ('[[cue]]\nnumber = "1"\ncontrols.exposure.iner = 1', "no such control; did you mean"),
        ('[[cue]]\nnumber = "1"\nfades.exposure.iner = 1', "cue[1].fades.exposure.iner: no such control"),
        ('[[cue]]\nnumber = "1"\nfades.exposure.inner = "2"', "expected seconds, 0 to 3600"),
        ('[[cue]]\nnumber = "1"\nfades = 3', "expected a table of seconds"),
        ('[[cue]]\nnumber = "1"\nnmae = "x"', "did you mean"),
        ("[[cues]]", "unknown section or key; did you mean 'cue'"),
        ('[[look]]\nname = "x"\ngenerator = "weather"\nstatus = "aproved"', "look[1].status"),
        ('[[look]]\nname = "x"\ngenerator = "weather"\nstatus = "approved"\nranges.snow = [1, 0]', "two numbers each"),
        ('[[look]]\nname = "x"\ngenerator = "weather"\nstatus = "approved"\ntexts.prompt = 3', "a table of texts"),
        ('[[look]]\ngenerator = "weather"\nstatus = "approved"', "look[1].name"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    """And a look that has one lets nothing through."""
    path = tmp_path / "show.toml"
    path.write_text(f"version = 1\n{text}\n", encoding="utf-8")
    found, problems = read_looks(path) if text.startswith("[[look]]") else read_cues(path, CONTROLS, ["day"])
    assert any(said in f"{problem.key}: {problem.message}" for problem in problems), problems
    assert isinstance(found, CueList) or not found.each


STATE = DeskState("storm", {INNER_EXPOSURE: 1.0}, "12", None, True, TakeName("12B", "", 3), {("12B", ""): 2})


def test_what_was_done_is_on_the_disk_and_whether_the_run_was_ended(tmp_path: Path) -> None:
    show, session = tmp_path / "show.toml", session_file(tmp_path / "state", tmp_path / "show.toml")
    keeper = Keeper(show, CueList(), Approvals(), session)
    first = CueList.of([Cue("1", "a"), Cue("2", "b")])
    keeper.note(STATE, first, Approvals((Approval("x", "weather"),)))
    until(lambda: session.is_file() and read_session(session) == (STATE, False))
    keeper.note(STATE, first.without("1"), Approvals())
    until(lambda: read_cues(cues_file(show), CONTROLS, [])[0] == first.without("1"))
    until(lambda: looks_file(show).is_file() and not read_looks(looks_file(show))[0].each)
    keeper.close()
    assert read_session(session) == (STATE, True)
    lines = [json.loads(line) for line in (tmp_path / "show.cues.journal.jsonl").read_text("utf-8").splitlines()]
    assert [(line["number"], line["cue"] and line["cue"]["name"]) for line in lines] == [
        ("1", "a"),
        ("2", "b"),
        ("1", None),
    ]


@pytest.mark.parametrize(
    "pressed",
    [{"scene": "day"}, {"cue": "13"}, {"standby": "2"}, {"safe": False}, {"used": {("12B", ""): 3}}],
)
def test_what_is_pressed_is_written_at_once_and_a_fader_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pressed: dict[str, Any]
) -> None:
    """A crash within half a second of a ROLL would give its number to the next take too."""
    monkeypatch.setattr("vpengine.takes.keeper.SESSION_S", 3600.0)
    session = tmp_path / "session.json"
    cues = CueList()
    keeper = Keeper(tmp_path / "show.toml", cues, None, session)
    keeper.note(STATE, cues, None)
    until(lambda: session.is_file() and read_session(session) == (STATE, False))
    moved = replace(STATE, controls={INNER_EXPOSURE: 2.0})
    keeper.note(moved, cues, None)
    assert not keeper._wake.is_set()
    after = replace(moved, **pressed)
    keeper.note(after, cues, None)
    until(lambda: read_session(session) == (after, False))
    keeper.close()


@pytest.mark.parametrize("adopted", [None, Approvals()])
def test_looks_that_a_hand_edited_are_not_written_over_when_the_gate_is_turned(
    tmp_path: Path, adopted: Approvals | None
) -> None:
    """Whenever the writer wakes: those that were noted before are not the file's any more."""
    show, before = tmp_path / "show.toml", Approvals((Approval("x", "weather"),))
    keeper = Keeper(show, CueList(), before)
    keeper.note(STATE, CueList(), before)
    looks_file(show).write_text("version = 1  # by hand\n", encoding="utf-8")
    keeper.adopt(adopted)
    keeper.close()  # it wakes before the next frame
    assert looks_file(show).read_text(encoding="utf-8") == "version = 1  # by hand\n"


def test_looks_that_are_adopted_while_others_are_being_written_are_the_file_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not written again as if they were new."""
    show, new, adopted = tmp_path / "show.toml", Approvals((Approval("x", "weather"),)), Approvals()
    written, keeper = list[Approvals](), Keeper(show, CueList(), Approvals())
    was_adopted = threading.Event()

    def slow(_: Path, approvals: Approvals) -> None:
        written.append(approvals)
        keeper.adopt(adopted)
        was_adopted.set()

    monkeypatch.setattr("vpengine.takes.keeper.write_looks", slow)
    keeper.note(STATE, CueList(), new)
    assert was_adopted.wait(20.0)
    keeper.note(STATE, CueList(), adopted)
    keeper.close()
    assert written == [new]


def test_a_disk_that_is_full_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[Path] = []

    def full(path: Path, cues: CueList) -> None:
        tries.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vpengine.takes.keeper.write_cues", full)
    keeper = Keeper(tmp_path / "show.toml", CueList(), None)
    keeper.note(STATE, CueList.of([Cue("1")]), None)
    until(lambda: len(tries) > 1)
    monkeypatch.undo()
    until(lambda: cues_file(tmp_path / "show.toml").is_file())
    keeper.close()
    assert len(caplog.messages) == 1
    assert "the cue list cannot be saved (No space left on device); it is tried again." in caplog.messages[0]
    assert len((tmp_path / "show.cues.journal.jsonl").read_text("utf-8").splitlines()) == 1


def test_what_cannot_be_written_does_not_keep_the_rest_from_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Half of a UTF-16 pair is a text for Python, and none for a file."""
    monkeypatch.setattr("vpengine.takes.keeper.SESSION_S", 0.01)
    show, session = tmp_path / "show.toml", tmp_path / "session.json"
    keeper = Keeper(show, CueList(), Approvals(), session)
    keeper.note(STATE, CueList.of([Cue("1", "\ud800")]), Approvals((Approval("x", "weather"),)))
    until(lambda: session.is_file() and looks_file(show).is_file())
    keeper.note(STATE, CueList.of([Cue("1", "mended")]), Approvals())
    until(lambda: cues_file(show).is_file())
    keeper.close()
    assert len(caplog.messages) == 1
    assert "the cue list cannot be saved" in caplog.messages[0]
    assert read_cues(cues_file(show), CONTROLS, [])[0].find("1").name == "mended"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("mode", [0o640, 0o664])
def test_who_may_read_a_file_stays_as_it_was(tmp_path: Path, mode: int) -> None:
    """Others of the crew read the cue list too."""
    new, old = tmp_path / "new.cues.toml", tmp_path / "old.cues.toml"
    plain = tmp_path / "plain"
    plain.touch()
    old.touch()
    old.chmod(mode)
    for path in (new, old):
        write_cues(path, CueList())
    assert [path.stat().st_mode & 0o777 for path in (new, old)] == [plain.stat().st_mode & 0o777, mode]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.cues.toml", "old.cues.toml", "plain"]


def test_no_half_of_a_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "x").write_bytes(b"before")
    monkeypatch.setattr("os.fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x", b"after")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"before")]


SESSION = {
    "scene": "day",
    "controls": {},
    "cue": None,
    "standby": None,
    "safe": False,
    "take": {"slate": "", "scene": "", "number": 1},
    "used": [],
    "ended": False,
}
WRONG = ({"cue": "one"}, {"standby": "-1"}, {"used": [["", "", 1e999]]})


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", '{"controls": 3}', "\0" * 40, '{"controls": {"/vp/x": [1]}}', "[" * 100_000),
        *(json.dumps({**SESSION, **wrong}) for wrong in WRONG),
    ],
)
def test_a_session_that_is_damaged_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps(SESSION), encoding="utf-8")
    assert read_session(file) is not None
    file.write_text(text, encoding="utf-8")
    assert read_session(file) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("Ana ", "Beto"), ""),
        (("Ana", " ana"), "found a name twice"),
        (("Ana", "  "), "nothing in it"),
        (("x" * 65,), "64"),
    ],
)
def test_approvers_are_names_that_somebody_can_send(names: tuple[str, ...], said: str) -> None:
    if said:
        with pytest.raises(ValidationError, match=said):
            ShowSettings(name="x", approvers=names)
    else:
        assert ShowSettings(name="x", approvers=names).approvers == ("Ana", "Beto")
