"""Every error a user can cause: where it is, what was found, what is allowed or what to do."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

_PORT_CURES = {
    errno.EADDRINUSE: "the port is in use by another program; close it, or choose another port",
    errno.EACCES: "this port is not allowed; choose one above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address; use 127.0.0.1, 0.0.0.0 or one of its own",
    errno.ENODEV: "no network card with this address can receive multicast; use the address of the tracker's network",
}


class UserError(Exception):
    """A mistake a user can mend. Its text is one sentence, shown once, without a traceback; exit code 2."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: ``file: key: found … (allowed …)``."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class ProblemsError(UserError):
    """All the problems of one or more files, reported at once, one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'arc'?`` or the list of what is allowed."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (allowed: {', '.join(names)})"


def cure_for_port(error: OSError) -> str:
    """What is wrong, and what to do, where a socket cannot receive on an address and port."""
    return _PORT_CURES.get(error.errno or 0, str(error))


def printable(text: str) -> str:
    """On one line, at most 200 letters: what a damaged file says may have bytes that no terminal prints."""
    line = (text.strip().splitlines() or [""])[0]
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:200]


class Teller(Protocol):
    """OpenImageIO, or one of its files."""

    def geterror(self) -> str: ...


def told_by(teller: Teller) -> str:
    """What it says is wrong; "the file is damaged" where it says nothing, or what is no text."""
    try:
        return printable(teller.geterror()) or "the file is damaged"
    except UnicodeDecodeError:  # bytes of the file, quoted
        return "the file is damaged"
