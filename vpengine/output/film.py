"""Film: pictures to an H.264 file, encoded on a thread of its own at lower priority."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.output.codecs import film_codec
from vpengine.output.encoding import Encoding, why
from vpengine.output.video_file import Numbered, VideoFile, encoded_frame

QUEUE_FRAMES = 8  # a full queue makes ``write`` wait: a film made after the run loses no frame


class Film:
    """``write`` a frame at a time, then ``close``. Frames have one size, with even sides (4:2:0).

    Raises UserError where the file cannot be written; an encoder's error, and a disk that does not answer, are raised
    by the next ``write`` or ``close``, once.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, crf: int = 18) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"film of {size[0]} x {size[1]}: both sides must be even")
        if path.exists() and not path.is_file():
            raise UserError(f"film {path}: cannot be written (it is not a file)")
        self.path = path
        self._size, self._codec = size, film_codec(crf)
        try:
            self._video = VideoFile(path, self._codec, size, rate)
        except (OSError, av.FFmpegError) as error:
            raise UserError(f"film {path}: cannot be written ({error})") from error
        self._reported = False
        self._number = 0
        self._encoding: Encoding[Numbered] = Encoding(f"film {path.name}", lambda: self._video, QUEUE_FRAMES)

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """rgb: (height, width, 3) or 4 channels, sRGB-encoded; taken over, and not to be changed afterwards."""
        if rgb.shape[:2] != self._size[::-1] or rgb.dtype != np.uint8:
            raise ValueError(f"film {self.path.name}: {rgb.dtype} {rgb.shape}, expected uint8 of {self._size[::-1]}")
        self._encoding.put(Numbered(self._number, partial(encoded_frame, rgb[..., :3], self._codec)))
        self._number += 1
        self._report()

    def close(self) -> None:
        """Wait until all is encoded, for as long as it goes forward; a second call does nothing.

        Without a frame no file is left: none would play.
        """
        self._encoding.close()
        if not self._number:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._report()

    def __enter__(self) -> Film:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(UserError):  # what ended the work is told, not what followed from it
                self.close()

    def _report(self) -> None:
        error = self._encoding.error
        if error is not None and not self._reported:
            self._reported = True
            raise UserError(f"film {self.path}: encoding stopped ({why(error)})") from error
