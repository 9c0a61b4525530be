"""The gate: asked once a frame which look the program may have, and which generated keyframes may reach which bus."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vpengine.control.approvals import Approvals, Range, is_between, limited, ranges_between
from vpengine.frames.feed import PROGRAM
from vpengine.frames.keyframe import Keyframe, MadeOf
from vpengine.frames.look import STRANGE, Look

MOST_ANSWERS = 256  # of looks that were asked about: the same ones in every frame, but for a fade's
REMEMBERED = 1024  # looks that were let through, of which pictures may be under way: forty seconds of a fade
MADE = "made before"  # instead of a model: it was let through as a bake, whose pictures name their own

Way = tuple[Look, Look]  # from where a fade comes, to where it goes


def cure(approvers: Collection[str]) -> str:
    """What a refusal says is to be done, and by whom."""
    who = f"{' or '.join(approvers)} may approve" if approvers else "approve"
    return f"show it in the preview (/vp/preview/look/...) and {who} it there (/vp/approve and a name)"


@dataclass(frozen=True)
class Passed:
    """The look that the program has in a frame. closed: nothing that is generated may be shown. why: what is against
    the look that was wanted; empty where it was let through.
    """

    look: Look
    closed: bool = False
    why: str = ""


@dataclass(frozen=True)
class _LetThrough:
    """With which model, or MADE; and on which way, where it was not approved by itself."""

    model_sha256: str
    way: Way | None = None


class Gate:
    """Lets through what a person approved, what lies on the way between two such looks, and the plate.

    approvals: None where a show has turned the gate off, and everything passes. The epoch rises with generator, prompts
    and seed, and with the safe picture.
    """

    def __init__(self, approvals: Approvals | None = None) -> None:
        self.epoch = 0
        self.discarded = 0
        self.model_sha256 = ""  # of what makes pictures now
        self._approvals = approvals
        self._followed: tuple[Look, bool] | None = None
        self._last: Look | None = None  # that was let through
        self._let_through: dict[Look, _LetThrough] = {}  # the newest last
        self._answers: dict[tuple[Look, str], str] = {}  # why not, by look and model; there may be many approvals

    @property
    def approvals(self) -> Approvals | None:
        return self._approvals

    def turn(self, approvals: Approvals | None) -> None:
        """On, with what was approved, or off (None). What was shown with none has to be approved (``barred``)."""
        self._let_through.clear()
        self._answers.clear()
        self._approvals, self._last = approvals, None

    def decide(self, approvals: Approvals) -> None:
        """Others from now on. Where some were taken back, what was let through has to be again, alone or on its way."""
        before, self._approvals = self._approvals, approvals
        self._answers.clear()
        if before is not None and approvals.still_covers(before):
            return
        asked, self._let_through = self._let_through, {}
        for look, let in asked.items():  # the oldest first: where a fade was interrupted, another one begins
            if let.model_sha256 in (self.model_sha256, MADE) and self._lets_again(look, let):
                self._let_through[look] = let

    def _lets_again(self, look: Look, let: _LetThrough) -> bool:
        alone = not self.why_not(look, is_made=let.model_sha256 == MADE)
        return alone or (let.way is not None and self._may_fade(*let.way))

    def why_not(self, look: Look, is_made: bool = False) -> str:
        """Why a look that rests may not be on the program, in words; empty where it may."""
        model_sha256 = "" if is_made else self.model_sha256
        if self._approvals is None or look.plain:
            return ""
        asked = look, model_sha256
        if asked not in self._answers:
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            covered = self._approvals.covering(look, model_sha256) is not None
            self._answers[asked] = "" if covered else self._approvals.why_not(look, model_sha256)
        return self._answers[asked]

    def choose(
        self, wanted: Look, way: Way | None, plain: Look, is_made: bool = False, calm: Look | None = None
    ) -> Passed:
        """What the program has: what is wanted, or else the last that it had and may have, or else the plate.

        way: where a fade comes from and goes to. plain: a look that leaves the plate as it is. is_made: its pictures
        are there, whatever makes pictures now; who made them is asked of each. calm: what is wanted, without what
        drifts by itself: drift ends where what may be shown does.
        """
        drifts = calm is not None and calm != wanted and self._let(calm, way, is_made) is not None
        passed = self._let(wanted, way, is_made)
        if passed is None and calm is not None and drifts:
            passed = self._let(self._kept_in(wanted, calm, way), way, is_made)
        if passed is not None:
            return passed
        why, last = self.why_not(wanted, is_made=is_made), self._last
        if last is not None and last.generator == wanted.generator and not self.why_not(last):
            return Passed(self._pass(last, self.model_sha256).look, why=why)
        return Passed(plain, closed=True, why=why)

    def _let(self, look: Look, way: Way | None, is_made: bool) -> Passed | None:
        """By itself, or on its way; None where it may not be shown."""
        if not self.why_not(look, is_made=is_made):
            return self._pass(look, MADE if is_made else self.model_sha256)
        if way is not None and is_between(look, *way) and self._may_fade(*way):
            begins = look == way[0] and self._let_with(look) == MADE  # nothing else was ever let through of it
            return self._pass(look, MADE if begins else self.model_sha256, way)
        return None

    def _kept_in(self, drifting: Look, calm: Look, way: Way | None) -> Look:
        """A look that drifts as far as what covers it ``calm``, or the way that it is on."""
        covering = self._approvals.covering(calm, self.model_sha256) if self._approvals is not None else None
        ranges: Mapping[str, Range] = {}
        if covering is not None:
            ranges = dict(covering.ranges)
        elif way is not None and is_between(calm, *way):
            ranges = ranges_between(*way)
        return limited(drifting, ranges)

    def _may_fade(self, start: Look, end: Look) -> bool:
        """To what may be shown by itself; and from such, or from where another fade was interrupted."""
        came_from = self._let_with(start) in (self.model_sha256, MADE) or not self.why_not(start)
        return came_from and not self.why_not(end)

    def _let_with(self, look: Look) -> str | None:
        let = self._let_through.get(look)
        return None if let is None else let.model_sha256

    def _pass(self, look: Look, model_sha256: str, way: Way | None = None) -> Passed:
        self._last = look
        self._let_through.pop(look, None)
        self._let_through[look] = _LetThrough(model_sha256, way)
        if len(self._let_through) > REMEMBERED:  # but for where the way begins, however long that is
            oldest = next(each for each in self._let_through if way is None or each != way[0])
            del self._let_through[oldest]
        return Passed(look)

    def follow(self, look: Look, safe: bool = False) -> int:
        """The epoch for what PROGRAM asks for now. A prompt that travels to another one leaves no picture behind."""
        before, self._followed = self._followed, (look, safe)
        if before is not None and (safe != before[1] or _is_another(before[0], look)):
            self.epoch += 1
        return self.epoch

    def admit(self, keyframes: Iterable[Keyframe], held: bool = False) -> tuple[Keyframe, ...]:
        """Those that may be shown. held: the pictures on the walls stay, also where newer ones were under way."""
        candidates = tuple(keyframes)
        admitted = tuple(
            keyframe
            for keyframe in candidates
            if not held and keyframe.request.epoch == self.epoch and self._may_show(keyframe)
        )
        self.discarded += len(candidates) - len(admitted)
        return admitted

    def _may_show(self, keyframe: Keyframe) -> bool:
        """Whoever asked for it: of a look that the program had, with the model that it had it with, or may have.

        A face of a surround is there for when its location comes on to the program, whoever it was asked for.
        """
        request = keyframe.request
        is_for_program = request.bus == PROGRAM or request.face is not None
        return not is_for_program or self._may_stay(*keyframe.made_of)

    def _may_stay(self, look: Look, model_sha256: str) -> bool:
        """A picture of a look that a model made, on the program."""
        if self._approvals is None or look.plain or self._let_with(look) == model_sha256:
            return True
        covering = self._approvals.covering(look, model_sha256)
        return covering is not None and covering.model_sha256 in ("", model_sha256)

    def barred(self, kept: Iterable[MadeOf]) -> frozenset[Look]:
        """The looks of pictures that were let through once and may not be shown any more."""
        return frozenset(look for look, model_sha256 in kept if not self._may_stay(look, model_sha256))


def _is_another(before: Look, look: Look) -> bool:
    same = (before.generator, before.seed) == (look.generator, look.seed)
    return not same or before.text_distance(look) >= STRANGE
