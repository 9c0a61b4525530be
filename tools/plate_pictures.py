"""Makes docs/plates.jpg: a plate of each kind, from beside where it was taken, and under a look of the network.

python tools/plate_pictures.py            needs the shared data
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from weather_photos import DATA, tile_of
from weather_plates import FROM_IMAGE, Shot, Studio, shown, view_at

from vpengine.cli.plate import from_image
from vpengine.output.overlay import contact_sheet
from vpengine.plates.dome import Dome
from vpengine.plates.gltf.plate import Gltf
from vpengine.plates.layers import Layers
from vpengine.plates.still import Still
from vpengine.plates.street.plate import Street
from vpengine.plates.video import Video
from vpengine.stage.shipped import stage_folder
from vpengine.view.view import View

TILE = 480
ASIDE_M = 0.8
CLIP_AT_S = 3
LENS = {"horizontal_fov_deg": 62.0, "eye_height_m": 1.6, "horizon": 0.5}
CITY = DATA / "gltf" / "kenney_city"
ROAD = tuple((0, n, 0) for n in range(-1, 8))


def rows(studio: Studio, folder: Path) -> Iterator[tuple[str, Any, dict[str, float], float]]:
    """What it is, the plate, the look, and the focal length in millimetres."""
    harbour = DATA / "plates" / "sydney_harbour_bridge.jpg"
    palm = DATA / "plates" / "palm_close.jpg"
    from_image(palm, to=folder / "palm.depth.exr", **FROM_IMAGE)
    from_image(harbour, to=folder / "harbour.2p5d", **{**FROM_IMAGE, "layers": True})
    square = DATA / "hdri" / "potsdamer_platz_1k.hdr"
    taken = {"horizontal_fov_deg": 58.0, "eye_height_m": 1.6, "horizon": 0.45}
    relief = {"file": palm, "depth": folder / "palm.depth.exr", "lens": taken}
    yield "still, with depth", Still(Still.Settings.model_validate(relief)), {"snow": 0.8}, 22.0
    yield "layers", Layers(Layers.Settings(file=folder / "harbour.2p5d")), {"fog": 0.8}, 22.0
    clip = {"file": stage_folder() / "shows" / "dusk.mp4", "distance_m": 60.0, "lens": LENS}
    yield "video", Video(Video.Settings.model_validate(clip)), {"night": 0.8}, 21.0
    yield "dome", Dome(Dome.Settings(file=square)), {"rain": 1.0}, 18.0
    yield "dome, with radius_m and ground", Dome(Dome.Settings(file=square, radius_m=14.0)), {"night": 1.0}, 18.0
    yield "gltf", Gltf(Gltf.Settings.model_validate(city())), {"fog": 0.8}, 18.0
    yield "street", Street(Street.Settings()), {"snow": 1.0, "night": 1.0}, 18.0


def city() -> dict[str, Any]:
    """A road with houses of Kenney's city kit on both sides."""
    sides = [(-1, 90), (1, -90)]
    houses = {
        "building-small-a": tuple((x, n, yaw) for x, yaw in sides for n in range(0, 8, 3)),
        "building-small-b": tuple((x, n, yaw) for x, yaw in sides for n in range(1, 8, 3)),
        "building-garage": tuple((x, n, yaw) for x, yaw in sides for n in range(2, 8, 3)),
    }
    more = [{"file": CITY / f"{name}.glb", "places": places} for name, places in houses.items()]
    more.append({"file": CITY / "grass-trees.glb", "places": tuple((x, n, 0) for x in (-2, 2) for n in range(8))})
    return {"file": CITY / "road-straight.glb", "places": ROAD, "more": tuple(more), "scale": 9.0}


def pictures(studio: Studio, plate: Any, look: dict[str, float], focal_mm: float) -> Iterator[NDArray[np.uint8]]:
    """The plate, from beside, and under the look."""
    if hasattr(plate, "follow"):
        plate.follow(Fraction(CLIP_AT_S), wait=True)
    for aside_m, values in ((0.0, {}), (ASIDE_M, {}), (0.0, look)):
        view: View = view_at((aside_m, 0.0, 1.6), 0.0, 0.0, focal_mm)
        shot = Shot(plate, replace(view, playhead=Fraction(CLIP_AT_S)))
        yield tile_of(shown(studio.linear(shot, values)), TILE)


def main() -> None:
    studio, images, captions = Studio(), [], []
    with TemporaryDirectory() as folder:
        for name, plate, look, focal_mm in rows(studio, Path(folder)):
            images += list(pictures(studio, studio.up(plate), look, focal_mm))
            words = ", ".join(f"{fader} {value:g}" for fader, value in look.items())
            captions += [name, f"from {ASIDE_M:g} m to the right", words]
            plate.release()
    sheet = contact_sheet(images, captions, 3)
    Image.fromarray(sheet).save(Path(__file__).parent.parent / "docs" / "plates.jpg", quality=85)


if __name__ == "__main__":
    main()
