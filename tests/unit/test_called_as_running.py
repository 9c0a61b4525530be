"""What the locations of another version of a running show are called: by content, and by no name that is taken."""

from __future__ import annotations

from pathlib import Path

from tests.files import load_show
from vpengine.files import controls_of
from vpengine.stage.show_file import Show, called_as_running

CONTROLS = controls_of("weather")
STREET, YARD, CHART = 'kind = "street"\nseed = 7', 'kind = "street"\nseed = 8', 'kind = "pattern"'


def show_of(folder: Path, *plates: str) -> Show:
    """One scene each."""
    head = 'version = 1\n[show]\nname = "Test"\n'
    scenes = (
        f'[[scene]]\nslug = "scene-{number}"\n[scene.plate]\n{plate}\n' for number, plate in enumerate(plates, start=1)
    )
    path = folder / "show.toml"
    path.write_text(head + "".join(scenes), encoding="utf-8")
    return load_show(path, CONTROLS)


def called(show: Show) -> list[str]:
    return [scene.location for scene in show.scenes]


def test_a_plate_that_is_the_same_keeps_its_name_wherever_it_comes_in_the_file(tmp_path: Path) -> None:
    """By itself, the file would call the first street "street" and the other "street-2"."""
    running = show_of(tmp_path, STREET, YARD, CHART)
    assert called(running) == ["street", "street-2", "pattern"]
    again = show_of(tmp_path, CHART, 'seed = 8\nkind = "street"', STREET)
    assert called(again) == ["pattern", "street", "street-2"]
    assert called(called_as_running(again, running, (), ())) == ["pattern", "street-2", "street"]


def test_another_plate_has_a_name_of_its_own_and_scenes_that_share_it_share_the_name(tmp_path: Path) -> None:
    running = show_of(tmp_path, STREET, CHART)
    again = called_as_running(show_of(tmp_path, YARD, CHART, YARD), running, (), running.plates)
    assert called(again) == ["street~2", "pattern", "street~2"]
    assert again.plates["street~2"].table["seed"] == 8


def test_a_name_is_never_given_twice_also_when_its_location_is_gone(tmp_path: Path) -> None:
    """A plate that loads late finds no other by its name. Several edits, and there and back."""
    running, taken = show_of(tmp_path, STREET), {"street"}
    names = []
    for plate in (YARD, STREET, YARD):
        running = called_as_running(show_of(tmp_path, plate), running, (), taken)
        taken |= {*running.plates}
        names += called(running)
    assert names == ["street~2", "street~3", "street~4"]


def test_a_plate_whose_file_is_another_is_a_new_one_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    still = 'kind = "still"\nfile = "a.png"\ndistance_m = 8.0'
    running = show_of(tmp_path, still, CHART, still)
    again = called_as_running(running, running, ["still"], running.plates)
    assert called(again) == ["still~2", "pattern", "still~2"]
    assert called(called_as_running(running, again, (), {*running.plates, *again.plates})) == called(again)


def test_two_new_plates_of_a_kind_have_two_names(tmp_path: Path) -> None:
    running = show_of(tmp_path, CHART)
    again = called_as_running(show_of(tmp_path, YARD, STREET, CHART), running, (), {"street"})
    assert called(again) == ["street~2", "street-2", "pattern"]
    assert len(again.plates) == 3


def test_all_but_the_names_is_as_the_file_has_it(tmp_path: Path) -> None:
    running, again = show_of(tmp_path, STREET), show_of(tmp_path, YARD, CHART)
    shown = called_as_running(again, running, (), ())
    assert [scene.slug for scene in shown.scenes] == ["scene-1", "scene-2"]
    assert [scene.plate for scene in shown.scenes] == [scene.plate for scene in again.scenes]
    assert (shown.name, shown.file, shown.settings) == (again.name, again.file, again.settings)
