"""``vpengine look``: looks learnt from a production's own stills, and what there are."""

from __future__ import annotations

import datetime
import hashlib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from vpengine import __version__
from vpengine.cli.bar import progress_bar
from vpengine.cli.look_pictures import Reference, plates_of, read_references, street_plates
from vpengine.errors import UserError
from vpengine.neural.generator import Plate
from vpengine.neural.look_card import headline, look_card
from vpengine.neural.look_file import (
    card_of,
    find_look,
    look_bytes,
    looks_folder,
    looks_there,
    new_look,
    read_look,
    write_look,
)
from vpengine.neural.look_training import train_look


def train(
    reference: Annotated[list[Path], typer.Option(help="A folder of stills and panoramas, or one; may be repeated.")],
    name: Annotated[str, typer.Option(help="What the look is called.")],
    plate: Annotated[
        list[Path] | None, typer.Option(help="A show file or a picture that it is for; by default the street.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the pixels that are looked at.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a look of that name.")] = False,
) -> None:
    """Learn a look from a production's own stills: seconds, on a CPU. generator = "look" then shows it."""
    path = new_look(name)
    if path.exists() and not force:
        raise UserError(f"{path}: there already; choose another --name, or replace it with --force")
    references, plates = _read(reference, plate or [])
    trained = train_look(plates, [picture for each in references for picture in each.pictures], seed)
    settings = {
        "plates": shlex.join(each.name for each in plate) if plate else "the street",
        "seed": seed,
        "made by": f"vpengine {__version__}",
    }
    digest = hashlib.sha256(look_bytes(trained.transform)).hexdigest()
    names = [(each.name, each.sha256) for each in references]
    card = look_card(name, digest, datetime.date.today().isoformat(), settings, names, trained.measured)
    write_look(path, trained.transform, card)
    typer.echo(f"{path}\n{headline(card)}")
    typer.echo(f'in a stage file: [neural] generator = "look", look = "{name}"')


def _read(reference: list[Path], plate: list[Path]) -> tuple[list[Reference], list[Plate]]:
    with progress_bar() as bar:
        task = bar.add_task("references", total=None)
        references = read_references(reference, lambda name: bar.update(task, description=name))
        bar.update(task, description="plates")
        return references, [view for path in plate for view in plates_of(path)] if plate else street_plates()


def list_looks() -> None:
    """List the looks in the looks folder, and how near each comes to what it was learnt from."""
    there = looks_there()
    for path in there:
        try:
            read_look(path)
        except UserError as error:
            typer.echo(f"{path.stem}: cannot be used: {error}")
            continue
        typer.echo(f"{path.stem}: {headline(_card(path))}")
    more = "vpengine look inspect NAME tells more" if there else "vpengine look train makes one"
    typer.echo(f"{len(there)} looks in {looks_folder()}; {more}")


def inspect_look(name: Annotated[str, typer.Argument(help="A name in the looks folder, or a path.")]) -> None:
    """Show a look's card; exit code 2 where the look cannot be used."""
    path = find_look(name)
    read_look(path)
    digest, card = hashlib.sha256(path.read_bytes()).hexdigest(), _card(path)
    typer.echo(f"{path}\nsha256 {digest}")
    if card and digest not in card:
        typer.echo(f"{card_of(path)} is of other numbers than these: the look was changed after it was written")
    typer.echo(card or f"no card: {card_of(path)} is missing, and nobody knows what it was learnt from")


def _card(look: Path) -> str:
    try:
        return card_of(look).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


COMMANDS: dict[str, Callable[..., None]] = {"train": train, "list": list_looks, "inspect": inspect_look}
