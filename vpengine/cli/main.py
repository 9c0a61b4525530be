"""The command line: every command, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine import __version__
from vpengine.cli.bench import bench
from vpengine.cli.calibrate import COMMANDS as CALIBRATE
from vpengine.cli.capture import capture
from vpengine.cli.check import check as check_stages
from vpengine.cli.controls import controls
from vpengine.cli.demo import demo
from vpengine.cli.doctor import doctor
from vpengine.cli.engines import COMMANDS as ENGINES
from vpengine.cli.film import film
from vpengine.cli.look import COMMANDS as LOOKS
from vpengine.cli.models import fetch_model, inspect_model, list_models, prepare_prompts
from vpengine.cli.plate import COMMANDS as PLATES
from vpengine.cli.run import run
from vpengine.cli.signals import INTERRUPTED, ending_in_order
from vpengine.cli.simulate import simulate
from vpengine.cli.simulate_picture import simulate_picture
from vpengine.cli.stages import stages as sample_stages
from vpengine.errors import UserError
from vpengine.files import conflicts, inspected

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
# A disk that is full, fails or may not be written; a film's and a picture's error does not name its file.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Ends quietly where it is stopped: click would say "Aborted!", with the code of a failed check."""

    @functools.wraps(command)
    def stopped(*arguments: Any, **options: Any) -> None:
        try:
            with ending_in_order():
                command(*arguments, **options)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return stopped


for command in (demo, run, film, simulate, simulate_picture, capture, controls, bench, doctor):
    app.command()(stoppable(command))
app.command("stages")(sample_stages)
models = typer.Typer()
models.callback(invoke_without_command=True)(stoppable(list_models))
models.command("inspect")(stoppable(inspect_model))
models.command("fetch")(stoppable(fetch_model))
models.command("prepare")(stoppable(prepare_prompts))
app.add_typer(models, name="models")
GROUPS = {
    "calibrate": (CALIBRATE, "What must be measured: a lens, from photographs of a board; a delay, from a move."),
    "engines": (ENGINES, "Engines for NVIDIA cards: build, list, verify, prune."),
    "look": (LOOKS, "Looks learnt from a production's own stills: train, list, inspect."),
    "plate": (PLATES, "Plates made ready for a show: a photograph with depth, a look baked in."),
}
for group, (commands, help_line) in GROUPS.items():
    typed = typer.Typer(no_args_is_help=True, help=help_line)
    for name, part in commands.items():
        typed.command(name)(stoppable(part))
    app.add_typer(typed, name=group)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A real-time virtual production engine for small crews."""


@app.command()
def check(
    stages: Annotated[list[Path], typer.Argument(help="Stage files.")],
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
) -> None:
    """Validate stage files and their shows: every problem, one line each."""
    raise typer.Exit(check_stages(stages, inspected, conflicts, allow_outside=allow_outside))


def main() -> None:
    """Exit code 0 for done, 1 for a failed check, 2 for a user's error, 130 for what was stopped before it was done."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        app(standalone_mode=True)
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:  # a folder that cannot be written, a full disk
        if error.filename is None and error.errno not in _DISK:
            raise
        typer.echo(f"{error.filename or 'writing'}: {error.strerror}", err=True)
        sys.exit(2)
