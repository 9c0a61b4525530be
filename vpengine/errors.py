"""Every error a user can cause: where it is, what was found, what is allowed or what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


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
