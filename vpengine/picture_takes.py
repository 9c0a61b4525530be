"""What cameras send while a take rolls, kept as it came: a recorder for each [[capture]], from ROLL to CUT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vpengine.capture.reader import Reader
from vpengine.capture.ring import Tap
from vpengine.control.takes import TakeName
from vpengine.output.picture_recorder import PictureRecorder

MOST_WAITING = 48  # pictures, two seconds of most cameras'; of large ones fewer, as the tap is bounded by bytes too


@dataclass(frozen=True)
class _Rolling:
    reader: Reader
    tap: Tap
    recorder: PictureRecorder


class PictureTakes:
    """``note`` once a frame. Whatever goes wrong is a recorder's, which says so; the show goes on.

    folder_of: where a take lies, in any thread; None where it could not be made.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        rate: Fraction,
        folder_of: Callable[[TakeName], Path | None],
    ) -> None:
        """readers: those whose pictures are kept, by camera. rate: the stage's, where a source says none."""
        self._readers = dict(readers)
        self._rate, self._folder_of = rate, folder_of
        self._take: TakeName | None = None
        self._rolling: list[_Rolling] = []
        self._ended: list[PictureRecorder] = []

    def note(self, take: TakeName | None) -> None:
        """The take that rolls in this frame; another object is another take."""
        if take is self._take:
            return
        self._end_all()
        self._take = take
        if take is not None:
            self._rolling = [self._begin(camera, reader, take) for camera, reader in self._readers.items()]

    def _begin(self, camera: str, reader: Reader, take: TakeName) -> _Rolling:
        tap = reader.ring.tap(MOST_WAITING)

        def stem() -> Path | None:
            folder = self._folder_of(take)
            return folder / f"picture-{camera}" if folder is not None else None

        recorder = PictureRecorder(tap, stem, self._rate, f"picture:{camera}", lambda: reader.said_rate)
        return _Rolling(reader, tap, recorder)

    def _end_all(self) -> None:
        for one in self._rolling:
            one.reader.ring.untap(one.tap)
            one.recorder.end()
            self._ended.append(one.recorder)
        self._rolling = []

    def end(self) -> None:
        """As ``output.Finishing`` has it."""
        self.note(None)

    def wait(self) -> None:
        for recorder in self._ended:
            recorder.wait()

    def report(self) -> list[dict[str, object]]:
        running = [one.recorder for one in self._rolling]
        return [row for recorder in (*self._ended, *running) for row in recorder.report()]
