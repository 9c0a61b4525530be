"""What an OpenTrackIO sample says about the lens. PROTOCOLS 1.3, 1.5 and 1.6."""

from __future__ import annotations

from collections.abc import Mapping

from vpengine.tracking.opentrackio_packet import OpenTrackIOError
from vpengine.tracking.opentrackio_sample import Table, read_number, read_table, shown_value
from vpengine.view.distortion import D_U, MODELS, Distortion, padded

LENS = {
    "pinholeFocalLength": "focal_length_mm",
    "focusDistance": "focus_distance_m",  # metres, though some parsers of 0.9 took millimetres
    "tStop": "t_stop",
    "entrancePupilOffset": "entrance_pupil_offset_m",
}
MOST_MODELS = 16  # the two of OpenLensIO, and makers' own
LARGEST_OFFSET_MM = 100.0
LARGEST_COEFFICIENT = 1e6  # per mm^2 and so on: more bends a picture of any size into nothing


def read_lens_members(sample: Table) -> dict[str, object]:
    """What a sample says about the lens in single numbers, by LensUpdate's names; not looked at yet."""
    lens = _lens(sample)
    return {name: lens[key] for key, name in LENS.items() if lens.get(key) is not None}


def read_projection_offset_mm(sample: Table) -> tuple[float, float] | None:
    """Right and down; None when it is missing."""
    return _offset_mm(_lens(sample), "projectionOffset", "bad-projection-offset")


def read_distortion_offset_mm(sample: Table) -> tuple[float, float] | None:
    """Of the distortion's centre from the lens's axis, right and down; None when it is missing."""
    return _offset_mm(_lens(sample), "distortionOffset", "bad-distortion")


def read_distortion(sample: Table) -> Distortion | None:
    """The first of its models that is OpenLensIO's; None when the sample has none. The offset is read by itself."""
    listed = _lens(sample).get("distortion")
    if listed is None:
        return None
    if not isinstance(listed, list | tuple) or len(listed) > MOST_MODELS:
        raise _bad(f"distortion is {shown_value(listed)}, expected a list of models, {MOST_MODELS} at most")
    others = []
    for model in listed:
        if not isinstance(model, Mapping):
            raise _bad(f"a distortion is {shown_value(model)}, expected an object with model and radial")
        name = D_U if model.get("model") is None else model["model"]
        if name in MODELS:
            return _coefficients(model, name)
        others.append(shown_value(name))
    if others:
        raise _bad(f"distortion is of the model {', '.join(others)}, expected {' or '.join(MODELS)}")
    return None


def _coefficients(model: Table, name: object) -> Distortion:
    """Fewer than six radial ones are sent too; the others are 0. Tangential ones may be left out."""
    radial = _numbers(model, "radial", range(1, 7), "1 to 6")
    tangential = (0.0, 0.0) if model.get("tangential") is None else _numbers(model, "tangential", range(2, 3), "2")
    known = next(each for each in MODELS if each == name)
    return Distortion(padded(radial), (tangential[0], tangential[1]), model=known)


def _numbers(table: Table, key: str, counts: range, words: str) -> tuple[float, ...]:
    listed = table.get(key)
    if not isinstance(listed, list | tuple) or len(listed) not in counts:
        raise _bad(f"{key} is {shown_value(listed)}, expected {words} numbers")
    limit = LARGEST_COEFFICIENT
    return tuple(read_number({key: value}, key, "bad-distortion", -limit, limit) for value in listed)


def _offset_mm(lens: Table, key: str, reason: str) -> tuple[float, float] | None:
    """A member that is missing is 0."""
    offset = read_table(lens, key, reason)
    if not offset:
        return None
    limit = LARGEST_OFFSET_MM
    x, y = (read_number(offset, axis, reason, -limit, limit, missing=0.0) for axis in ("x", "y"))
    return x, y


def _lens(sample: Table) -> Table:
    return read_table(sample, "lens", "bad-lens")


def _bad(sentence: str) -> OpenTrackIOError:
    return OpenTrackIOError("bad-distortion", sentence)
