"""Locations made ready while the show runs: a plate that has been loaded goes up, then its outer pictures are drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vpengine.compose.drawable import Plates
from vpengine.compose.walls import Walls
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.job import REQUEST, Job


@dataclass(frozen=True, kw_only=True)
class Upload(Job):
    """A frame's share of a loaded plate, put on the GPU."""


@dataclass(frozen=True, kw_only=True)
class Prepare(Job):
    """A frame's share of a location's outer pictures: one face of the world on one wall."""

    location: str


class Preparing:
    """upload_next: puts a frame's share of a loaded plate on the GPU, and names its location when all of it is there.

    A location that fails is put behind the others, and tried again; ``failing`` are those whose last try failed.
    """

    def __init__(self, walls: Walls, plates: Plates, upload_next: Callable[[], str | None]) -> None:
        self.failing: set[str] = set()
        self._walls = walls
        self._plates = plates
        self._upload_next = upload_next
        self._waiting: deque[str] = deque()  # up, and to be prepared; the first is at work
        self._begun: str | None = None
        self._worked = False  # in this frame

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {Prepare: self._prepare, Upload: self._upload_some}

    def plan(self) -> list[Job]:
        """Every frame's; they cost nothing when there is nothing to prepare."""
        self._worked = False
        jobs: list[Job] = [Upload(name="uploading a plate", priority=REQUEST, meanwhile="its scene waits")]
        if self._waiting:
            location = self._waiting[0]
            name, meanwhile = f"preparing {location}", "its scene waits"
            prepare = Prepare(name=name, priority=REQUEST, meanwhile=meanwhile, location=location)
            jobs.insert(0, prepare)
        return jobs

    def drop(self, location: str) -> None:
        """What there is of its outer pictures goes; it is not on the walls, and comes no more."""
        if location in self._waiting:
            self._waiting.remove(location)
        if self._begun == location:
            self._begun = None
        self.failing.discard(location)
        self._walls.drop(location)

    def _prepare(self, job: Prepare, _: Pictures) -> None:
        self._worked = True
        try:
            if self._begun != job.location:
                self._walls.begin(job.location, self._plates[job.location])
                self._begun = job.location
            more = self._walls.carry_on()
        except Exception:
            self._begun = None
            self._waiting.rotate(-1)
            self.failing.add(job.location)
            raise
        if not more:
            self._waiting.popleft()
            self._begun = None
            self.failing.discard(job.location)

    def _upload_some(self, job: Upload, _: Pictures) -> None:
        del job
        if self._worked:
            return
        location = self._upload_next()
        if location is not None and location not in self._waiting:
            self._waiting.appendleft(location)  # before one that fails
