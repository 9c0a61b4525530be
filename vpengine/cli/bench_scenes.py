"""Bench: a show's scenes, each live on the demo stage, with its plate, its look and a camera that moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vpengine.cli.bench_live import DEMO_STAGE, TRACKER_HZ, nothing, run_stage
from vpengine.files import read_files
from vpengine.takes.report import late_percent


def measure_scenes(show: Path) -> list[dict[str, Any]]:
    """For each scene: a frame's work in milliseconds, how many frames were late or left out, how many when it had
    settled, pictures a second of the generator, and the governor's rung at the end.
    """
    scenes = read_files(DEMO_STAGE, show).show.scenes
    return [_measured(show.absolute(), scene.slug, scene.plate.kind) for scene in scenes]


def _measured(show: Path, slug: str, plate: str) -> dict[str, Any]:
    of_show = ["--show", str(show), "--scene", slug]
    report = run_stage(["handheld", "--rate", str(TRACKER_HZ)], nothing, of_show=of_show)
    return {
        "scene": slug,
        "plate": plate,
        "work_p50_ms": report["work_ms"]["p50"],
        "work_p99_ms": report["work_ms"]["p99"],
        "late_percent": round(late_percent(report), 2),
        "settled_late_percent": report["settled_late_percent"],
        "images_per_s": report["generator"]["images_per_s"],
        "rung": report["rung"]["lowest"],
    }
