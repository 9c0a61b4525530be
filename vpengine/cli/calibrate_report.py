"""The page about a calibration: one HTML file with its pictures in it."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.cli.calibrate_boards import opencv
from vpengine.cli.calibrate_solve import Calibration, Photo
from vpengine.view.distortion import distorted, fold_in_picture_mm

_LARGER = 40.0  # times as long as they are, arrows are drawn
_WIDTH = 640  # of a picture on the page
_STYLE = """\
body{font:15px/1.45 system-ui,sans-serif;background:#16181d;color:#d8dbe2;max-width:1340px;
margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse}td,th{padding:.2em .9em .2em 0;
text-align:left;font-variant-numeric:tabular-nums;vertical-align:top}th{color:#8f97a6;font-weight:normal}
.row{display:flex;gap:20px;flex-wrap:wrap}figure{margin:0}figcaption{color:#8f97a6;max-width:640px;margin-top:.4em}
svg,img{background:#0d0f13;display:block;width:640px;height:auto}.warn{color:#ffb454}"""


def page(found: Calibration, facts: Mapping[str, str], warnings: Sequence[str]) -> str:
    """facts: what is said of the lens, in words."""
    worst = max(found.photos, key=lambda photo: photo.rms_px)
    parts = [
        "<!doctype html><meta charset=utf-8><title>Lens calibration</title>",
        f"<style>{_STYLE}</style><h1>Lens calibration</h1>",
        _table(facts.items()),
        *(f'<p class="warn">{html.escape(each)}</p>' for each in warnings),
        '<h2>Where the points are, and where they should be</h2><div class="row">',
        _figure(
            _errors(found),
            f"From where the lens puts each point to where it was found, {_LARGER:g} times as long. Arrows at random "
            "are the corners' own noise; arrows that agree are something that the model cannot say.",
        ),
        _figure(
            _coverage(found),
            "How many points lie in each part of the picture; where there are none the lens is a guess.",
        ),
        '</div><h2>Before and after</h2><div class="row">',
        *_before_and_after(found, worst),
        "</div><h2>Photographs</h2>",
        _table([(photo.path.name, f"{photo.rms_px:.3f} px, {len(photo.points)} points") for photo in found.photos]),
        "<h2>Left out</h2>" if found.left_out else "",
        _table([(each.path.name, each.why) for each in found.left_out]),
    ]
    return "\n".join(parts) + "\n"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"<tr><th>{html.escape(name)}<td>{html.escape(value)}" for name, value in rows]
    return f"<table>{''.join(lines)}</table>"


def _figure(inside: str, words: str) -> str:
    return f"<figure>{inside}<figcaption>{html.escape(words)}</figcaption></figure>"


def _svg(found: Calibration, inside: Iterable[str]) -> str:
    width, height = found.size
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{"".join(inside)}</svg>'


def _errors(found: Calibration) -> str:
    stroke = found.size[0] / 640
    lines = []
    for photo in found.photos:
        for (x, y), (right, down) in zip(photo.points, photo.missed, strict=True):
            share = min(float(np.hypot(right, down)) / 1.5, 1.0)
            lines.append(
                f'<path d="M{x - _LARGER * right:.1f} {y - _LARGER * down:.1f}L{x:.1f} {y:.1f}" '
                f'stroke="hsl({200 - 190 * share:.0f} 90% 60%)" stroke-width="{stroke:.2f}"/>'
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{1.6 * stroke:.2f}" fill="#d8dbe2"/>'
            )
    return _svg(found, [*lines, *_fold(found)])


def _fold(found: Calibration) -> list[str]:
    """Beyond this circle the model turns back."""
    reach_mm = fold_in_picture_mm(found.lens.distortion)
    if np.isinf(reach_mm):
        return []
    radius = reach_mm / found.lens.sensor_mm[0] * found.size[0]
    x, y = found.matrix[0][2], found.matrix[1][2]
    style = f'fill="none" stroke="#ffb454" stroke-dasharray="8 8" stroke-width="{found.size[0] / 400:.2f}"'
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" {style}/>']


def _coverage(found: Calibration) -> str:
    covered = found.covered
    rows, columns = covered.shape
    width, height = found.size[0] / columns, found.size[1] / rows
    cells = []
    for row in range(rows):
        for column in range(columns):
            count = int(covered[row, column])
            color = f"hsl(150 45% {12 + 33 * min(count / 40.0, 1.0):.0f}%)" if count else "hsl(10 60% 25%)"
            x, y = column * width, row * height
            cells.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'fill="{color}" stroke="#16181d"/>'
                f'<text x="{x + 0.5 * width:.1f}" y="{y + 0.55 * height:.1f}" font-size="{0.22 * height:.1f}" '
                f'text-anchor="middle" fill="#d8dbe2">{count}</text>'
            )
    return _svg(found, cells)


def _before_and_after(found: Calibration, photo: Photo) -> Iterable[str]:
    cv2 = opencv()
    before = cv2.imdecode(
        np.frombuffer(photo.path.read_bytes(), np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    )
    after = straightened(found, before)
    yield _figure(_picture(before, photo.path.name), f"{photo.path.name}, the worst that was used, as it was taken")
    yield _figure(_picture(after, "undistorted"), "and undistorted: what is straight in the world is straight")


def straightened(found: Calibration, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as the pinhole has it, by ``view.distortion``; black where the lens saw nothing."""
    assert found.lens.distortion is not None
    width, height = found.size
    x, y = (np.arange(width) + 0.5) / width - 0.5, (np.arange(height) + 0.5) / height - 0.5
    points_mm = np.stack(np.meshgrid(x, y), axis=-1) * found.lens.sensor_mm
    seen = (distorted(found.lens.distortion, found.lens, points_mm) / found.lens.sensor_mm + 0.5) * found.size - 0.5
    at = seen.astype(np.float32)
    return np.asarray(opencv().remap(picture, at[..., 0], at[..., 1], opencv().INTER_LINEAR), np.uint8)


def _picture(pixels: NDArray[np.uint8], words: str) -> str:
    cv2 = opencv()
    height = round(pixels.shape[0] * _WIDTH / pixels.shape[1])
    _, data = cv2.imencode(".jpg", cv2.resize(pixels, (_WIDTH, height), interpolation=cv2.INTER_AREA))
    encoded = base64.b64encode(np.asarray(data).tobytes()).decode()
    return f'<img alt="{html.escape(words, quote=True)}" src="data:image/jpeg;base64,{encoded}">'


def write_page(path: Path, text: str) -> None:
    """Raises OSError."""
    path.write_text(text, encoding="utf-8")
