"""What `vpengine look train` looks at: references from files, and plates: the street, a show's own, or pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vpengine import plates
from vpengine.compose.request_camera import RequestCamera
from vpengine.errors import ProblemsError, UserError
from vpengine.files import controls_of, settings_of
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.neural.generator import Plate
from vpengine.neural.look_references import guessed_plate, reference_pictures
from vpengine.neural.look_samples import ZonedPicture
from vpengine.plates.image_file import KINDS, read_picture
from vpengine.plates.street.plate import Street
from vpengine.plugins import load_plugin
from vpengine.stage.show_file import read_show
from vpengine.view.color import acescct_from_linear
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

SIZE = (480, 270)
FOV_DEG = 65.0
MOST_REFERENCES = 200
NO_PLACES = ("pattern", "none")  # a chart's colours are no street's
# Position in metres, pan and tilt in degrees: a look is learnt on every other one, and measured on those between.
VIEWS = (
    ((-1.0, 3.0, 1.8), -12.0, 14.0),
    ((0.0, 0.0, 1.6), 0.0, 2.0),
    ((0.0, 0.0, 1.6), 180.0, 3.0),
    ((0.0, 0.0, 1.6), 35.0, 4.0),
    ((1.0, 8.0, 1.6), 70.0, 8.0),
    ((0.0, 0.0, 1.6), -35.0, 4.0),
    ((0.0, -3.0, 2.5), 0.0, 0.0),
    ((0.0, 6.0, 1.4), 10.0, -12.0),
)


@dataclass(frozen=True, eq=False)
class Reference:
    """A file that a look is learnt from."""

    name: str
    sha256: str
    pictures: tuple[ZonedPicture, ...]


def read_references(given: Sequence[Path], seen: Callable[[str], None] = lambda name: None) -> list[Reference]:
    """Every picture in these folders, and these files; ``seen`` is told of each. Raises UserError."""
    files = [file for path in given for file in _pictures_in(path)]
    if len(files) > MOST_REFERENCES:
        raise UserError(f"{len(files)} references, allowed {MOST_REFERENCES}: choose those that say most of the look")
    found = []
    for file in files:
        seen(file.name)
        pixels = read_picture(file, None).pixels[..., :3]
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found.append(Reference(file.name, digest, tuple(reference_pictures(pixels))))
    return found


def _pictures_in(path: Path) -> list[Path]:
    if not path.exists():
        raise UserError(f"--reference {path}: no such folder or picture")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in KINDS and not file.name.startswith("."))
    if not files:
        raise UserError(f"--reference {path}: no pictures in it; it needs stills or panorama files: {', '.join(KINDS)}")
    return files


def street_plates() -> list[Plate]:
    """Views of the procedural street."""
    return _drawn(lambda: iter([Street(Street.Settings.model_validate({}))]))


def plates_of(path: Path) -> list[Plate]:
    """Views of all plates of a show file, or a picture with its depth guessed. Raises UserError."""
    if path.suffix.lower() in KINDS:
        return [guessed_plate(read_picture(path, None).pixels[..., :3], SIZE[0], FOV_DEG)]
    if path.suffix.lower() != ".toml":
        raise UserError(f"--plate {path}: expected a show file, or a picture: {', '.join(KINDS)}")
    return _drawn(lambda: _show_plates(path))


def _show_plates(path: Path) -> Iterator[Any]:
    reading = read_show(path, controls_of("none"))
    settings, faults = settings_of(reading.sections)
    if reading.problems or faults or reading.show is None:
        raise ProblemsError([*reading.problems, *faults])
    places = [section for section in reading.show.plates.values() if section.kind not in NO_PLACES]
    if not places:
        raise UserError(f"--plate {path}: its plates are of no place ({', '.join(NO_PLACES)}); give a picture of one")
    for section in places:
        yield load_plugin(plates.KINDS[section.kind])(settings[section.slot, f"{section.file}:{section.key}"])


def _drawn(made: Callable[[], Iterator[Any]]) -> list[Plate]:
    gpu = Gpu(create_headless())
    requests = RequestCamera(gpu)
    found = []
    for plate in made():
        try:
            while plate.upload(gpu):
                pass
            found += [_taken(requests, plate, _view(*view)) for view in VIEWS]
        finally:
            plate.release()
    requests.release()
    return found


def _taken(requests: RequestCamera, plate: Any, view: View) -> Plate:
    drawn = requests.take(plate, "plate", view, 0)
    depth_m = np.ascontiguousarray(drawn.depth_m)
    return Plate(acescct_from_linear(drawn.color), depth_m, drawn.noise.astype(np.float32), view)


def _view(position_m: tuple[float, float, float], pan_deg: float, tilt_deg: float) -> View:
    pose = from_opentrackio(position_m, pan_deg, tilt_deg, 0.0)
    return View(view_from_stage(pose), clip_from_view_symmetric(FOV_DEG, SIZE[0] / SIZE[1]), SIZE)
