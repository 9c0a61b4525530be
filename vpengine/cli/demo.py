"""``vpengine demo``: the demo stage with a simulated tracker, then its films, report and one table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from vpengine.app import App, RunOptions
from vpengine.cli.bar import progress_bar
from vpengine.cli.demo_green_screen import FILM, SHEET, film_green_screen
from vpengine.cli.film import make_films, read_take
from vpengine.cli.outputs import folder_for
from vpengine.cli.signals import deaf_to_hangup
from vpengine.cli.simulate import DEMO_SECONDS
from vpengine.compose.governor import FULL_RUNG
from vpengine.stage.shipped import stage_folder
from vpengine.takes.log import count_frames
from vpengine.takes.report import late_percent, write_report


def demo(
    out: Annotated[Path, typer.Option(help="Where films, report and contact sheet go.")] = Path("out/demo"),
    headless: Annotated[bool, typer.Option(help="No windows, even where there is a display.")] = False,
    films: Annotated[bool, typer.Option(help="Render the films after the run.")] = True,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long it runs.")] = DEMO_SECONDS,
    green_screen: Annotated[bool, typer.Option(help="The second part: an actor before a green screen.")] = True,
) -> None:
    """Twenty seconds on a small LED volume: a street, evening, snow, a clip; then eight before a green screen."""
    out = folder_for("--out", out, (), force=True)
    take = out / "take"
    shutil.rmtree(take, ignore_errors=True)
    take.mkdir()
    stage = stage_folder() / "led_volume.toml"
    options = RunOptions(stage, headless=headless or not has_display(), log_folder=take, remember=False)
    with progress_bar() as bar:
        report = run_stage(options, seconds, bar)
        write_report(out / "report.json", report)
        if films and report["frames"]:
            task = bar.add_task("filming", total=count_frames(take))
            with deaf_to_hangup():
                make_films(take, read_take(take), out, lambda: bar.advance(task))
        keyed = film_green_screen(out, options.headless, bar) if films and green_screen else None
    if report["frames"]:
        print_table(report, out, films)
    if keyed is not None:
        print_green_screen(keyed, out)


def has_display() -> bool:
    """Windows and macOS always have one; elsewhere an X or Wayland server says so."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run_stage(options: RunOptions, seconds: float, bar: Progress) -> dict[str, Any]:
    """Run the stage with the simulated tracker beside it, in a process of its own, sending real UDP."""
    start_s = time.monotonic()
    with App(options) as app:
        app.wait_until_ready()
        first_picture_s = time.monotonic() - start_s
        task = bar.add_task("on stage", total=seconds)
        tracker = subprocess.Popen(
            [sys.executable, "-m", "vpengine", "simulate", "demo", "--cues"], stdout=subprocess.PIPE
        )
        assert tracker.stdout is not None
        try:
            tracker.stdout.readline()  # it says that it begins: the run and its move begin together
            app.run(seconds, lambda ran_s: bar.update(task, completed=ran_s))
        finally:
            tracker.terminate()
            tracker.wait()
        return {**app.report(), "start_s": round(first_picture_s, 2)}


def print_green_screen(report: dict[str, Any], out: Path) -> None:
    interval, recordings = report["interval_ms"], report["recordings"]
    table = Table("what", "figure", title="vpengine demo, green screen")
    table.add_row(
        "frames", f"{report['frames']} in {report['seconds']:.1f} s, {late_percent(report):.1f} % late or left out"
    )
    table.add_row(
        "frame work", f"{report['work_ms']['p50']:.1f} ms at the median, {report['work_ms']['p99']:.1f} ms p99"
    )
    table.add_row("interval", f"{interval['p50']:.1f} ms at the median, {interval['p99']:.1f} ms p99")
    table.add_row("recorded", ", ".join(f"{row['feed']}: {row['frames']}, {row['dropped']} lost" for row in recordings))
    if report["rung"]["lowest"] > FULL_RUNG:
        table.add_row("held by", report["rung"]["words"])
    table.add_row(str(out), f"{FILM}, {SHEET}")
    Console().print(table)


def print_table(report: dict[str, Any], out: Path, films: bool) -> None:
    generator, work, interval = report["generator"], report["work_ms"], report["interval_ms"]
    table = Table("what", "figure", title="vpengine demo")
    table.add_row("machine", report["machine"])
    table.add_row(
        "frames", f"{report['frames']} in {report['seconds']:.1f} s, {late_percent(report):.1f} % late or left out"
    )
    table.add_row("frame work", f"{work['p50']:.1f} ms at the median, {work['p99']:.1f} ms p99")
    table.add_row("interval", f"{interval['p50']:.1f} ms at the median, {interval['p99']:.1f} ms p99")
    table.add_row("generator", f"{generator['name']}: {generator['images_per_s']:.1f} images a second")
    if generator["latency_ms"]["p50"] is not None:
        table.add_row("its latency", f"{generator['latency_ms']['p50']:.0f} ms at the median")
    if report["rung"]["lowest"] > FULL_RUNG:
        table.add_row("held by", report["rung"]["words"])
    if report["pose_age_ms"]["p50"] is not None:
        table.add_row("pose age", f"{report['pose_age_ms']['p50']:.1f} ms when read, at the median")
    table.add_row("memory", f"{report['rss_mb']['max']:.0f} MB at most, neural process included")
    made = ("camera.mp4, stage.mp4, contact.png, " if films else "") + "report.json"
    table.add_row(str(out), made)
    Console().print(table)
