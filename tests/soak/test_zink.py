"""The gl tests on another driver: Mesa's zink, which is OpenGL over Vulkan, over lavapipe, which is Vulkan in software.

Nothing but llvmpipe has seen the shaders otherwise, unless somebody has a graphics card. zink compiles them by way of
SPIR-V, as cards' drivers of today do, and holds the engine to Vulkan's rules of what may be read while it is drawn.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
GL_TESTS = ROOT / "tests" / "gl"
ICDS = [Path(folder) / "vulkan" / "icd.d" for folder in ("/etc", "/usr/local/share", "/usr/share")]
PROBE = "from vpengine.gpu.context import create_headless, describe; print(describe(create_headless()))"
MAY_BE_SKIPPED = {"test_weather_scenes.py"}  # where there is no torch
NO_TESTS = 5  # pytest's exit code where all of a file is skipped


@pytest.fixture(scope="module")
def zink(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Mesa's OpenGL is zink over lavapipe; skips where there is none."""
    found = sorted(icd for folder in ICDS for icd in folder.glob("lvp_icd*.json"))
    if not found:
        pytest.skip("lavapipe (Debian's mesa-vulkan-drivers) is not installed: tools/bootstrap soak")
    environment = {
        **os.environ,
        "GALLIUM_DRIVER": "zink",
        "MESA_LOADER_DRIVER_OVERRIDE": "zink",  # without it, pictures are right and windows stay black
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "VK_ICD_FILENAMES": str(found[0]),
        "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("runtime")),  # Vulkan's loader complains where it has none
    }
    probe = _python(environment, 60.0, "-c", PROBE)
    if not probe.stdout.startswith("zink"):
        told = (probe.stdout + probe.stderr).strip().splitlines() or ["nothing said"]
        pytest.skip(f"zink does not start here: {told[-1]}")
    return environment


def _python(environment: dict[str, str], limit_s: float, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
    )


@pytest.mark.timeout(660)
@pytest.mark.parametrize("file", sorted(path.name for path in GL_TESTS.glob("test_*.py")))
def test_the_gl_tests_pass_on_zink(zink: dict[str, str], file: str, tmp_path: Path) -> None:
    """A file at a time, so that a driver that falls over takes no others with it; also at the process's very end."""
    report = tmp_path / "report.xml"
    options = ["--timeout", "300", "-p", "no:cacheprovider", "--junitxml", str(report)]
    done = _python(zink, 600.0, "-m", "pytest", str(GL_TESTS / file), *options)
    told = f"ended with {done.returncode}: {done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert done.returncode in (0, NO_TESTS), told
    suite = ElementTree.parse(report).getroot()[0]
    assert file in MAY_BE_SKIPPED or int(suite.get("tests", 0)) > int(suite.get("skipped", 0)), "all of it was skipped"
