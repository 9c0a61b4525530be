"""Fixtures for every test: one headless context, a small stage, and golden images that `--accept-golden` renews."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from tests.stalls import AGAIN, OFTEN_S, SELDOM_S, TELLS_NOTHING, Stalls
from vpengine.gpu.context import create_headless
from vpengine.neural.model_folder import OVERRIDE as MODELS
from vpengine.remote import midi_ports
from vpengine.stage.state_folder import OVERRIDE

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
DIFFS = ROOT / "out" / "golden-diffs"
GOLDEN_DRIVER = "llvmpipe"

# How long an example takes, or is made, is the machine's: one that stalls is no fault of what is tested.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SMALL_STAGE = """\
version = 1
[stage]
name = "Test"
rate = 24
show = "show.toml"
[[camera]]
id = "1"
sensor_mm = [24.89, 14.0]
pinhole_focal_length_mm = 24.0
[camera.inner]
resolution = [160, 90]
[[wall]]
id = "main"
kind = "flat"
tile_mm = [500.0, 500.0]
tile_px = [16, 16]
columns = 12
rows = 6
position_m = [0.0, 3.0, 0.0]
[[tracking]]
kind = "osc"
camera = "1"
port = 9000
[[output]]
kind = "headless"
wall = "main"
[neural]
generator = "none"
runtime = "onnxruntime"
resolution = [96, 56]
[control]
osc_port = 9001
"""
SMALL_SHOW = """\
version = 1
[show]
name = "Test"
gate = "off"
[[scene]]
slug = "first"
dissolve_s = 0.2
plate.kind = "pattern"
controls.look.fog = 0.3
[[scene]]
slug = "second"
dissolve_s = 0.3
controls.look.fog = 0.6
[scene.plate]
kind = "pattern"
style = "checker"
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept-golden", action="store_true", help="write what tests draw as the new golden images")
    parser.addoption("--minutes", type=float, help="begin no test after so many; what is left is told, and skipped")


_begun_s = time.monotonic()
TIME_IS_UP = "there was no time for it"


def _skip_if_time_is_up(config: pytest.Config) -> None:
    minutes = config.getoption("--minutes")
    if minutes is not None and time.monotonic() - _begun_s > 60.0 * minutes:
        pytest.skip(TIME_IS_UP)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    left = sum(TIME_IS_UP in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
    if left:
        minutes = config.getoption("--minutes")
        terminalreporter.write_line(f"{left} tests were not begun: the {minutes:g} minutes were up", yellow=True)


@pytest.fixture(scope="session")
def gpu() -> Iterator[Any]:
    """The moderngl context; one for the whole session."""
    context = create_headless()
    _shared.append(context)
    yield context
    _shared.clear()
    context.release()


_shared: list[Any] = []  # the session's context, once there is one


_stalls: list[Stalls] = []  # one, once there are tests


@pytest.hookimpl(trylast=True)  # of those that are left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that failed while the machine stood still is run again: most wait for something, and not for ever.

    Not one that hung: its timer is that of all of its runs.
    """
    if not _stalls:
        timed = any(item.get_closest_marker("alone") is not None for item in items)
        _stalls.append(Stalls(OFTEN_S if timed else SELDOM_S))
    if not config.pluginmanager.hasplugin("rerunfailures"):
        return
    marker = pytest.mark.flaky(
        reruns=AGAIN, condition=lambda error: _stalls[0].again(error), rerun_except="from pytest-timeout"
    )
    for item in items:
        item.add_marker(marker)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What goes by the machine's clock and failed while that stood still for a good part of the test is not known."""
    report = yield
    timed = item.get_closest_marker("alone") is not None
    if timed and report.failed and "from pytest-timeout" not in str(report.longrepr):
        share = _stalls[0].share()
        if share > TELLS_NOTHING:
            report.outcome = "skipped"
            why = f"Skipped: this machine stood still for {100 * share:.0f} percent of the test"
            report.longrepr = (str(item.path), item.location[1] or 0, why)
    return report


def pytest_unconfigure() -> None:
    while _stalls:
        _stalls.pop().close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that ran an engine leaves that engine's context current: the next one begins in the session's."""
    _skip_if_time_is_up(item.config)
    _stalls[0].begin()
    for context in _shared:
        context.__enter__()


@pytest.fixture(autouse=True, scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the engine remembers from run to run is kept away from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OVERRIDE, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def tiny() -> Any:
    """The module that makes tiny diffusion models."""
    pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
    return importlib.import_module("tools.make_tiny_model")


@pytest.fixture(scope="session")
def tiny_sd(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Stable Diffusion; not to be written to."""
    folder = Path(tmp_path_factory.mktemp("models")) / "tiny-sd"
    tiny.make_tiny_model(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_models(tiny_sd: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that models are looked for in by their names: `tiny-sd` is in it, and keeps its prompts there."""
    folder = tmp_path_factory.mktemp("models-by-name")
    shutil.copytree(tiny_sd, folder / tiny_sd.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS, str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_sdxl(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny SDXL; not to be written to."""
    folder = Path(tmp_path_factory.mktemp("models")) / "tiny-sdxl"
    tiny.make_tiny_model(folder, "sdxl")
    return folder


@pytest.fixture
def small_stage(tmp_path: Path) -> Path:
    """tmp_path/stage.toml, with a show.toml beside it: one camera, one wall, two scenes; for a test to change."""
    (tmp_path / "show.toml").write_text(SMALL_SHOW, encoding="utf-8")
    path = tmp_path / "stage.toml"
    path.write_text(SMALL_STAGE, encoding="utf-8")
    return path


class FakeMidiIn:
    """As rtmidi's: ports are opened by their place in the list."""

    def __init__(self, library: SimpleNamespace) -> None:
        self._library, self.place = library, -1
        self.callback: Callable[[Any, Any], None] | None = None
        library.made.append(self)

    def get_ports(self) -> list[str]:
        if self._library.broken:
            raise self._library.error(self._library.broken)
        return list(self._library.names)

    def open_port(self, place: int) -> None:
        self.place = place

    def ignore_types(self, sysex: bool, timing: bool, active_sense: bool) -> None:
        assert (sysex, timing, active_sense) == (False, False, True)

    def set_callback(self, callback: Callable[[Any, Any], None]) -> None:
        self.callback = callback

    def cancel_callback(self) -> None:
        self.callback = None

    def close_port(self) -> None:
        if self.place not in range(len(self._library.names)):
            raise self._library.error("the device is gone")

    def delete(self) -> None:
        self._library.made.remove(self)


@pytest.fixture
def fake_midi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A python-rtmidi on a system that has a sequencer. names: of its ports; play: bytes to all who listen, or to those
    of one place; broken: what it says instead of names; made: what was not deleted; error: its own.
    """
    (tmp_path / "seq").touch()
    monkeypatch.setattr(midi_ports, "_ALSA", tmp_path / "seq")
    fake = SimpleNamespace(
        names=["nanoKONTROL2 MIDI 1"], broken="", made=[], error=type("RtMidiError", (Exception,), {})
    )

    def play(data: bytes, place: int | None = None) -> None:
        for port in list(fake.made):
            if port.callback is not None and place in (None, port.place):
                port.callback((list(data), 0.0), None)

    fake.play = play
    library = SimpleNamespace(RtMidiError=fake.error, MidiIn=lambda: FakeMidiIn(fake))
    monkeypatch.setitem(sys.modules, "rtmidi", library)
    return fake


@dataclass(frozen=True)
class GoldenLimits:
    """How far a picture may be from its golden one: of 255, for single pixels and for their mean."""

    pixel: int
    stray_pixels: float  # the share that may be further off than ``pixel``
    mean: float


def golden_limits(renderer: str, tolerance: int) -> GoldenLimits:
    """Mesa's llvmpipe drew the golden images, and must draw them again.

    Other drivers place edges and round half floats as they please, and graphics cards filter with what llvmpipe has no
    time for: the street then differs by 1.3 in the mean, 1.1 percent of it by more than 18. What none may do is shift,
    mirror, brighten or lose anything: test_golden.py shows that these limits still find it.
    """
    if renderer.startswith(GOLDEN_DRIVER):
        return GoldenLimits(tolerance, 0.001, float(tolerance))
    return GoldenLimits(tolerance + 16, 0.03, 2.0)


@pytest.fixture
def golden(request: pytest.FixtureRequest, gpu: Any) -> Callable[..., None]:
    """``golden("plates/street", image)``: compare (h, w, 3) uint8 with tests/golden/plates/street.png.

    Passes within ``golden_limits`` of the driver; ``renderer`` stands in for the driver's name. On failure a red
    difference picture, sixteen times amplified, is left in out/golden-diffs/.
    """

    def compare(name: str, image: Any, tolerance: int = 2, renderer: str = gpu.info["GL_RENDERER"]) -> None:
        path = GOLDEN / f"{name}.png"
        if request.config.getoption("--accept-golden"):
            assert renderer.startswith(GOLDEN_DRIVER), f"golden images are made on {GOLDEN_DRIVER}, not on {renderer}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, optimize=True)
            return
        assert path.exists(), (
            f"no {path.relative_to(ROOT)}: look at the picture, then pytest --accept-golden {request.node.nodeid}"
        )
        with Image.open(path) as stored:
            expected = np.asarray(stored.convert("RGB"))
        assert expected.shape == image.shape, f"{name}: {image.shape}, golden {expected.shape}"
        _assert_near(
            name, np.abs(expected.astype(int) - image.astype(int)), golden_limits(renderer, tolerance), request
        )

    return compare


def _assert_near(name: str, off: Any, limits: GoldenLimits, request: pytest.FixtureRequest) -> None:
    worst, mean = off.max(axis=-1), float(off.mean())
    stray = float((worst > limits.pixel).mean())
    if stray > limits.stray_pixels or mean > limits.mean:
        left = _write_difference(name, worst)
        pytest.fail(
            f"{name}: {stray:.2%} of pixels differ by more than {limits.pixel} ({limits.stray_pixels:.2%} may), mean "
            f"{mean:.2f} ({limits.mean}), worst {worst.max()}; see {left}; "
            f"if it is right: pytest --accept-golden {request.node.nodeid}"
        )


def _write_difference(name: str, off: Any) -> Path:
    picture = np.zeros((*off.shape, 3), np.uint8)
    picture[..., 0] = np.clip(off * 16, 0, 255)
    path = DIFFS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path
