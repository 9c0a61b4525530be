"""A job: one thing that a frame's plan wants drawn; and the order in which a frame's jobs are done. No OpenGL here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

WALL, REQUEST, PREVIEW, DECORATION = range(4)  # what must not wait first
READ = WALL - 1  # before anything is drawn: software OpenGL reads pixels only when it draws nothing (readback.py)


@dataclass(frozen=True, kw_only=True)
class Job:
    """The base of every kind of job; a kind adds what its drawer needs to know.

    name: as reports show it, "wall main"; never with the number of a frame or request in it.
    reads, writes: keys of pictures. A key is written by one job of a frame, or by several that follow each other.
    instead: the picture that stands in when this job makes none.
    meanwhile: what is seen then, in words to the operator: "the plate is shown".
    lasting: what it wrote stays for the frames that follow, until it writes again: a feed keeps its last good picture.
    Only for a drawer that owns what it draws into; what was lent for a frame is another's in the next.
    needs_all: it is skipped when any picture that it reads is missing; else only when all are.
    """

    name: str
    priority: int = DECORATION
    reads: tuple[str, ...] = ()
    writes: str | None = None
    instead: str | None = None
    meanwhile: str = "it is left out"
    lasting: bool = False
    needs_all: bool = True


AnyJob = TypeVar("AnyJob", bound=Job)


def in_order(jobs: Sequence[AnyJob]) -> list[AnyJob]:
    """By priority, and as given within one; but what a job reads, or what stands in for it, is made before it.

    A job is thus drawn as early as the most urgent one that reads of it. Raises ValueError when jobs read each other.
    """
    ordered: list[AnyJob] = []
    done: set[int] = set()
    begun: set[int] = set()
    before = _before(jobs)

    def visit(index: int) -> None:
        if index in done:
            return
        if index in begun:
            raise ValueError(f"job {jobs[index].name!r} reads what is made of its own picture")
        begun.add(index)
        for earlier in before[index]:
            visit(earlier)
        done.add(index)
        ordered.append(jobs[index])

    for index in sorted(range(len(jobs)), key=lambda index: jobs[index].priority):
        visit(index)
    return ordered


def _before(jobs: Sequence[Job]) -> list[list[int]]:
    """For each job the indices of those that must be done before it."""
    writers: dict[str, list[int]] = {}
    for index, job in enumerate(jobs):
        if job.writes is not None:
            writers.setdefault(job.writes, []).append(index)
    return [_needed(index, job, writers) for index, job in enumerate(jobs)]


def _needed(index: int, job: Job, writers: dict[str, list[int]]) -> list[int]:
    """All who write what it reads; of those who write its own key, the ones given before it."""
    wanted = job.reads if job.instead is None else (*job.reads, job.instead)
    needed = [writer for key in wanted if key != job.writes for writer in writers.get(key, ())]
    if job.writes is not None:
        needed += [writer for writer in writers[job.writes] if writer < index]
    return sorted(needed)
