"""An opened picture file: what its header says, and its pixels in stripes of rows as the file has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vpengine.errors import UserError, printable, told_by
from vpengine.plates.image_layers import Layer, NoBeautyError, beauty
from vpengine.plates.png_color import PngColor, read_png_color
from vpengine.plates.radiance_header import RadianceHeader, read_radiance_header

KINDS = (".exr", ".hdr", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FORMATS = ("openexr", "hdr", "jpeg", "png", "tiff", "webp")
_STRIPE_BYTES = 2**25
_MOST_PARTS = 64
_EXIF_BYTES = 2**17

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: left and top, and its size."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Header:
    """What a file says of its picture.

    data: where its pixels lie. display: what is the picture of it. pixel_aspect: a pixel's width over its height.
    orientation: EXIF's, 1 to 8. is_integer: code values, whole numbers. is_associated: colours are multiplied by alpha.
    chromaticities: red, green, blue and white, of an EXR or HDR. is_adobe_rgb: as cameras mark it without a profile.
    """

    format: str
    layer: Layer
    data: Window
    display: Window
    pixel_aspect: float
    orientation: int
    is_integer: bool
    is_associated: bool
    chromaticities: tuple[float, ...] | None
    icc: bytes | None
    png: PngColor
    is_adobe_rgb: bool


@contextmanager
def open_picture(path: Path) -> Iterator[tuple[Any, Header]]:
    """The file, opened by OpenImageIO, and its header. Raises UserError in one sentence for whatever is wrong."""
    if path.suffix.lower() not in KINDS:
        raise UserError(f"{path}: not a picture this engine reads (allowed: {', '.join(KINDS)})")
    source = None
    try:
        if not path.is_file():
            raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
        source = oiio.ImageInput.open(str(path), _as_in_the_file())
        if source is None:
            raise unreadable(path, oiio)
        yield source, _header(path, source)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or _short(error)})") from error
    except (ValueError, TypeError, RuntimeError, IndexError, OverflowError) as error:
        # A damaged file's text may not be UTF-8, its numbers absurd: OpenImageIO's binding raises these.
        raise UserError(f"{path}: cannot be read as a picture: the file is damaged ({_short(error)})") from error
    except MemoryError:
        raise UserError(f"{path}: too large for this machine's memory") from None
    finally:
        if source is not None:
            source.close()


def stripes(path: Path, source: Any, header: Header) -> Iterator[tuple[int, Array]]:
    """(row in the data window, (rows, width, channels)) from the top; channels are the layer's, alpha last.

    Raises UserError for pixels that cannot be read.
    """
    spec, data, layer = source.spec(), header.data, header.layer
    wanted = (*layer.colors, *(() if layer.alpha is None else (layer.alpha,)))
    first, last = min(wanted), max(wanted) + 1
    step = max(1, _STRIPE_BYTES // (4 * data.width * (last - first)))
    if spec.tile_width:
        step = max(spec.tile_height, step // spec.tile_height * spec.tile_height)
    for row in range(0, data.height, step):
        top, bottom = data.y + row, data.y + min(row + step, data.height)
        if spec.tile_width:
            pixels = source.read_tiles(
                layer.part, 0, data.x, data.x + data.width, top, bottom, 0, 1, first, last, oiio.FLOAT
            )
        else:
            pixels = source.read_scanlines(layer.part, 0, top, bottom, 0, first, last, oiio.FLOAT)
        if pixels is None or source.has_error:
            raise unreadable(path, source)
        block = np.asarray(pixels, np.float32).reshape(bottom - top, data.width, last - first)
        yield row, np.ascontiguousarray(block[..., [index - first for index in wanted]])


def unreadable(path: Path, teller: Any) -> UserError:
    """What OpenImageIO, or one of its files, says is wrong, on one line."""
    return UserError(f"{path}: cannot be read as a picture: {told_by(teller)}")


def _as_in_the_file() -> Any:
    """Alpha is multiplied in afterwards, in linear light; OpenImageIO would do it in the file's own curve."""
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    return config


def _header(path: Path, source: Any) -> Header:
    name = source.format_name()
    if name not in _FORMATS:
        raise UserError(f"{path}: is a {name} file, which this engine does not read (allowed: {', '.join(KINDS)})")
    layer = _layer(path, source)
    if not source.seek_subimage(layer.part, 0):
        raise unreadable(path, source)
    spec = source.spec()
    _refuse_spaces(path, spec)
    data = Window(spec.x, spec.y, spec.width, spec.height)
    is_exr = name == "openexr"  # elsewhere an offset is where to put it on paper
    display = Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height) if is_exr else data
    if min(data.width, data.height, display.width, display.height) < 1:
        raise UserError(f"{path}: has no pixels: it is {display.width} x {display.height}")
    radiance = read_radiance_header(path) if name == "hdr" else RadianceHeader()
    is_integer = spec.format not in (oiio.HALF, oiio.FLOAT, oiio.DOUBLE)
    return Header(
        format=name,
        layer=layer,
        data=data,
        display=display,
        pixel_aspect=_within_reason(radiance.pixel_aspect if name == "hdr" else _pixel_aspect(spec, name)),
        orientation=_orientation(spec),
        is_integer=is_integer,
        is_associated=is_exr or (name == "tiff" and not spec.get_int_attribute("tiff:UnassociatedAlpha", 0)),
        chromaticities=_chromaticities(spec) if is_exr else radiance.chromaticities,
        icc=_icc(spec),
        png=read_png_color(path) if name == "png" else PngColor(),
        is_adobe_rgb=name == "jpeg" and _is_adobe_rgb(path),
    )


def _layer(path: Path, source: Any) -> Layer:
    parts: list[tuple[str, tuple[str, ...]]] = []
    is_deep = False
    while len(parts) < _MOST_PARTS and source.seek_subimage(len(parts), 0):
        spec = source.spec()
        is_deep = is_deep or bool(spec.deep)
        named = spec.get_string_attribute("name") or spec.get_string_attribute("oiio:subimagename")
        parts.append((named, () if spec.deep else tuple(spec.channelnames)))
        if source.format_name() != "openexr":  # a TIFF's other pages are thumbnails, or others' business
            break
    source.geterror()  # there is no further part: that is no error
    if not parts:
        raise unreadable(path, source)
    if source.format_name() != "openexr":
        return _plain_layer(path, len(parts[0][1]), source.spec().alpha_channel)
    try:
        return beauty(parts if len(parts) > 1 else [("", parts[0][1])])
    except NoBeautyError as error:
        if is_deep:
            raise UserError(f"{path}: holds deep data (samples in depth), no picture; flatten it") from None
        raise UserError(f"{path}: {printable(str(error))}") from None


def _plain_layer(path: Path, channels: int, alpha: int) -> Layer:
    """Of formats with no names: grey or red, green, blue come first."""
    colors = channels - (0 < alpha < channels)
    if colors < 1:
        raise UserError(f"{path}: has no colours")
    return Layer(0, "", (0, 1, 2) if colors >= 3 else (0,), False, alpha if 0 < alpha < channels else None)


def _refuse_spaces(path: Path, spec: Any) -> None:
    """What OpenImageIO would show as if it were red, green and blue, or convert without its inks' profile."""
    space = spec.get_string_attribute("tiff:ColorSpace") or spec.get_string_attribute("jpeg:ColorSpace")
    if space.upper() in ("CMYK", "YCCK", "CIELAB", "ICCLAB", "ITULAB", "LOGL", "LOGLUV"):
        raise UserError(f"{path}: its colours are {space}; save it as RGB")


def _pixel_aspect(spec: Any, name: str) -> float:
    """Elsewhere than in an EXR, by the pixels to the inch: OpenImageIO has a JPEG's upside down."""
    if name == "openexr":
        return float(spec.get_float_attribute("PixelAspectRatio", 1.0))
    x, y = spec.get_float_attribute("XResolution", 0.0), spec.get_float_attribute("YResolution", 0.0)
    has_unit = spec.get_string_attribute("ResolutionUnit").lower() in ("in", "inch", "cm", "m", "meter")
    return float(y / x) if has_unit and x > 0.0 and y > 0.0 else 1.0


def _within_reason(aspect: float) -> float:
    """1 for what no lens does, and for NaN."""
    return aspect if 0.1 <= aspect <= 10.0 else 1.0


def _is_adobe_rgb(path: Path) -> bool:
    """Exif's InteroperabilityIndex R03 (DCF 2.0): the whole entry of its directory, in either byte order."""
    with path.open("rb") as file:
        head = file.read(_EXIF_BYTES)
    return b"\0\1\0\2\0\0\0\4R03\0" in head or b"\1\0\2\0\4\0\0\0R03\0" in head


def _orientation(spec: Any) -> int:
    found = spec.get_int_attribute("Orientation", 1)
    return found if 1 <= found <= 8 else 1


def _chromaticities(spec: Any) -> tuple[float, ...] | None:
    found = spec.getattribute("chromaticities")
    if found is not None and len(found) == 8:
        return tuple(float(value) for value in found)
    return None


def _icc(spec: Any) -> bytes | None:
    found = spec.getattribute("ICCProfile")
    return None if found is None else np.asarray(found).astype(np.uint8).tobytes()


def _short(error: Exception) -> str:
    return printable(str(error)) or type(error).__name__
