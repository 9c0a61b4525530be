"""The card of a trained look: what it was learnt from, how, and what it does to views that it was not learnt on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vpengine.neural.look_samples import PARTS, SCALES
from vpengine.neural.look_training import Measured

_STOP = 1.0 / 17.52  # of ACEScct


def look_card(
    name: str,
    sha256: str,
    date: str,
    settings: Mapping[str, object],
    references: Sequence[tuple[str, str]],
    of: Measured,
) -> str:
    """references: names of files and their sha256."""
    lines = [
        f"# Look `{name}`",
        "",
        f"Learnt from {len(references)} reference{'s' if len(references) != 1 else ''} on {date}: "
        f"{of.color_moved:.0%} of the way in colour, {of.contrast_moved:.0%} in contrast, {of.moved:.0%} together; "
        f"edges kept {of.edges:.2f} (F1).",
        "",
        f"- sha256 of the look: `{sha256}`",
        *(f"- {what}: {value}" for what, value in settings.items()),
        "- It holds curves and matrices, and no pixels. Whoever trained it answers for the right to its references.",
        "",
        "## References",
        "",
        "| file | sha256 |",
        "|---|---|",
        *(f"| {file} | `{digest}` |" for file, digest in references),
        "",
        "## Statistics",
        "",
        "Of views that it was not learnt on, in stops: mean of red, green, blue; contrast (standard deviation of "
        f"luminance); local contrast at {', '.join(f'1/{1 / scale:.0f}' for scale in SCALES)} of the width.",
        "",
        "| part | | red | green | blue | contrast | local | | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for number, part in enumerate(PARTS):
        for when, found in (("before", of.before), ("after", of.after), ("reference", of.reference)):
            means = found.color[number, :3] / _STOP - 9.72
            values = [*means, *found.contrast[number] / _STOP]
            lines.append(f"| {part} | {when} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return "\n".join(lines) + "\n"


def headline(card: str) -> str:
    """The card's sentence for a list."""
    return next((line for line in card.splitlines() if line.startswith("Learnt from")), "its card says nothing")
