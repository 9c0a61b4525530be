"""Approvals: which looks a person has let on to the program, and what of each. Pure state.

A look is more than its faders: generator, model, texts, seed, and a range for every number. Nothing is kept of a draft,
which is what no approval covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from vpengine.control.controls import Value
from vpengine.errors import UserError
from vpengine.frames.look import Look

Status = Literal["candidate", "approved", "temporary"]
Range = tuple[float, float]
MOST_APPROVALS = 1000
_ROUNDING = 1e-6  # of a value that has been to a file and back


@dataclass(frozen=True)
class Approval:
    """texts, ranges: of the generator's controls, by name; a switch is a range of 0 or 1. seed: None for any.

    model_sha256: "" for any. by, at: who decided, and when (ISO 8601), of what is no candidate any more. temporary: it
    ends with the run.
    """

    name: str
    generator: str
    texts: tuple[tuple[str, str], ...] = ()
    ranges: tuple[tuple[str, Range], ...] = ()
    seed: int | None = None
    model_sha256: str = ""
    status: Status = "candidate"
    by: str = ""
    at: str = ""

    @property
    def lets_through(self) -> bool:
        return self.status != "candidate"

    def is_as(self, other: Approval) -> bool:
        """Whether it covers just what ``other`` does."""
        ours, theirs = dict(self.ranges), dict(other.ranges)
        rest = [(one.generator, one.texts, one.seed, one.model_sha256) for one in (self, other)]
        return (
            rest[0] == rest[1]
            and ours.keys() == theirs.keys()
            and all(abs(a - b) <= _ROUNDING for name in ours for a, b in zip(ours[name], theirs[name], strict=True))
        )

    def why_not(self, look: Look, model_sha256: str = "") -> str:
        """What of a look it does not cover, in words; empty where it covers all. A blend of texts is no text of it.

        model_sha256: what would make it, "" where that is not known.
        """
        return next(self.misses(look, model_sha256), "")

    def misses(self, look: Look, model_sha256: str = "") -> Iterator[str]:
        """All that it does not cover, in words."""
        if look.generator != self.generator:
            yield f"it is for the generator {self.generator}"
            return
        if self.model_sha256 and model_sha256 and model_sha256 != self.model_sha256:
            yield "it was approved with another model"
        if self.seed is not None and look.seed != self.seed:
            yield f"seed {look.seed} is not {self.seed}"
        texts, ranges = dict(self.texts), dict(self.ranges)
        for name, value in look.values:
            if isinstance(value, str):
                if look.shares(name) != ((texts.get(name, ""), 1.0),):
                    yield f"{name} is another text"
                continue
            low, high = ranges.get(name, (0.0, 0.0))
            if not low - _ROUNDING <= float(value) <= high + _ROUNDING:
                yield f"{name} {float(value):g} is outside {low:g} to {high:g}"


def approval_of(name: str, look: Look, defaults: Mapping[str, Value], model_sha256: str = "") -> Approval:
    """A candidate of exactly this look, and of what of it is weaker: each number from its default on.

    Raises UserError for a look whose text is changing.
    """
    if look.blends:
        raise UserError("the look is changing from one text to another; wait until it rests")
    ranges = []
    for value_name, value in look.values:
        if not isinstance(value, str):
            ends = float(value), float(defaults.get(value_name, value))
            ranges.append((value_name, (min(ends), max(ends))))
    texts = tuple((value_name, value) for value_name, value in look.values if isinstance(value, str))
    return Approval(name, look.generator, texts, tuple(ranges), look.seed, model_sha256)


@dataclass(frozen=True)
class Approvals:
    """All that were decided, the newest last."""

    each: tuple[Approval, ...] = ()

    def covering(self, look: Look, model_sha256: str = "") -> Approval | None:
        """The newest that lets a look through."""
        open_ = (one for one in reversed(self.each) if one.lets_through)
        return next((one for one in open_ if not one.why_not(look, model_sha256)), None)

    def why_not(self, look: Look, model_sha256: str = "") -> str:
        """Why none lets a look through, in words: of the one that is nearest to it, of several the newest."""
        same = [one for one in self.each if one.lets_through and one.generator == look.generator]
        if not same:
            waiting = any(not one.lets_through and not one.why_not(look) for one in self.each)
            return "it is a candidate, and nobody has approved it" if waiting else "nobody has approved it"
        nearest = min(reversed(same), key=lambda one: len(list(one.misses(look, model_sha256))))
        by = f", approved by {nearest.by}" if nearest.by else ""
        return f"{nearest.why_not(look, model_sha256)} (the look {nearest.name!r}{by})"

    def still_covers(self, before: Approvals) -> bool:
        """Whether every approval of ``before`` that lets looks through is here as it was."""
        return {one for one in before.each if one.lets_through} <= set(self.each)

    def put(self, approval: Approval) -> Approvals:
        """In place of the one with its name. Raises UserError where there are MOST_APPROVALS."""
        others = tuple(one for one in self.each if one.name != approval.name)
        if len(others) >= MOST_APPROVALS:
            raise UserError(f"there are {MOST_APPROVALS} looks already; delete some from the show's looks")
        return Approvals((*others, approval))

    def decide(self, candidate: Approval, status: Status, by: str, at: str) -> Approvals:
        """A person lets a look through, and what of it is weaker: as the candidate that says just that, or a new one.
        One that covers more, because it was taken back or was for one run, stays what it is.
        """
        known = next((one for one in reversed(self.each) if not one.lets_through and one.is_as(candidate)), candidate)
        return self.put(replace(known, status=status, by=by, at=at))

    def revoke(self, look: Look, by: str, at: str) -> Approvals:
        """All that let a look through are candidates again. Raises UserError where none does."""
        if self.covering(look) is None:
            raise UserError("the look is not approved; there is nothing to take back")
        return Approvals(
            tuple(
                replace(one, status="candidate", by=by, at=at) if one.lets_through and not one.why_not(look) else one
                for one in self.each
            )
        )

    def lasting(self) -> Approvals:
        """Those that outlive a run: a temporary one is a candidate in the next."""
        return Approvals(
            tuple(replace(one, status="candidate") if one.status == "temporary" else one for one in self.each)
        )

    def free_name(self, wanted: str) -> str:
        """``wanted``, or a numbered one where it is taken."""
        names = {one.name for one in self.each}
        numbered = (wanted if number == 1 else f"{wanted} {number}" for number in range(1, len(names) + 2))
        return next(name for name in numbered if name not in names)


def is_between(look: Look, start: Look, end: Look) -> bool:
    """Whether a look lies on the way from one to another of one generator and seed: every number between theirs, every
    text one of theirs.
    """
    if len({(each.generator, each.seed) for each in (look, start, end)}) != 1:
        return False
    first, last = dict(start.values), dict(end.values)
    if {name for name, _ in look.values} != first.keys() or first.keys() != last.keys():
        return False
    ranges = ranges_between(start, end)
    for name, value in look.values:
        if isinstance(value, str):
            texts = {text for each in (start, end) for text, _ in each.shares(name)}
            if not {text for text, share in look.shares(name) if share > 0.0} <= texts:
                return False
        else:
            low, high = ranges[name]
            if not low - _ROUNDING <= float(value) <= high + _ROUNDING:
                return False
    return True


def ranges_between(start: Look, end: Look) -> dict[str, Range]:
    """Where the numbers lie on the way from one look to another that has the same ones, by name."""
    last = dict(end.values)
    pairs = {
        name: sorted((float(value), float(last[name]))) for name, value in start.values if not isinstance(value, str)
    }
    return {name: (low, high) for name, (low, high) in pairs.items()}


def limited(look: Look, ranges: Mapping[str, Range]) -> Look:
    """With every fader as near to where it is as it may be. ranges: by name."""
    values = dict(look.values)
    for name, (low, high) in ranges.items():
        value = values.get(name)
        if isinstance(value, float):
            values[name] = min(max(value, low), high)
    return replace(look, values=tuple(values.items()))
