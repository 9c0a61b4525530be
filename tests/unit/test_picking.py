"""Picking from a camera's picture: the message, the box in every pixel format, and what cannot be picked."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.compose import picking
from vpengine.compose.picking import measured, picked
from vpengine.control.key import CONTROLS, GAINS, GREEN, SCREEN
from vpengine.control.triggers import PickTrigger
from vpengine.errors import UserError
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags, cropped, rgb_of
from vpengine.osc import Message
from vpengine.remote.osc_messages import RefusedError, pick_trigger

CONTROL_VALUES = {control.address: control.default for control in CONTROLS}


def frame(name: str, size: tuple[int, int] = (35, 21)) -> CapturedFrame:
    kind, rng = FORMATS[name], np.random.default_rng(3)
    planes = tuple(
        rng.integers(64 << (kind.bits - 8), 180 << (kind.bits - 8), shape).astype(kind.dtype) << kind.shift
        for shape in kind.shapes(size)
    )
    return CapturedFrame(planes, kind, size, Tags(), 0.0, siting="center")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_part_is_what_the_whole_has_there(name: str) -> None:
    whole = frame(name)
    part = cropped(whole, 9, 5, 20, 14)
    kind = whole.format
    left, top = 9 // kind.across * kind.across, 5 // kind.down * kind.down
    # But for the outermost pixels, whose chroma lies between samples on both sides of the cut.
    expected = rgb_of(whole)[top + 1 : 13, left + 1 : 19]
    np.testing.assert_allclose(rgb_of(part)[1 : 13 - top, 1 : 19 - left], expected, atol=1e-5)


@pytest.mark.parametrize("at", [(0.0, 0.0), (1.0, 1.0), (0.5, 0.0)])
def test_a_corner_is_picked_too(at: tuple[float, float]) -> None:
    light = measured(PickTrigger("screen", *at), frame("yuv420p"), "tagged")
    assert np.isfinite(light).all()


def test_a_speck_does_not_count() -> None:
    grey = np.full((20, 20, 3), 118, np.uint8)
    grey[10, 10] = 255
    one = CapturedFrame((grey,), FORMATS["rgb24"], (20, 20), Tags(transfer="iec61966-2-1"), 0.0)
    red, green, blue = measured(PickTrigger("grey", 0.5, 0.5, 0.2, 0.2), one, "tagged")
    assert (red, green, blue) == pytest.approx((0.1812,) * 3, abs=2e-3)
    asked = picked(PickTrigger("grey", 0.5, 0.5), one, "tagged", CONTROL_VALUES)
    changes = {change.address: change.value for change in asked}
    assert {address: changes[address] for address in GAINS} == pytest.approx(
        dict.fromkeys(GAINS, 0.18 / 0.1812), rel=0.02
    )


def plain(red: int, green: int, blue: int) -> CapturedFrame:
    picture = np.full((20, 20, 3), (red, green, blue), np.uint8)
    return CapturedFrame((picture,), FORMATS["rgb24"], (20, 20), Tags(transfer="iec61966-2-1"), 0.0)


@pytest.mark.parametrize("first", ["screen", "grey"])
def test_screen_and_grey_card_are_picked_in_any_order(first: str) -> None:
    """Of a picture that is too blue: afterwards the key's screen is the one in the picture with its gains."""
    pictures = {"screen": plain(60, 150, 80), "grey": plain(100, 110, 150)}
    values = dict(CONTROL_VALUES)
    for what in (first, "grey" if first == "screen" else "screen"):
        asked = picked(PickTrigger(what, 0.5, 0.5), pictures[what], "tagged", values)  # type: ignore[arg-type]
        values |= {change.address: change.value for change in asked}
    light = measured(PickTrigger("screen", 0.5, 0.5), pictures["screen"], "tagged")
    gained = [part * float(values[gain]) for part, gain in zip(light, GAINS, strict=True)]
    assert [values[address] for address in SCREEN] == pytest.approx(gained)
    assert max(abs(float(values[gain]) - 1.0) for gain in GAINS) > 0.1


def test_a_screen_that_nobody_picked_is_that_of_a_balanced_picture() -> None:
    asked = picked(PickTrigger("grey", 0.5, 0.5), plain(100, 110, 150), "tagged", CONTROL_VALUES)
    assert [change.value for change in asked if change.address in SCREEN] == list(GREEN)


def test_a_box_as_large_as_the_picture_is_measured_all_over_and_no_frame_waits() -> None:
    """Of a picture that is half one colour, and somewhat more than half another, from left to right."""
    picture = np.full((1080, 1920, 3), 40, np.uint8)
    picture[:, : 1920 * 5 // 8] = 118
    large = CapturedFrame((picture,), FORMATS["rgb24"], (1920, 1080), Tags(transfer="iec61966-2-1"), 0.0)
    small = CapturedFrame((picture[:8, :8],), FORMATS["rgb24"], (8, 8), Tags(transfer="iec61966-2-1"), 0.0)
    expected = measured(PickTrigger("screen", 0.5, 0.5, 1.0, 1.0), small, "tagged")
    looked_at = 0

    def counted(part: CapturedFrame) -> np.ndarray:
        nonlocal looked_at
        looked_at += part.size[0] * part.size[1]
        return rgb_of(part)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picking, "rgb_of", counted)
        light = measured(PickTrigger("screen", 0.5, 0.5, 1.0, 1.0), large, "tagged")
    assert light == pytest.approx(expected, rel=1e-3)
    assert looked_at <= 64 * 64


def test_black_is_no_grey_card() -> None:
    black = CapturedFrame((np.zeros((8, 8, 3), np.uint8),), FORMATS["rgb24"], (8, 8), Tags(), 0.0)
    with pytest.raises(UserError, match="is no grey card; pick one that is lit as the actor is"):
        picked(PickTrigger("grey", 0.5, 0.5), black, "tagged", CONTROL_VALUES)


def test_the_message() -> None:
    assert pick_trigger(Message("/vp/key/pick", (0.25, 0.5))) == PickTrigger("screen", 0.25, 0.5)
    assert pick_trigger(Message("/vp/picture/grey", (0, 1, 0.1, 0.2))) == PickTrigger("grey", 0.0, 1.0, 0.1, 0.2)


@pytest.mark.parametrize("arguments", [(), (0.5,), (0.5, 1.5), (0.5, "x"), (0.1, 0.1, 0.1), (0.1,) * 5])
def test_what_is_no_place_in_the_picture(arguments: tuple[float | str, ...]) -> None:
    with pytest.raises(RefusedError) as refused:
        pick_trigger(Message("/vp/key/pick", arguments))
    assert refused.value.sentence.startswith("/vp/key/pick: expected x and y from the upper left corner")
