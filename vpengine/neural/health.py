"""How a generator is doing: what its host says of it to the loop, the report and the status line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vpengine.frames.pixels import Pixels
from vpengine.takes.report import percentiles

PAUSE_S = 1.0  # longer between two images: nobody asked, or it had stopped


@dataclass
class GeneratorHealth:
    """Owned and kept up to date by a host; others read it.

    name: the generator's, ``none`` for nobody. host: what it runs in, a process or a thread. runtime: what runs its
    network, empty until that is known. ready: it is loaded, and has made its first pictures. pid: of its process, None
    where it has none of its own. failures: in a row, since it was last steady. last_failure: one sentence, empty while
    there was none; hopeless: another try would end the same; full_memory: it needs more than there is; no_thread: it
    hangs in the engine itself, or has lost its card there, so that no other may run there until the engine is started
    again. latency_s: of the newest images. images_per_s: while it was asked. through: the memory that pictures cross
    in; copies, copied_bytes: of the plates that it was given and of the pictures that it gave.
    """

    name: str
    host: str = ""
    runtime: str = ""
    model_sha256: str = ""
    ready: bool = False
    pid: int | None = None
    images: int = 0
    restarts: int = 0
    failures: int = 0
    hopeless: bool = False
    full_memory: bool = False
    no_thread: bool = False
    last_failure: str = ""
    latency_s: list[float] = field(default_factory=list)
    work_s: float = 0.05
    usual_latency_s: float = 0.15

    images_per_s: float = 0.0
    through: str = ""
    copies: int = 0
    copied_bytes: int = 0
    _last_s: float = -1e9
    _intervals: int = 0
    _busy_s: float = 0.0

    @property
    def request_lead_s(self) -> float:
        """How long after its request a keyframe is in the middle of its life, usually: the pose to ask it for is the
        one that the camera will have then. Its latency, and half of the time until the next.
        """
        return self.usual_latency_s + 0.5 * self.work_s

    def expect(self, work_s: float) -> None:
        """What a first picture took is what others need until it is known better."""
        self.work_s = max(self.work_s, work_s)
        self.usual_latency_s = max(self.usual_latency_s, work_s)

    def crossed(self, *pictures: Pixels | None) -> None:
        """These were copied on their way to the generator or back."""
        for pixels in pictures:
            if pixels is not None:
                self.copies += 1
                self.copied_bytes += pixels.stored.nbytes

    def note(self, now_s: float, latency_s: float, work_s: float) -> None:
        """An image came: seconds since its request, and of the work alone."""
        interval_s, self._last_s = now_s - self._last_s, now_s
        if interval_s < PAUSE_S:
            self._intervals += 1
            self._busy_s += interval_s
            self.images_per_s = self._intervals / max(self._busy_s, 1e-6)
        self.images += 1
        self.work_s += 0.2 * (work_s - self.work_s)
        self.usual_latency_s += 0.2 * (latency_s - self.usual_latency_s)
        self.latency_s.append(latency_s)
        del self.latency_s[:-4096]

    def words(self, held: bool) -> str:
        """In a few words, for the status line. held: operators want no new pictures."""
        if self.name == "none":
            return "no generator"
        if not self.ready:
            return f"{self.name} stopped: {self.last_failure}" if self.last_failure else f"{self.name} starting"
        return f"{self.name} held" if held else f"{self.name} {self.images_per_s:.1f} images/s"

    def report(self) -> dict[str, Any]:
        """The generator's part of a run's report."""
        return {
            "name": self.name,
            "host": self.host,
            "runtime": self.runtime,
            "images": self.images,
            "images_per_s": round(self.images_per_s, 2),
            "latency_ms": percentiles([1e3 * latency_s for latency_s in self.latency_s]),
            "restarts": self.restarts,
            "crossing": {"through": self.through, "copies": self.copies, "bytes": self.copied_bytes},
        }
