"""Bench: a diffusion model: how fast it is, and how steady along hand-held tracks, by what it is made from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vpengine.cli.bench_live import TRACKER_HZ, nothing, run_stage
from vpengine.cli.bench_pictures import PLACE, Image, srgb
from vpengine.cli.bench_temporal import IMAGES_PER_S, Generate, Noise, as_asked, measure_temporal
from vpengine.compose.neural import KNOWN, NeuralLayer
from vpengine.control.controls import Value
from vpengine.errors import UserError
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.neural import RUNTIMES
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import PIPELINE, DiffusionSettings
from vpengine.neural.generator import Current, Generated, Plate
from vpengine.neural.grade import fit_grade
from vpengine.plates.street.plate import Street
from vpengine.plugins import load_plugin
from vpengine.takes.report import late_percent
from vpengine.view.color import acescct_from_linear, linear_from_acescct
from vpengine.view.reproject import Source, gather
from vpengine.view.temporal import BORDER
from vpengine.view.view import View

LOOK: dict[str, Value] = {"prompt": "a street after the flood, wet stone, low sun", "strength": 0.5}
_SHOW = """\
version = 1
[show]
name = "Bench"
gate = "off"
[[scene]]
slug = "street"
plate.kind = "street"
"""
SPEED = "vpengine.neural.diffusion_bench:measure_speed"
NOISES = {True: "of_the_world", False: "of_the_picture"}  # by whether it is the engine's own


class Pipeline(Protocol):
    def generate(self, plate: Plate, look: Look) -> Generated: ...


def measure_diffusion_speed(model: str, every_size: bool = False) -> list[dict[str, Any]]:
    """Pictures a second of the model with that name or path, beside a plain pipeline of it, and how much of the device
    that takes; by size. every_size: also on a processor, which is measured at the smallest only.

    Raises UserError where the model cannot be used.
    """
    measure = _with_torch(SPEED)
    rows: list[dict[str, Any]] = measure(model, load_plugin(f"{SPEED.partition(':')[0]}:SIZES") if every_size else None)
    return rows


def measure_wall(model: str) -> list[dict[str, Any]]:
    """How steady the demo stage's frames are while the model with that name or path makes pictures of it, and, in the
    row before, while nothing does. Raises UserError where the stage does not run with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        show = Path(folder) / "show.toml"
        show.write_text(_SHOW, encoding="utf-8")
        own = {"generator": "diffusion", "model": str(Path(model).absolute()) if Path(model).is_dir() else model}
        return [_walls(show, {"generator": "none"}), _walls(show, own)]


def _walls(show: Path, neural: Mapping[str, str]) -> dict[str, Any]:
    of_show = ["--show", str(show), "--allow-outside"]  # a model may be anywhere
    if neural["generator"] != "none":
        of_show += ["--set", f"look.prompt={LOOK['prompt']}", "--set", f"look.strength={LOOK['strength']}"]
    report = run_stage(["handheld", "--rate", str(TRACKER_HZ)], nothing, of_show=of_show, neural=neural)
    interval_ms, generator = report["interval_ms"], report["generator"]
    return {
        "generator": neural["generator"],
        "runtime": generator.get("runtime") or None,
        "images_per_s": generator["images_per_s"],
        "interval_p50_ms": interval_ms["p50"],
        "interval_p99_ms": interval_ms["p99"],
        "p99_of_p50": round(interval_ms["p99"] / interval_ms["p50"], 3),
        "late_percent": round(late_percent(report), 2),
        "rung": report["rung"]["lowest"],
    }


def _with_torch(target: str) -> Any:
    try:
        return load_plugin(target)
    except ImportError as error:
        raise UserError(f"a diffusion model needs torch ({error}): pip install 'vpengine[diffusion]'") from error


def measure_diffusion(model: str, tracks: Sequence[Path], **settings: Any) -> list[dict[str, Any]]:
    """As ``measure_temporal``, of the model with that name or path. Raises UserError where it cannot be used."""
    runtime = _with_torch(RUNTIMES["torch"])()
    chosen = DiffusionSettings(model=model, **settings)
    made_from = {
        kind: load_plugin(PIPELINE)(runtime, chosen, load_plugin(f"{PIPELINE.partition(':')[0]}:{noise}"))
        for kind, noise in NOISES.items()
    }
    engine = made_from[True]
    return measure_temporal(
        lambda noise: _sequence(made_from[noise == "world"], noise), tracks, shown=lambda plates: _shown(engine, plates)
    )


def _shown(generator: Pipeline, plates: Sequence[ImageSet]) -> list[Image]:
    """What the wall has at each plate's View but the first's: the keyframes of those before it, re-projected; each of
    which went on from what the wall had there.
    """
    gpu, look, size = Gpu(create_headless()), looks_of("diffusion").of(LOOK), plates[0].view.resolution
    layer, target = NeuralLayer(gpu, size), Target(gpu.context, size, z_buffer=True)
    street = Street(Street.Settings.model_validate({}))
    street.upload(gpu)
    drawn, pictures = Target(gpu.context, size, depth=True), []
    for number, plate in enumerate(plates):
        time_s, current = number / IMAGES_PER_S, None
        layer.advance(time_s)
        if number:
            street.draw(drawn, plate.view)
            world = Picture(drawn.color, drawn.depth, plate.view, plate.provenance)
            seen = download(layer.draw(target, world, time_s, 1.0).color)
            pictures.append(srgb(seen[..., :3]))
            current = Current(acescct_from_linear(seen[..., :3]), seen[..., 3].astype(np.float32))
        layer.add(_keyframe(generator, plate, look, time_s, current), time_s)
    layer.release()
    return pictures


def _keyframe(generator: Pipeline, plate: ImageSet, look: Look, time_s: float, current: Current | None) -> Keyframe:
    asked = replace(as_asked(plate), current=current)
    made = generator.generate(asked, look)
    grade = fit_grade(asked.color_cct, made.gain * asked.color_cct + made.bias, plate.depth_m, plate.view)
    gain, bias = (Pixels(plane.astype(np.float16)) for plane in (made.gain, made.bias))
    request = Request(0, 0, PLACE, plate, look, time_s)
    return Keyframe(request, gain, bias, grade, Provenance("diffusion"), Timings(time_s, time_s, 0.0))


def _sequence(generator: Pipeline, noise: Noise) -> Generate:
    """Pictures in order. ``world`` is how the engine asks: what was made, re-projected, and the world's noise."""
    look, seeds = looks_of("diffusion").of(LOOK), count(1)
    before: tuple[View, Image, Image] | None = None  # the last picture's View, depth and ACEScct

    def generate(plate: Plate, view: View) -> Image:
        nonlocal before
        asked = replace(look, seed=next(seeds) if noise == "new" else 0)
        made = generator.generate(replace(plate, current=_current(noise, before, plate)), asked)
        color_cct = made.gain * plate.color_cct + made.bias
        before = view, plate.depth_m, color_cct
        return srgb(linear_from_acescct(color_cct))

    return generate


def _current(noise: Noise, before: tuple[View, Image, Image] | None, plate: Plate) -> Current | None:
    if before is None or noise not in ("carried", "world"):
        return None
    view, depth_m, color_cct = before
    if noise == "carried":
        return Current(color_cct, np.ones_like(plate.depth_m))
    source = Source(view, color_cct, np.zeros_like(color_cct), depth_m, newness=1.0)
    found = gather(plate.view, plate.depth_m, [source], BORDER, ignored=0.0)
    return Current(found.gain.astype(np.float32), np.minimum(found.known / KNOWN, 1.0).astype(np.float32))
