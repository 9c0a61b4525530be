"""The bar of a film that is being made: nobody waits for the terminal that it is drawn on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vpengine.cli.streams import Unheld

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Gone when it is done."""
    out = Unheld(sys.stdout)
    try:
        console = Console(file=cast(IO[str], out))
        with Progress(*_COLUMNS, console=console, transient=True, refresh_per_second=4) as bar:
            yield bar
    finally:
        out.close()
