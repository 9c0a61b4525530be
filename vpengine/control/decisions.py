"""What people decide on looks: put up, let through, let through once, taken back. By name, of what stands by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from vpengine.control.approvals import Approvals, Status, approval_of
from vpengine.control.buttons import APPROVE
from vpengine.control.controls import Value
from vpengine.control.triggers import LookTrigger
from vpengine.errors import UserError
from vpengine.frames.look import Look


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


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
    return approvals.decide(look, candidate, status, who, at)


def _as_named(who: str, approvers: Collection[str]) -> str:
    """As the show spells a name. Raises UserError for one that it has not."""
    known = {name.casefold(): name for name in approvers}
    if who.casefold() not in known:
        raise UserError(f"{who!r} may not decide on looks of this show; {' or '.join(approvers)} may")
    return known[who.casefold()]
