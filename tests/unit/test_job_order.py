"""The order of a frame's jobs: urgent ones first, as given among equals, and nothing before what it reads."""

from __future__ import annotations

from itertools import permutations

import pytest

from vpengine.gpu.job import DECORATION, PREVIEW, REQUEST, WALL, Job, in_order


def job(name: str, priority: int = WALL, reads: str = "", writes: str | None = None, instead: str | None = None) -> Job:
    return Job(name=name, priority=priority, reads=tuple(reads.split()), writes=writes, instead=instead)


def names(jobs: list[Job]) -> str:
    return " ".join(each.name for each in in_order(jobs))


def test_by_priority_and_as_given_within_one() -> None:
    jobs = [job("d", DECORATION), job("w1"), job("p", PREVIEW), job("r", REQUEST), job("w2"), job("d2", DECORATION)]
    assert names(jobs) == "w1 w2 r p d d2"


def test_what_is_read_is_made_first_whatever_its_priority() -> None:
    """A wall that reads of a decoration makes it urgent; other decorations still wait."""
    jobs = [
        job("idle", DECORATION),
        job("wall", WALL, reads="outer"),
        job("outer", DECORATION, reads="plate", writes="outer"),
        job("plate", PREVIEW, writes="plate"),
        job("other wall"),
    ]
    assert names(jobs) == "plate outer wall other wall idle"


def test_the_order_in_which_a_chain_is_given_does_not_matter() -> None:
    chain = [
        job("a", writes="a"),
        job("b", reads="a", writes="b"),
        job("c", reads="a b", writes="c"),
        job("d", reads="c"),
    ]
    assert {names(list(given)) for given in permutations(chain)} == {"a b c d"}


def test_what_stands_in_is_made_first_too() -> None:
    assert (
        names([job("key", reads="plate", writes="key", instead="still"), job("still", writes="still")]) == "still key"
    )


def test_those_who_write_one_picture_follow_each_other_and_readers_see_the_last() -> None:
    jobs = [job("reader", reads="k"), job("first", DECORATION, writes="k"), job("over", reads="k", writes="k")]
    assert names(jobs) == "first over reader"


def test_a_picture_nobody_makes_this_frame_is_no_reason_to_wait() -> None:
    assert names([job("a", reads="of an earlier frame"), job("b")]) == "a b"


def test_jobs_that_read_each_other_are_a_mistake_in_the_plan() -> None:
    with pytest.raises(ValueError, match=r"job '[ab]' reads what is made of its own"):
        in_order([job("a", reads="b", writes="a"), job("b", reads="a", writes="b")])
