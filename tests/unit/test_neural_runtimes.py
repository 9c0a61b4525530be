"""Runtimes: OpenVINO gives onnxruntime's picture, and ``auto`` takes it only where it is as good and faster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural import RUNTIMES, auto
from vpengine.neural.auto import AutoRuntime, probe_plate, psnr_db
from vpengine.neural.declared import looks_of
from vpengine.neural.generator import Generated, Generator, Plate, Runtime
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.weather import WEIGHTS, Weather

SIZE = (96, 56)
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
    """To 50 dB, in sizes that change, and twice the same bit for bit; what it gave before is not written again."""
    fast, reference = Weather(openvino_runtime()), Weather(OnnxRuntime())
    for size in (SIZE, (120, 67), SIZE):
        first = picture(fast, size)
        assert psnr_db(first, picture(reference, size)) > Weather.same_db
        kept = first.copy()
        np.testing.assert_array_equal(picture(fast, size), first)
        picture(fast, size, looks_of("weather").of({"fog": 1.0}))
        np.testing.assert_array_equal(first, kept)
    assert fast.runtime == "openvino bf16"
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


@pytest.mark.parametrize(
    ("error", "cost", "chosen"),
    [(0.0, 0.5, "other"), (0.002, 0.5, "other"), (0.01, 0.5, "reference"), (0.0, 0.9, "reference")],
)
def test_auto_takes_what_is_the_same_and_faster(
    monkeypatch: pytest.MonkeyPatch, error: float, cost: float, chosen: str
) -> None:
    clock = [0.0]
    monkeypatch.setattr(auto, "load_plugin", lambda name: lambda: name)
    monkeypatch.setattr(auto.time, "perf_counter", lambda: clock[0])

    def build(runtime: object) -> Pretend:
        is_reference = runtime == RUNTIMES["onnxruntime"]
        return Pretend(clock, "reference", 0.0, 1.0) if is_reference else Pretend(clock, "other", error, cost)

    assert AutoRuntime().choose(build, Pretend.runtimes, SIZE).runtime == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [ImportError("not installed"), UserError("not for this processor")])
def test_auto_goes_without_what_is_not_there(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def load(name: str) -> object:
        if name != RUNTIMES["onnxruntime"]:
            raise fault
        return OnnxRuntime

    monkeypatch.setattr(auto, "load_plugin", load)
    assert AutoRuntime().choose(Weather, Weather.runtimes, SIZE).runtime == "onnxruntime"
    assert WEIGHTS.is_file()
