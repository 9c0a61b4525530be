"""Where a generator runs is known at start, quietly on a machine without a card, and without importing torch."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vpengine.neural import placement
from vpengine.neural.declared import generator_class
from vpengine.neural.placement import cards, in_thread, torch_has_cuda


class Driver:
    """NVIDIA's library, as ctypes would have it: ``failing`` is what each of its calls answers."""

    def __init__(self, count: int, failing: tuple[int, int] = (0, 0)) -> None:
        self.count, self.failing = count, failing

    def cuInit(self, flags: int) -> int:  # noqa: N802 - NVIDIA's name
        assert flags == 0
        return self.failing[0]

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802 - NVIDIA's name
        count._obj.value = self.count
        return self.failing[1]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    cards.cache_clear()
    yield
    cards.cache_clear()


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (Driver(2), 2),
        (Driver(0), 0),
        (Driver(1, (100, 0)), 0),  # CUDA_ERROR_NO_DEVICE
        (Driver(1, (803, 0)), 0),  # CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
        (Driver(1, (0, 3)), 0),
        (object(), 0),  # a library of this name that is another
    ],
)
def test_the_driver_says_how_many_cards_there_are(driver: Any, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert cards() == expected


def test_without_the_driver_there_is_no_card(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(placement, "_DRIVER", "libcuda-that-nobody-has.so.1")
    assert cards() == 0
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cuda: Optional[str] = '12.8'", True),
        ("cuda = '12.1'", True),
        ("cuda: Optional[str] = None", False),
        ("cudart = '12.1'", False),
    ],
)
def test_a_torch_without_cuda_is_known_by_its_own_file(
    line: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('it was imported')")
    (tmp_path / "torch" / "version.py").write_text(f"debug = False\n{line}\nhip: Optional[str] = None\n")
    found = type("Spec", (), {"origin": str(tmp_path / "torch" / "__init__.py")})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert torch_has_cuda() == expected
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not torch_has_cuda()


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("cuda", [False, True])
def test_a_thread_is_for_networks_on_a_card(count: int, cuda: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "cards", lambda: count)
    monkeypatch.setattr(placement, "torch_has_cuda", lambda: cuda)
    weather, diffusion = generator_class("weather"), generator_class("diffusion")
    card, torch_on_card = count > 0, count > 0 and cuda
    assert [in_thread("auto", weather, runtime) for runtime in ("auto", "onnxruntime")] == [False, False]
    assert [in_thread("auto", weather, runtime) for runtime in ("tensorrt", "tensorrt-rtx")] == [card, card]
    assert [in_thread("auto", diffusion, runtime) for runtime in ("auto", "torch")] == [torch_on_card] * 2
    assert not in_thread("auto", diffusion, "openvino")
    assert in_thread("thread", weather, "onnxruntime")
    assert not in_thread("process", diffusion, "torch")


def test_it_is_decided_without_torch() -> None:
    program = (
        "import sys\nfrom vpengine.neural.declared import generator_class\nfrom vpengine.neural.placement import *\n"
        "in_thread('auto', generator_class('diffusion'), 'torch'); cards(); torch_has_cuda()\n"
        "print(*(name for name in ('torch', 'cuda', 'onnxruntime') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
