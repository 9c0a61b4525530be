"""What a Radiance HDR's header says of its picture (Greg Ward's file formats), which OpenImageIO leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_LONGEST = 2**16


@dataclass(frozen=True)
class RadianceHeader:
    """chromaticities: red, green, blue and white, or None. pixel_aspect: a pixel's width over its height."""

    chromaticities: tuple[float, ...] | None = None
    pixel_aspect: float = 1.0


def read_radiance_header(path: Path) -> RadianceHeader:
    """Raises OSError, and ValueError for numbers that are none."""
    with path.open("rb") as file:
        text = file.read(_LONGEST).partition(b"\n\n")[0].decode("latin-1")
    lines = [line.split("=", 1) for line in text.splitlines() if "=" in line]
    variables = {name.strip().upper(): value for name, value in lines}
    xy = tuple(float(word) for word in variables.get("PRIMARIES", "").split())
    height_over_width = float(variables.get("PIXASPECT", "1"))
    return RadianceHeader(
        chromaticities=xy if len(xy) == 8 and any(xy) else None,  # Poly Haven's are all zeros
        pixel_aspect=1.0 / height_over_width if height_over_width > 0.0 else 1.0,
    )
