"""Files that are watched: a change is told once, when it is whole, however the file came to be another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpengine.stage.watched import RESTS_S, WatchedFiles

OLD_NS = 1_700_000_000_000_000_000


class Disk:
    """Two files that are watched, asked for twice in the time that they have to rest."""

    def __init__(self, folder: Path) -> None:
        self.show, self.picture = folder / "show.toml", folder / "a.png"
        for path in (self.show, self.picture):
            path.write_bytes(b"before")
            os.utime(path, ns=(OLD_NS, OLD_NS))
        self.watched = WatchedFiles([self.show, self.picture])
        self.now_s = 100.0

    def polls(self, count: int = 1) -> list[frozenset[Path]]:
        found = []
        for _ in range(count):
            self.now_s += 0.5 * RESTS_S
            found.append(self.watched.changed(self.now_s))
        return found

    def told(self) -> list[set[Path]]:
        """What is told in the next polls, without the polls that tell nothing."""
        return [set(found) for found in self.polls(8) if found]


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_nothing_is_told_of_files_that_stay(disk: Disk) -> None:
    assert disk.told() == []


def test_a_file_written_in_parts_is_told_once_when_it_is_whole(disk: Disk) -> None:
    for _ in range(6):
        with disk.picture.open("ab") as file:
            file.write(b" more")
        assert disk.polls() == [frozenset()]
    assert disk.told() == [{disk.picture}]
    assert disk.told() == []


def test_each_is_told_when_it_has_rested_however_long_another_is_written(disk: Disk) -> None:
    """A show that is edited while a clip is rendered for minutes."""
    disk.show.write_bytes(b"after it")
    found = []
    for _ in range(6):
        with disk.picture.open("ab") as file:
            file.write(b" more")
        found += disk.polls()
    assert [set(each) for each in found if each] == [{disk.show}]
    assert disk.watched.written == {disk.picture}
    assert disk.told() == [{disk.picture}]
    assert not disk.watched.written


def test_files_saved_at_once_are_told_together(disk: Disk) -> None:
    disk.show.write_bytes(b"after it")
    disk.picture.write_bytes(b"after it")
    assert disk.told() == [{disk.show, disk.picture}]


def test_one_that_vanishes_is_told_and_again_when_it_comes_back(disk: Disk) -> None:
    disk.picture.unlink()
    assert disk.told() == [{disk.picture}]
    disk.picture.write_bytes(b"before")
    os.utime(disk.picture, ns=(OLD_NS, OLD_NS))
    assert disk.told() == [{disk.picture}]


def test_one_that_vanishes_only_while_it_is_saved_is_told_once(disk: Disk) -> None:
    disk.picture.unlink()
    disk.polls()
    disk.picture.write_bytes(b"after it")
    assert disk.told() == [{disk.picture}]


def test_one_moved_away_and_back_at_once_is_the_same(disk: Disk) -> None:
    aside = disk.picture.rename(disk.picture.with_suffix(".bak"))
    disk.polls()
    aside.rename(disk.picture)
    assert disk.told() == []


def test_one_replaced_by_rename_is_told_though_its_size_and_time_are_the_same(disk: Disk) -> None:
    """A copy that keeps times, as rsync and version control make them."""
    other = disk.picture.with_suffix(".new")
    other.write_bytes(b"after!")
    os.utime(other, ns=(OLD_NS, OLD_NS))
    other.replace(disk.picture)
    assert disk.told() == [{disk.picture}]


def test_one_of_the_same_size_written_in_the_same_second_is_told(disk: Disk) -> None:
    disk.picture.write_bytes(b"after!")
    os.utime(disk.picture, ns=(OLD_NS + 1_000_000, OLD_NS + 1_000_000))
    assert disk.told() == [{disk.picture}]


def test_files_on_a_share_that_goes_are_told_and_again_when_it_comes_back(disk: Disk) -> None:
    folder = disk.show.parent
    gone = folder.rename(folder.with_name("gone"))
    assert disk.told() == [{disk.show, disk.picture}]
    gone.rename(folder)
    assert disk.told() == [{disk.show, disk.picture}]


def test_others_are_followed_without_losing_what_changed_meanwhile(disk: Disk, tmp_path: Path) -> None:
    """The new ones are as they are; those that are followed no more are not told."""
    new = tmp_path / "b.png"
    new.write_bytes(b"new")
    disk.show.write_bytes(b"after it")
    disk.picture.write_bytes(b"after it")
    disk.watched.follow([disk.show, new])
    assert disk.told() == [{disk.show}]
    new.write_bytes(b"newer")
    assert disk.told() == [{new}]
