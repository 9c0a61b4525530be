"""What people decide on looks: put up, let through, let through once, taken back. By name, of what stands by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

from vpengine.control.approvals import Approvals, Status, approval_of
from vpengine.control.buttons import APPROVE
from vpengine.control.controls import Value
from vpengine.control.gate import Gate
from vpengine.control.triggers import LookTrigger
from vpengine.errors import UserError
from vpengine.frames.look import Look

log = logging.getLogger(__name__)


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def decide(
    gate: Gate,
    trigger: LookTrigger,
    look: Look | None,
    defaults: Mapping[str, Value],
    date: Callable[[], str],
    approvers: Collection[str],
) -> None:
    """As ``decided``; the gate has it from then on, and the machine's terminal says it. Raises UserError."""
    approvals = decided(gate.approvals, trigger, look, defaults, gate.model_sha256, date, approvers)
    for words in told(gate.approvals, approvals):
        log.warning("%s", words)
    gate.decide(approvals)


def told(before: Approvals | None, after: Approvals) -> Iterator[str]:
    """What has become of looks, in words, for who sits at the machine: an approval may be wider than what was seen."""
    known = {one.name: one for one in before.each} if before is not None else {}
    for one in (one for one in after.each if one != known.get(one.name)):
        was = known.get(one.name)
        if was is not None and was.lets_through and not one.lets_through:
            yield f"the look {one.name!r} is not approved any more, with all that it covered: {one.by} took that back"
        elif one.lets_through:
            yield f"the look {one.name!r} is {one.status}, by {one.by}"
        else:
            yield f"the look {one.name!r} is a candidate"


def decided(
    approvals: Approvals | None,
    trigger: LookTrigger,
    look: Look | None,
    defaults: Mapping[str, Value],
    model_sha256: str,
    date: Callable[[], str],
    approvers: Collection[str] = (),
) -> Approvals:
    """The approvals after a person has decided on ``look``, the preview's. defaults: of its generator's controls, by
    name. approvers: who may decide; nobody in it, and everybody may. Raises UserError where it cannot be.
    """
    if approvals is None:
        raise UserError("the show's gate is off: every look may be shown")
    if look is None or look.plain:
        raise UserError("there is nothing in the preview to decide on; put a scene or a cue there")
    who, at = trigger.text.strip(), date()
    if trigger.action != "candidate" and not who:
        raise UserError(f"who decides? send a name with {APPROVE}")
    if trigger.action != "candidate" and approvers:
        who = _as_named(who, approvers)
    if trigger.action == "revoke":
        return approvals.revoke(look, who, at)
    name = approvals.free_name(who if trigger.action == "candidate" and who else "look")
    candidate = approval_of(name, look, defaults, model_sha256)
    if trigger.action == "candidate":
        return approvals.put(candidate)
    status: Status = "approved" if trigger.action == "approve" else "temporary"
    return approvals.decide(candidate, status, who, at)


def _as_named(who: str, approvers: Collection[str]) -> str:
    """As the show spells a name. Raises UserError for one that it has not."""
    known = {name.casefold(): name for name in approvers}
    if who.casefold() not in known:
        raise UserError(f"{who!r} may not decide on looks of this show; {' or '.join(approvers)} may")
    return known[who.casefold()]
