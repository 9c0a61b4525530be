"""Runtimes: OpenVINO gives onnxruntime's picture, and ``auto`` takes it only where it is as good and faster."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural import RUNTIMES, auto, tensorrt_flavours
from vpengine.neural.auto import AutoRuntime, probe_plate, psnr_db
from vpengine.neural.cuda_driver import driver_version
from vpengine.neural.declared import looks_of
from vpengine.neural.engine_cache import NotBuiltError
from vpengine.neural.generator import Generated, Generator, Plate, Runtime
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.weather import WEIGHTS, Weather

SIZE, ODD = (96, 56), (120, 67)
LOW_RUNG = (336, 192)  # what a request of 480 x 270 becomes on the governor's lower rungs
SNOW = looks_of("weather").of({"snow": 1.0, "night": 0.55})


def openvino_runtime() -> Runtime:
    module = pytest.importorskip("vpengine.neural.openvino_runtime", reason="openvino is not installed")
    try:
        made: Runtime = module.OpenVinoRuntime()
    except UserError as error:
        pytest.skip(str(error))
    return made


def picture(generator: Weather, size: tuple[int, int], look: Look = SNOW) -> np.ndarray:
    plate = probe_plate(size)
    made = generator.generate(plate, look)
    return made.gain * plate.color_cct + made.bias


def test_openvino_s_picture_is_onnxruntime_s() -> None:
    """To 50 dB, in sizes that change, and twice the same bit for bit; what it gave before is not written again.

    Of 120 x 67 the last rows are made up, and bfloat16 shows most there: 49.1 dB. ``auto`` takes onnxruntime then.
    """
    fast, reference = Weather(openvino_runtime()), Weather(OnnxRuntime())
    for size, least_db in ((SIZE, Weather.same_db), (ODD, 45.0), (LOW_RUNG, Weather.same_db), (SIZE, Weather.same_db)):
        first = picture(fast, size)
        assert psnr_db(first, picture(reference, size)) > least_db
        kept = first.copy()
        np.testing.assert_array_equal(picture(fast, size), first)
        picture(fast, size, looks_of("weather").of({"fog": 1.0}))
        np.testing.assert_array_equal(first, kept)
    assert fast.runtime == f"openvino {metadata.version('openvino')} bf16"
    assert fast.model_sha256 == reference.model_sha256


def test_a_broken_network_is_one_sentence(tmp_path: Path) -> None:
    runtime = openvino_runtime()
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    for path in (tmp_path / "x.onnx", tmp_path / "gone.onnx"):
        with pytest.raises(UserError, match=path.name):
            runtime.load(path)


class Pretend(Generator):
    """A generator whose picture is off by ``error``, and which takes ``cost`` seconds of a clock wound by hand."""

    model_sha256 = ""

    def __init__(self, clock: list[float], runtime: str, error: float, cost: float) -> None:
        self.runtime, self._clock, self._error, self._cost = runtime, clock, error, cost

    def generate(self, plate: Plate, look: Look) -> Generated:
        self._clock[0] += self._cost
        return Generated(np.ones_like(plate.color_cct), np.full_like(plate.color_cct, self._error))


def pretended(monkeypatch: pytest.MonkeyPatch, clock: list[float], card: bool = False) -> None:
    monkeypatch.setattr(auto, "load_plugin", lambda name: lambda: name)
    monkeypatch.setattr(auto, "could_run", lambda name: card)
    monkeypatch.setattr(auto.time, "perf_counter", lambda: clock[0])


@pytest.mark.parametrize(
    ("error", "cost", "chosen"),
    [(0.0, 0.5, "other"), (0.002, 0.5, "other"), (0.01, 0.5, "reference"), (0.0, 0.9, "reference")],
)
def test_auto_takes_what_is_the_same_and_faster(
    monkeypatch: pytest.MonkeyPatch, error: float, cost: float, chosen: str
) -> None:
    clock = [0.0]
    pretended(monkeypatch, clock)

    def build(runtime: object) -> Pretend:
        is_reference = runtime == RUNTIMES["onnxruntime"]
        return Pretend(clock, "reference", 0.0, 1.0) if is_reference else Pretend(clock, "other", error, cost)

    assert AutoRuntime().choose(build, Pretend.runtimes, (SIZE,)).runtime == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [ImportError("not installed"), UserError("not for this processor")])
def test_auto_goes_without_what_is_not_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    def load(name: str) -> object:
        if name != RUNTIMES["onnxruntime"]:
            raise fault
        return OnnxRuntime

    monkeypatch.setattr(auto, "load_plugin", load)
    with caplog.at_level(logging.INFO, auto.log.name):
        assert AutoRuntime().choose(Weather, Weather.runtimes, (SIZE,)).runtime.startswith("onnxruntime ")
    assert f"runtime auto: openvino is not taken: {fault}" in caplog.messages
    assert WEIGHTS.is_file()


class Card:
    """Runtimes by name, as a machine with a card has them. built: the sizes that there are engines for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, built: tuple[tuple[int, int], ...], card: bool = True) -> None:
        self.clock, self.built, self.tried = [0.0], built, list[str]()
        self.error = 0.0
        pretended(monkeypatch, self.clock, card)

    def chosen(self, sizes: tuple[tuple[int, int], ...] = (SIZE, (64, 64))) -> str:
        return AutoRuntime().choose(self.build, Generator.runtimes, sizes).runtime  # type: ignore[arg-type]

    def build(self, runtime: object) -> Pretend:
        name = next(name for name, target in RUNTIMES.items() if target == runtime)
        self.tried.append(name)
        cost = {"onnxruntime": 1.0, "openvino": 0.5, "tensorrt-rtx": 0.1, "tensorrt": 0.09}[name]
        made = Pretend(self.clock, name, self.error if "rt-" in name else 0.0, cost)
        if name.startswith("tensorrt"):
            made.generate = partial(self.generate, made.generate)  # type: ignore[method-assign]
        return made

    def generate(self, inner: Callable[[Plate, Look], Generated], plate: Plate, look: Look) -> Generated:
        if plate.view.resolution not in self.built:
            raise NotBuiltError(f"no engine for {plate.view.resolution}; vpengine engines build --stage STAGE")
        return inner(plate, look)


def test_auto_takes_tensorrt_where_all_engines_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """And another flavour of it only where that is faster still by as much."""
    card = Card(monkeypatch, (SIZE, (64, 64)))
    assert card.chosen() == "tensorrt-rtx"
    assert card.tried == ["onnxruntime", "openvino", "tensorrt-rtx", "tensorrt"]
    card.error = 0.01
    assert card.chosen() == "tensorrt"


@pytest.mark.parametrize("built", [(), (SIZE,)])
def test_auto_says_how_to_build_what_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, built: tuple[tuple[int, int], ...]
) -> None:
    """One size that the governor may choose is enough: nothing is built during a show."""
    assert Card(monkeypatch, built).chosen() == "openvino"
    assert len(caplog.messages) == 2
    assert "runtime auto: tensorrt-rtx is not tried: no engine for " in caplog.messages[0]
    assert "vpengine engines build --stage STAGE" in caplog.messages[0]


def test_auto_looks_for_a_card_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a driver nothing is imported that takes seconds."""
    card = Card(monkeypatch, (SIZE, (64, 64)), card=False)
    assert card.chosen() == "openvino"
    assert card.tried == ["onnxruntime", "openvino"]


@pytest.mark.parametrize(("driver", "installed"), [("580.65.06", True), ("", True), ("580.65.06", False)])
def test_tensorrt_needs_its_library_and_a_driver(monkeypatch: pytest.MonkeyPatch, driver: str, installed: bool) -> None:
    def version(name: str) -> str:
        if not installed:
            raise tensorrt_flavours.metadata.PackageNotFoundError(name)
        return "1.7"

    monkeypatch.setattr(tensorrt_flavours, "driver_version", lambda: driver)
    monkeypatch.setattr(tensorrt_flavours.metadata, "version", version)
    assert tensorrt_flavours.could_run("tensorrt-rtx") == bool(driver and installed)


def test_a_driver_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert driver_version("no-such-library.so.1") == ""
    (tmp_path / "broken.so").write_bytes(b"no library")
    assert driver_version(str(tmp_path / "broken.so")) == ""
    assert driver_version("libm.so.6") == ""


def test_a_driver_that_cannot_tell_its_version_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can be begun with, and no more."""
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(nvmlInit_v2=lambda: 0))
    assert driver_version("libnvidia-ml.so.1") == ""
