"""``vpengine plate``: plates for a show. ``show``: of any files. ``from-image``: a photograph with depth. ``bake``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from vpengine.cli.bake import bake
from vpengine.cli.plate_show import show
from vpengine.cli.show_text import scene_text, show_head, slug_of
from vpengine.errors import UserError
from vpengine.neural.depth import WEIGHTS, Lens, estimate
from vpengine.neural.depth_edges import at_size
from vpengine.plates.depth_file import KINDS, Map, write_depth
from vpengine.plates.depth_map import Stereo, depth_from_depth, depth_from_disparity
from vpengine.plates.image_file import read_picture
from vpengine.plates.layers_file import SUFFIX, LayeredPicture, write_layers
from vpengine.plates.layers_manifest import LensSettings
from vpengine.plates.layers_split import beyond_px, split
from vpengine.view.color import REC709_FROM_ACESCG, srgb_encoded

_BRIGHT = 0.98  # of a picture's pixels are no brighter than white, as the network is shown it


def from_image(
    file: Annotated[Path, typer.Argument(help="The picture: EXR, HDR, PNG, JPEG, TIFF or WebP.")],
    depth: Annotated[Path | None, typer.Option(help="Its depth, where there is a map: EXR, TIFF, PNG, npy.")] = None,
    unit: Annotated[float, typer.Option(min=1e-9, help="Metres that 1 in --depth is; 0.001 for millimetres.")] = 1.0,
    disparity: Annotated[Path | None, typer.Option(help="Its disparity, as the left picture of a pair.")] = None,
    baseline: Annotated[float, typer.Option(min=0.0, help="Metres between the pair's eyes.")] = 0.0,
    offset: Annotated[float, typer.Option(help="Pixels that are added to the disparity (doffs).")] = 0.0,
    fill: Annotated[bool, typer.Option("--fill", help="Pixels without a number take their neighbours'.")] = False,
    network: Annotated[
        Path | None, typer.Option(help="An ONNX of the Depth Anything class, for the shipped one.")
    ] = None,
    metric: Annotated[bool, typer.Option("--metric", help="--network gives metres, not inverse depth.")] = False,
    focal: Annotated[float, typer.Option(min=0.0, help="Focal length in pixels; by default 0.9 of the width.")] = 0.0,
    horizon: Annotated[float, typer.Option(min=-2.0, max=3.0, help="Where it is: 0 the top, 1 the bottom.")] = 0.45,
    eye_height: Annotated[float, typer.Option(min=0.05, max=200.0, help="Of the camera, in metres.")] = 1.6,
    color_space: Annotated[str | None, typer.Option(help="Its OpenColorIO colour space.")] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Split it by depth into NAME.2p5d, with what lies behind its edges.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option(help="The file to write; by default NAME.depth.exr, or NAME.2p5d, beside it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Give a photograph depth: writes NAME.depth.exr beside it, and prints a show that uses both.

    With --layers: writes NAME.2p5d, the photograph in layers, and prints a show that uses it.
    """
    _refuse_together(depth, disparity, network, baseline, focal)
    target = _target(file, to, layers)
    _refuse_overwriting(target, [given for given in (file, depth, disparity, network) if given], force)
    picture = read_picture(file, color_space).pixels[..., :3]
    height, width = picture.shape[:2]
    lens = Lens(horizon, focal / width if focal else Lens.focal)
    if depth is not None:
        depth_m = depth_from_depth(depth, (width, height), unit, fill=fill)
    elif disparity is not None:
        depth_m = depth_from_disparity(disparity, (width, height), Stereo(baseline, focal, offset), fill=fill)
    else:
        depth_m = _estimated(network or WEIGHTS, picture, lens, eye_height, is_metric=metric)
    if not np.isfinite(depth_m).any():
        raise UserError(f"{file}: its depth is sky everywhere, which needs no depth; use the picture as it is")
    if layers:
        made = layered(picture, depth_m, lens, eye_height)
        write_layers(target, made)
        typer.echo(f"{target}: {width} x {height}, {_told(depth_m)}, {_counted(len(made.layers))}", err=True)
        typer.echo(layers_show_of(file, target), nl=False)
        return
    write_depth(target, depth_m)
    typer.echo(f"{target}: {width} x {height}, {_told(depth_m)}", err=True)
    typer.echo(show_of(file, target, depth_m, lens, eye_height, color_space), nl=False)


COMMANDS: dict[str, Callable[..., None]] = {"show": show, "from-image": from_image, "bake": bake}


def _target(file: Path, to: Path | None, layers: bool) -> Path:
    """The file to write. Raises UserError."""
    target = to or file.with_name(f"{file.stem}{SUFFIX if layers else '.depth.exr'}")
    allowed = (SUFFIX,) if layers else KINDS
    if target.suffix.lower() not in allowed:
        hint = f", and with --layers {SUFFIX}" if not layers else ", with --layers"
        raise UserError(f"--to {target}: allowed are {', '.join(allowed)}{hint}")
    return target


def _refuse_overwriting(target: Path, read: Sequence[Path], force: bool) -> None:
    """What is there may have been measured. What is read is never written over."""
    if target.resolve() in [path.resolve() for path in read]:
        raise UserError(f"{target}: is what is read, and is not overwritten; name another file with --to")
    if target.exists() and not force:
        raise UserError(f"{target}: there already; --force writes over it, --to names another file")


def _refuse_together(
    depth: Path | None, disparity: Path | None, network: Path | None, baseline: float, focal: float
) -> None:
    given = {"--depth": depth, "--disparity": disparity, "--network": network}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)}: each says what the depth is; give one")
    if disparity is not None and not (baseline and focal):
        raise UserError("--disparity: needs --baseline in metres and --focal in pixels")


def _estimated(path: Path, picture: NDArray[Any], lens: Lens, eye_height_m: float, *, is_metric: bool) -> Map:
    encoded = srgb(picture)
    return at_size(estimate(path, encoded, lens, eye_height_m, is_metric=is_metric), encoded)


def srgb(acescg: NDArray[Any]) -> NDArray[np.float32]:
    """(height, width, 3) as a display shows it, 0..1; a picture brighter than that is exposed down to it."""
    linear = acescg.astype(np.float32) @ REC709_FROM_ACESCG.T.astype(np.float32)
    linear = np.clip(linear / max(float(np.quantile(linear, _BRIGHT)), 1.0), 0.0, 1.0)
    return srgb_encoded(linear).astype(np.float32)


def _told(depth_m: Map) -> str:
    near, far = np.quantile(depth_m[np.isfinite(depth_m)], [0.01, 0.99])
    return f"{near:.1f} to {far:.1f} m, {100.0 * np.mean(np.isinf(depth_m)):.0f} percent sky"


def _counted(layers: int) -> str:
    return f"{layers} layers" if layers > 1 else "1 layer: its depth never jumps"


def layered(picture: NDArray[Any], depth_m: Map, lens: Lens, eye_height_m: float) -> LayeredPicture:
    """picture: (height, width, 3), scene-linear. Its layers go on beyond it, and so does the lens's angle of view."""
    height, width = depth_m.shape
    margin = beyond_px(depth_m.shape)
    taken = LensSettings(
        horizontal_fov_deg=float(np.degrees(2.0 * np.arctan(0.5 * (1.0 + 2.0 * margin / width) / lens.focal))),
        eye_height_m=eye_height_m,
        horizon=(margin + lens.horizon * height) / (height + 2.0 * margin),
    )
    return LayeredPicture(taken, split(picture, depth_m))


def layers_show_of(file: Path, layers: Path) -> str:
    """A show with the picture in layers, as it stands beside the photograph."""
    return _show(file, "layers", {"file": _beside(layers, file)})


def show_of(file: Path, depth: Path, depth_m: Map, lens: Lens, eye_height_m: float, color_space: str | None) -> str:
    """A show with the picture and its depth, as it stands beside both. Its card is at the middle of the depths."""
    height, width = depth_m.shape
    furthest_m = min(3000.0, 9999.0 * lens.focal)  # as far as a card hangs, and as wide as one is
    distance_m = float(np.clip(np.median(depth_m[np.isfinite(depth_m)]), 0.2, furthest_m))
    width_m = distance_m / lens.focal
    lines = {
        "file": file.name,
        "depth": _beside(depth, file),
        **({"color_space": color_space} if color_space is not None else {}),
        "distance_m": distance_m,
        "width_m": width_m,
        "center_height_m": eye_height_m - (0.5 - lens.horizon) * width_m * height / width,
        "eye_height_m": eye_height_m,
    }
    return _show(file, "still", lines)


def _show(file: Path, kind: str, settings: Mapping[str, Any]) -> str:
    return show_head(file.stem) + scene_text(slug_of(file), kind, settings)


def _beside(depth: Path, file: Path) -> str:
    return depth.name if depth.parent.resolve() == file.parent.resolve() else str(depth.resolve())
