"""Sharing between OpenGL and CUDA is believed when a pattern has crossed both ways; on a stand-in for cuda.core."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

import moderngl
import numpy as np
import pytest

from tests.cuda_stand_in import FAULTS, CudaCore, WatchedContext
from vpengine.cli import doctor
from vpengine.gpu import cuda as cuda_module
from vpengine.gpu.cuda import Cuda, CudaError, try_sharing

WHY = {
    "null handle": "the driver registered an OpenGL buffer with a null handle",
    "null address": "the driver mapped it at a null address",
    "short": "the driver mapped 32768 of 65536 bytes",
    "other bytes": "CUDA reads other bytes than OpenGL wrote",
    "lost bytes": "OpenGL reads other bytes than CUDA wrote",
    "refuses": "the driver does not register an OpenGL buffer (CUDAError: CUDA_ERROR_OPERATING_SYSTEM: OS call failed)",
    "does not map": "the driver does not map an OpenGL buffer (CUDAError: CUDA_ERROR_UNKNOWN: an unknown error)",
    "no card": "CUDA cannot be used (RuntimeError: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected)",
}


def tried(gpu: Any, fault: str = "") -> tuple[str, CudaCore]:
    core = CudaCore(gpu, fault)
    return str(try_sharing(WatchedContext(gpu, core), lambda: Cuda(core))), core


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenGL is taken for a card's."""
    monkeypatch.setattr(cuda_module, "is_software", lambda _: False)


def test_what_crosses_both_ways_is_shared(gpu: Any) -> None:
    words, core = tried(gpu)
    assert words == "OpenGL and CUDA share the card's memory: tried with a pattern, both ways"
    assert (core.registered, core.mapped) == (0, 0)
    assert not core.streams[0].asked


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_is_refused_in_a_sentence(gpu: Any, fault: str) -> None:
    """And whatever was registered or mapped until then is given back, where there was a handle to give back."""
    words, core = tried(gpu, fault)
    assert words == f"OpenGL and CUDA share no memory, pictures are copied: {WHY[fault]}"
    assert core.mapped == 0
    assert core.registered == (1 if fault == "null handle" else 0)


def test_an_opengl_that_has_no_buffer_stops_no_start(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise moderngl.Error("cannot create buffer")

    core = CudaCore(gpu)
    context = WatchedContext(gpu, core)
    monkeypatch.setattr(context, "buffer", full, raising=False)
    assert try_sharing(context, lambda: Cuda(core)).why_not == (
        "OpenGL has no buffer to try it with (cannot create buffer)"
    )


@pytest.mark.parametrize(
    ("release", "variable", "hint"),
    [("5.15.90.1-microsoft-standard-WSL2", "", "; WSL2"), ("6.1.0", "VGL_ISACTIVE", "; VirtualGL"), ("6.1.0", "", "")],
)
def test_what_is_known_not_to_work_is_named(
    gpu: Any, release: str, variable: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.release", lambda: release)
    if variable:
        monkeypatch.setenv(variable, "1")
    words, _ = tried(gpu, "refuses")
    assert words.endswith(f"{WHY['refuses']}{hint} has no such sharing" if hint else WHY["refuses"])


def test_software_opengl_asks_nobody(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(sys.modules)
    monkeypatch.setattr(cuda_module, "is_software", lambda _: True)
    monkeypatch.setattr(cuda_module, "CORE", "a.module.that.nobody.has")
    assert try_sharing(gpu).why_not == "the processor draws"
    monkeypatch.setattr(cuda_module, "is_software", lambda _: False)
    assert try_sharing(gpu).why_not.startswith("cuda-core is not installed (No module named 'a'); pip install")
    assert not [name for name in set(sys.modules) - before if name.startswith("cuda")]


def test_a_mapped_buffer_has_an_address_that_others_can_read(gpu: Any) -> None:
    """On the stand-in an address of this process's."""
    core = CudaCore(gpu)
    cuda, numbers = Cuda(core), np.arange(24, dtype=np.float16)
    buffer = core.knows(gpu.buffer(numbers.tobytes()))
    shared = cuda.share(buffer)
    with shared.mapped() as memory:
        view = memory.seen_as((2, 3, 4), np.float16).__cuda_array_interface__
        assert (view["version"], view["shape"], view["typestr"], view["strides"]) == (3, (2, 3, 4), "<f2", None)
        there = (ctypes.c_uint16 * 24).from_address(view["data"][0])
        np.testing.assert_array_equal(np.frombuffer(there, np.float16), numbers)
        there[0] = np.float16(5.0).view(np.uint16).item()
    assert np.frombuffer(buffer.read(), np.float16)[0] == 5.0
    assert core.mapped == 0
    shared.release()
    buffer.release()


def test_an_error_while_it_is_mapped_unmaps_it(gpu: Any) -> None:
    core = CudaCore(gpu)
    cuda, buffer = Cuda(core), core.knows(gpu.buffer(reserve=16))
    shared = cuda.share(buffer)
    with pytest.raises(ZeroDivisionError), shared.mapped():
        1 / 0  # noqa: B018
    assert core.mapped == 0
    shared.release()
    buffer.release()


def test_pinned_memory_stays_while_somebody_has_a_part_of_it(gpu: Any) -> None:
    part = Cuda(CudaCore(gpu)).pinned(4096)[100:200].view(np.float16)
    gc.collect()
    assert not part.any()
    part[:] = 2.0
    assert part.sum() == 100.0


def test_pinned_memory_that_is_not_there_is_a_memory_error(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    core = CudaCore(gpu)

    def refused(self: Any, size: int) -> Any:
        raise RuntimeError("CUDA_ERROR_OUT_OF_MEMORY")

    monkeypatch.setattr(core.LegacyPinnedMemoryResource, "allocate", refused)
    with pytest.raises(MemoryError):
        Cuda(core).pinned(1 << 40)


def test_doctor_says_how_it_went(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing where there is no card."""
    assert doctor.sharing(gpu) == []
    monkeypatch.setattr(doctor, "cards", lambda: 2)
    core = CudaCore(gpu, "null handle")
    monkeypatch.setattr(cuda_module, "_opened", [Cuda(core)])
    (finding,) = doctor.sharing(WatchedContext(gpu, core))
    assert finding.found == f"2 cards; OpenGL and CUDA share no memory, pictures are copied: {WHY['null handle']}"
    assert finding.good


def test_without_a_driver_it_says_so(gpu: Any) -> None:
    with pytest.raises(CudaError, match="no CUDA-capable device"):
        Cuda(CudaCore(gpu, "no card"))
