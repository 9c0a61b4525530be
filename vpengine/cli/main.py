"""The command line: every command, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import functools
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vpengine import __version__
from vpengine.cli.signals import INTERRUPTED, ending_in_order
from vpengine.errors import UserError
from vpengine.plugins import load_plugin

COMMANDS = {
    "demo": "vpengine.cli.demo:demo",
    "run": "vpengine.cli.run:run",
    "film": "vpengine.cli.film:film",
    "simulate": "vpengine.cli.simulate:simulate",
    "simulate-picture": "vpengine.cli.simulate_picture:simulate_picture",
    "capture": "vpengine.cli.capture:capture",
    "controls": "vpengine.cli.controls:controls",
    "bench": "vpengine.cli.bench:bench",
    "doctor": "vpengine.cli.doctor:doctor",
    "stages": "vpengine.cli.stages:stages",
    "check": "vpengine.cli.check:check",
}
GROUPS = {  # in COMMANDS of theirs "" is the command that is meant where none is named
    "models": (
        "vpengine.cli.models:COMMANDS",
        "List the diffusion models on this machine; or inspect, fetch or prepare one.",
    ),
    "calibrate": (
        "vpengine.cli.calibrate:COMMANDS",
        "What must be measured: a lens, from photographs of a board; a delay, from a move.",
    ),
    "engines": ("vpengine.cli.engines:COMMANDS", "Engines for NVIDIA cards: build, list, verify, prune."),
    "look": ("vpengine.cli.look:COMMANDS", "Looks learnt from a production's own stills: train, list, inspect."),
    "plate": (
        "vpengine.cli.plate:COMMANDS",
        "Plates made ready for a show: a photograph with depth, a look baked in.",
    ),
}
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


def _loaded(name: str) -> Any:
    """A command, or a group of them, with all that it needs imported."""
    if name in COMMANDS:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(stoppable(load_plugin(COMMANDS[name])))
        return typer.main.get_command(single)
    target, help_line = GROUPS[name]
    commands = dict(load_plugin(target))
    usual = commands.pop("", None)
    group = typer.Typer(
        name=name,
        help=help_line,
        no_args_is_help=usual is None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    if usual is not None:
        group.callback(invoke_without_command=True)(stoppable(usual))
    for part, command in commands.items():
        group.command(part)(stoppable(command))
    return typer.main.get_command(group)


class OnDemand(TyperGroup):
    """Imports a command when it is called: the short ones need half of what all of them together import."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return [*COMMANDS, *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = self.list_commands(ctx)
        for name in [cmd_name] if cmd_name in known else known:  # all, for the suggestion of one that is like it
            if name not in self.commands:
                self.commands[name] = _loaded(name)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(cls=OnDemand, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


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
