"""What TensorRT for RTX compiled of an engine on the card that is here: kept beside the engine, for the next start.

    folder/KEY.CARD.jit    KEY: the engine's; CARD: a hash of engine, card, driver and library

It is a convenience: what is damaged, or not for this card after all, is compiled anew and written over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vpengine.neural.cache_files import canonical, sha256
from vpengine.stage.whole_file import write_whole

log = logging.getLogger(__name__)

SCHEMA = 1  # rises with what a key or a file is made of
SUFFIX = ".jit"
_LONGEST_HEAD = 4096  # bytes
_DIGITS = 16  # of a key in a file's name; all of it is in the file


@dataclass(frozen=True)
class JitSpec:
    """All that the compiled depends on. card: NVIDIA's name of it. library: its flavour and full version."""

    engine_sha256: str
    card: str
    driver: str
    library: str

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        return sha256(canonical({"schema": SCHEMA, **asdict(self)}))


class JitFile:
    """Of one engine on one card, in a cache's folder. A line of JSON, and then TensorRT's bytes."""

    def __init__(self, folder: Path, engine_key: str, spec: JitSpec, what: str) -> None:
        """what: names the engine in sentences."""
        self._spec, self._what = spec, what
        self.path = folder / f"{engine_key}.{spec.key[:_DIGITS]}{SUFFIX}"

    def read(self) -> bytes | None:
        """None where there is none, or it is damaged, which is said; then it is written anew."""
        try:
            head, _, data = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(f"cannot be read ({error.strerror})")
            return None
        if _head(head) != self._head(data):
            self._say("is damaged")
            return None
        return data

    def refuse(self) -> None:
        """TensorRT takes it for another card's or driver's, whatever the key says: that is said."""
        self._say("is not for this card and driver")

    def write(self, data: bytes) -> None:
        """Whole or not at all, and what another driver of this card had is taken away; where it cannot be, it is said,
        and the next start compiles again.
        """
        try:
            write_whole(self.path, canonical(self._head(data)) + b"\n" + data)
            for other in jit_files(self.path.parent, engine_of(self.path)):
                if other != self.path and self._is_this_card_s(other):
                    other.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: what was compiled of it cannot be kept (%s).", self._what, error.strerror)

    def _head(self, data: bytes) -> dict[str, Any]:
        return {"key": self._spec.key, "card": self._spec.card, "sha256": sha256(data), "size": len(data)}

    def _is_this_card_s(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                head = _head(file.readline(_LONGEST_HEAD))
        except FileNotFoundError:  # another process took it away meanwhile
            return False
        return head is not None and head.get("card") == self._spec.card

    def _say(self, problem: str) -> None:
        log.warning("%s: what was compiled of it before %s; it is compiled anew.", self._what, problem)


def jit_files(folder: Path, engine_key: str = "*") -> list[Path]:
    """Of an engine, or of all."""
    return sorted(folder.glob(f"{engine_key}.*{SUFFIX}"))


def engine_of(path: Path) -> str:
    """The key of the engine that a file is of."""
    return path.name.partition(".")[0]


def _head(line: bytes) -> Mapping[str, Any] | None:
    try:
        head = json.loads(line)
    except ValueError:
        return None
    return head if isinstance(head, dict) else None
