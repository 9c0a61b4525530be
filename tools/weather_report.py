"""Writes docs/weather (report and before/after sheets) and the model card from what the judge measured."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from safetensors import safe_open
from weather_files import CARD_FILE, ONNX_FILE, ROOT, SAFETENSORS_FILE, load_network, sha256
from weather_judge import (
    RESOLUTION,
    TEST_SCENES,
    TEST_SEED_BASE,
    Runner,
    displayed,
    judge_scenes,
    judged_batch,
    speed_ms,
)
from weather_photos import check_photo, photos, strip, tile_of
from weather_pool import Shader, load_pool
from weather_report_text import CARD, REPORT
from weather_scenes import FAMILY_NAMES

import vpengine
from vpengine.neural.weather import FADERS

DOCS = ROOT / "docs" / "weather"
SHEET_SCENES = 3  # of each family


def judge_and_report(folder: Path, compiled: bool = True) -> None:
    """Judge the shipped network; figures also to out/weather/judge.json."""
    DOCS.mkdir(parents=True, exist_ok=True)
    figures = judge_scenes(folder, compiled)
    figures["milliseconds_640x360"] = speed_ms()
    figures["photos"] = check_photos()
    figures["facts"] = shipped_facts()
    (folder / "judge.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    write_scene_sheets(folder, compiled)
    (DOCS / "report.md").write_text(report_text(figures), encoding="utf-8")
    CARD_FILE.write_text(card_text(figures), encoding="utf-8")
    print(report_text(figures))


def shipped_facts() -> dict[str, Any]:
    """What training wrote into the weights, and what they are."""
    with safe_open(SAFETENSORS_FILE, "np") as stored:
        trained = {key: json.loads(value) for key, value in (stored.metadata() or {}).items()}
    return {
        **trained,
        "parameters": sum(weight.numel() for weight in load_network().parameters()),
        "onnx_sha256": sha256(ONNX_FILE),
        "safetensors_sha256": sha256(SAFETENSORS_FILE),
        "onnx_bytes": ONNX_FILE.stat().st_size,
        "code": code_version(),
        "machine": f"{platform.machine()}, {platform.system()}",
    }


def code_version() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return f"vpengine {vpengine.__version__}" + (f", {done.stdout.strip()}" if done.returncode == 0 else "")


def check_photos() -> dict[str, Any]:
    """Every real picture that is there is checked; only those that may be shown go to a sheet."""
    runner, results = Runner(), {}
    rows: dict[str, list[NDArray[np.uint8]]] = {"rooms": [], "plates": []}
    for photo in photos():
        results[photo.name] = check_photo(photo, runner)
        if photo.ships:
            rows["rooms" if photo.name.startswith("icl") else "plates"].append(strip(photo, runner))
    for name, strips in rows.items():
        if strips:
            save_sheet(np.concatenate(strips[:5]), f"{name}.jpg")
    return results


def write_scene_sheets(folder: Path, compiled: bool) -> None:
    """Unseen scenes: plain, then each fader at 1, the network's answer over the truth."""
    pool = load_pool(folder, TEST_SEED_BASE, TEST_SCENES, 1, RESOLUTION)
    shader, runner = Shader(compiled), Runner()
    for number, kind in enumerate(FAMILY_NAMES):
        rows = []
        for index in np.flatnonzero(pool.kinds == number)[:SHEET_SCENES]:
            batch = judged_batch(pool, shader, int(index))
            plain, answers, truths = displayed(batch.color[1].numpy()), [], []
            for at in range(1, 1 + len(FADERS)):
                planes = (batch.color[at], batch.inverse_depth[at], batch.noise[at], batch.look[at])
                answers.append(displayed(runner.picture(*(plane.numpy() for plane in planes))))
                truths.append(displayed(batch.target[at].numpy()))
            for line in ([plain, *answers], [np.full_like(plain, 0.5), *truths]):
                rows.append(np.concatenate([tile_of(picture, 256) for picture in line], axis=1))
        save_sheet(np.concatenate(rows), f"scenes_{kind}.jpg")


def save_sheet(picture: NDArray[np.uint8], name: str) -> None:
    PillowImage.fromarray(picture).save(DOCS / name, quality=80, optimize=True)


def _table(figures: dict[str, Any]) -> str:
    lines = ["| look | identity | hand-written shader | network |", "|---|---|---|---|"]
    for name, by in figures["scores"].items():
        title = "one to three faders, uniform" if name == "random" else f"{name} at 1.0"
        lines.append(f"| {title} | {by['identity']:.1f} | {by['shader']:.1f} | **{by['network']:.1f}** |")
    return "\n".join(lines)


def _photo_table(figures: dict[str, Any]) -> str:
    lines = ["| picture | finite | monotone in all six faders | seams |", "|---|---|---|---|"]
    for name, result in figures["photos"].items():
        steady = [fader for fader, good in result["monotone"].items() if not good]
        answer = "yes" if not steady else f"not {', '.join(steady)}"
        lines.append(f"| {name} | {'yes' if result['finite'] else 'no'} | {answer} | {result['seams']:.2f} |")
    return "\n".join(lines)


def report_text(figures: dict[str, Any]) -> str:
    facts = figures["facts"]
    numbers = {
        "minutes": f"{facts.get('training_minutes', 0.0):.0f}",
        "steps": facts.get("steps", 0),
        "batch": facts.get("batch", 0),
        "seed": facts.get("seed", 0),
        "note": facts.get("note", ""),
        "parameters": f"{facts['parameters']:,}",
        "speed": f"{figures['milliseconds_640x360']:.1f}",
        "scenes": TEST_SCENES,
        "size": "{} x {}".format(*RESOLUTION),
        "constants": len(figures["constants"]),
        "table": _table(figures),
        "nights": f"{figures['nights_db']:.1f}",
        "families": ", ".join(f"{kind} {value:.1f}" for kind, value in figures["families"].items()),
        "worst": f"{figures['worst_tenth_db']:.1f}",
        "edges": f"{figures['near_depth_edges_db']:.1f}",
        "elsewhere": f"{figures['elsewhere_db']:.1f}",
        "sheets": ", ".join(f"[{kind}](scenes_{kind}.jpg)" for kind in FAMILY_NAMES),
        "photos": _photo_table(figures),
    }
    return REPORT.format(**numbers)


def card_text(figures: dict[str, Any]) -> str:
    facts, scores = figures["facts"], figures["scores"]["random"]
    numbers = {
        "note": "",
        **facts,
        "parameters": f"{facts['parameters']:,}",
        "onnx_bytes": f"{facts['onnx_bytes']:,}",
        "minutes": f"{facts.get('training_minutes', 0.0):.0f}",
        "speed": f"{figures['milliseconds_640x360']:.1f}",
        "scenes": TEST_SCENES,
        "looks": ", ".join(FADERS),
        "faders": ", ".join(f"{name} {figures['scores'][name]['network']:.1f}" for name in FADERS),
        **{who: f"{value:.1f}" for who, value in scores.items()},
    }
    return CARD.format(**numbers)
