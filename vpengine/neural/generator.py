"""The contracts of generators and runtimes, and the arrays they exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from vpengine.control.controls import Control, Value
from vpengine.control.looks import Looks, look_name
from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.view.view import View

Planes = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Current:
    """What is on the walls already, re-projected to a plate's View: color_cct (height, width, 3) ACEScct; known
    (height, width) 0..1, how far a generated picture shows a pixel, and it is one of the look that is asked for.
    """

    color_cct: Planes
    known: Planes


@dataclass(frozen=True, eq=False)
class Plate:
    """What a generator is given, row 0 at the top: color_cct (height, width, 3) ACEScct; depth_m (height, width),
    +inf for sky; noise (height, width), world-anchored, 0..1. view: where it was drawn from.

    current: for a generator that ``starts_from_current``; None where nothing generated is there.
    """

    color_cct: Planes
    depth_m: Planes
    noise: Planes
    view: View
    current: Current | None = None


@dataclass(frozen=True, eq=False)
class Generated:
    """The changed picture as gain * color_cct + bias, each (height, width, 3). One that paints all of it: gain 0.

    told: of what it was told by, (name, sha256) pairs: files, as a look names them, and embeddings, by their words.
    Another file of that name, or another text encoder, would give another picture.
    """

    gain: Planes
    bias: Planes
    told: tuple[tuple[str, str], ...] = ()


class Network(Protocol):
    """Arrays by name in, arrays by name out. name: what runs it, as provenance and reports have it."""

    @property
    def name(self) -> str: ...

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]: ...


class RefusedLookError(UserError):
    """A look that a generator cannot do, as it is or at all: one sentence for the operator."""


class Runtime(Protocol):
    def load(self, path: Path, large: bool = False, exact: bool = False) -> Network:
        """large: it takes all of the processors for long, and may; without, it leaves the frame its core. exact: it is
        run in the precision that the file has.

        Raises UserError with the cure when the file or the library cannot be used.
        """


class Generator(Protocol):
    """Makes pictures. A generator derives from this, and says of itself, before there is one, what differs from here.

    It is made and used where its host runs it; the constructor is given the runtime that it may use, and as
    ``settings`` what a stage file says for it, where the class has a model ``Settings`` for that. The engine imports
    its module too, for what the class declares: that imports no inference library.

    controls: its own, below ``/vp/look/``; a Look has their values by name.
    runtimes: names of those that run its networks, the one that others are measured by first.
    starts_from_current: its plates come with what is on the walls already.
    guesses_depth: of a flat plate it is given a guess of how far what that shows is (neural.depth_guess).
    stands_in: the name of the generator that is asked where it cannot go on, whose controls a stage then has too.
    load_limit_s: what it may take until its model is in memory, with the probing of runtimes that ``auto`` does.
    same_db: how near to the first runtime's picture another's has to be for ``auto``: PSNR in ACEScct, peak 1.
    first_pictures_limit_s: what its first two pictures may take after that. A host ends one that takes longer.
    model_sha256: of its weights. runtime: what runs its network. Both empty where it has none.
    """

    controls: ClassVar[tuple[Control, ...]] = ()
    runtimes: ClassVar[tuple[str, ...]] = ("onnxruntime", "openvino", "tensorrt-rtx", "tensorrt")
    starts_from_current: ClassVar[bool] = False
    guesses_depth: ClassVar[bool] = False
    stands_in: ClassVar[str] = ""
    load_limit_s: ClassVar[float] = 120.0
    first_pictures_limit_s: ClassVar[float] = 120.0
    same_db: ClassVar[float] = 50.0

    model_sha256: str
    runtime: str

    def generate(self, plate: Plate, look: Look) -> Generated:
        """Raises RefusedLookError for a look that it cannot do; it goes on with the next."""

    @staticmethod
    def ready_for(runtime: str, settings: Any) -> bool:
        """Whether ``auto`` may try a runtime, by its name: what it needs for this generator was made before."""
        del runtime, settings
        return True

    @staticmethod
    def hang_limit_s(work_s: float) -> float:
        """How long a picture may be waited for, where one usually takes ``work_s``; after that it hangs."""
        return max(3.0, 10.0 * work_s)

    @staticmethod
    def plain(values: Mapping[str, Value]) -> bool:
        """Whether it leaves the plate as it is with these values of its controls; then it is not asked at all."""
        del values
        return False

    @staticmethod
    def view_consistency(values: Mapping[str, Value]) -> float:
        """How far its pictures of one place from several views agree with these values, 0 to 1: what is less is not
        shown around the camera's own.
        """
        del values
        return 1.0


def part_way(generator: Generator, part: float) -> Look:
    """A Look to try a generator with: each of its floats at ``part`` of its range, the rest as declared."""
    floats = {
        look_name(it.address): it.low + part * (it.high - it.low) for it in generator.controls if it.kind == "float"
    }
    return Looks("", generator.controls, lambda values: False).of(floats)
