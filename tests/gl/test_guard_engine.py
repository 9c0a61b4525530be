"""Faults injected into a running engine: the show goes on, feeds keep their last picture, one sentence says why."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from vpengine.compose import plan as plan_module
from vpengine.gpu import program as program_module
from vpengine.gpu.library import gl_library
from vpengine.gpu.pool import TargetPool

FEEDS = ("wall:main", "wall:side", "world:1")


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError("it broke")


def gl_error(*_: object, **__: object) -> None:
    """As a driver does that has no such texture unit; nothing raises."""
    gl_library().glActiveTexture(ctypes.c_uint(0))


Inject = Callable[[Any, pytest.MonkeyPatch], None]


def plate_fails(show: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(show.app.locations["pattern"], "draw", broken)


def wall_fails(show: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(show.app.compositor.walls.pictures["main"], "draw", broken)


def wall_errs(show: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(show.app.compositor.walls.pictures["main"], "draw", gl_error)


def wall_fails_half_way(show: Any, patch: pytest.MonkeyPatch) -> None:
    """When it has noted what it draws, and has not drawn it."""
    patch.setattr(show.app.compositor.walls.pictures["side"], "_draw", broken)


def wall_errs_half_way(show: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(show.app.compositor.walls.pictures["side"], "_draw", gl_error)


def too_large(show: Any, patch: pytest.MonkeyPatch) -> None:
    largest = show.app.gpu.context.info["GL_MAX_TEXTURE_SIZE"]
    patch.setattr(plan_module, "inner_size", lambda *_: (largest + 1, 90))


def no_memory(_: Any, patch: pytest.MonkeyPatch) -> None:
    def lend(*_: object) -> None:
        raise MemoryError("no room on the card")

    patch.setattr(TargetPool, "lend", lend)


def no_shader(show: Any, patch: pytest.MonkeyPatch) -> None:
    """Of the pass that develops worlds, which is to be compiled now."""
    source = program_module._source
    patch.setattr(program_module, "_source", lambda path: "no GLSL;" if path.name == "develop.frag" else source(path))
    lut = show.app.compositor._view_lut
    assert lut is not None
    lut.release()
    show.app.compositor._view_lut = None
    for key in [key for key in show.app.gpu._passes if key[0] == "develop"]:
        del show.app.gpu._passes[key]


def outer_fails(show: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(show.app.compositor.walls, "follow", broken)


@dataclass(frozen=True)
class Fault:
    """inject: begins it. job: who is said to have failed, and why. keep: feeds that keep their last picture."""

    inject: Inject
    job: str
    why: str
    keep: tuple[str, ...]


FAULTS = {
    "a plate": Fault(plate_fails, "plate pattern, program 1", "RuntimeError: it broke", FEEDS),
    "a wall": Fault(wall_fails, "wall main", "RuntimeError: it broke", ("wall:main",)),
    "an error of OpenGL's": Fault(wall_errs, "wall main", "GlError: GL_INVALID_ENUM", ("wall:main",)),
    "half a wall": Fault(wall_fails_half_way, "wall side", "RuntimeError: it broke", ("wall:side",)),
    "an error half-way": Fault(wall_errs_half_way, "wall side", "GlError: GL_INVALID_ENUM", ("wall:side",)),
    "a size": Fault(too_large, "plate pattern, program 1", "takes up to", FEEDS),
    "memory": Fault(no_memory, "plate pattern, program 1", "MemoryError: no room on the card", FEEDS),
    "a shader": Fault(no_shader, "feed world:1", "ShaderError: shaders/develop", ("world:1",)),
    "the outer picture": Fault(outer_fails, "outer", "RuntimeError: it broke", ()),
}
DIMMED = ("wall:main", "wall:side")  # what changes while a fault is on


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_freezes_what_it_is_in_and_nothing_else(
    show: Any, fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The walls are dimmed while it is on, so that who keeps an old picture is seen; then all is as without it."""
    show.frames(3)
    good = show.all_pixels()
    show.dim(-2.0)
    show.frames(3)
    dimmed = show.all_pixels()
    show.dim(0.0)
    show.frames(3)
    with monkeypatch.context() as patch:
        fault.inject(show, patch)
        show.frames(2)
        show.dim(-2.0)
        show.seconds(3.0)
        now = show.all_pixels()
    for feed in FEEDS:
        np.testing.assert_array_equal(now[feed], good[feed] if feed in fault.keep else dimmed[feed])
        assert (feed in DIMMED) == bool((good[feed] != dimmed[feed]).any())
    report = show.app.report()
    assert 3 <= report["failures"][fault.job] <= 8  # tried again, ever more seldom
    said = [record.getMessage() for record in caplog.records if "failed (" in record.getMessage()]
    about = [sentence for sentence in said if sentence.startswith(fault.job)]
    assert len(about) == 1
    assert fault.why in about[0]
    assert len(said) == len(report["failures"])
    show.seconds(6.0)  # the longest back-off
    for feed, pixels in show.all_pixels().items():
        np.testing.assert_array_equal(pixels, dimmed[feed])
    assert show.app.report()["failures"][fault.job] == report["failures"][fault.job]


def test_a_size_that_is_refused_leaves_nothing_behind_at_any_try(show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the driver makes the texture and refuses what comes after it."""
    engine = show.app.gpu
    refuse_renderbuffers = [False]
    real = type(engine.context).depth_renderbuffer

    def renderbuffer(context: Any, size: tuple[int, int], **more: Any) -> Any:
        if refuse_renderbuffers[0]:
            raise RuntimeError("no room")
        return real(context, size, **more)

    monkeypatch.setattr(type(engine.context), "depth_renderbuffer", renderbuffer)
    before = textures()
    refuse_renderbuffers[0] = True
    for _ in range(5):
        with pytest.raises(RuntimeError, match="no room"):
            engine.target((64, 64), depth=True)
    assert textures() == before


def textures() -> int:
    return sum(bool(gl_library().glIsTexture(name)) for name in range(1, 4000))
