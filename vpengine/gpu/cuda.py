"""How memory crosses between OpenGL and CUDA: the one file that knows.

    OpenGL buffer, registered with CUDA (SharedBuffer), mapped: CUDA has its address, and the card copies by itself
    OpenGL buffer, copied into page-locked memory (``pinned``) by this thread, where it is not shared

Drivers differ, and some lie: WSL2 has no sharing, VirtualGL draws on another card, and a registration has come back as
done with a null handle. So sharing is tried at start with a pattern, both ways, before anything relies on it.

cuda.core is imported when it is first needed, and only where there is a card. CUDA's context is the card's primary one,
which torch and TensorRT use too.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.gpu.context import is_software

CORE = "cuda.core"
TRIED_BYTES = 1 << 16
INSTALL = 'pip install "vpengine[rtx]" brings it'


class CudaError(UserError):
    """CUDA cannot be used, or not so: one sentence why."""


class Cuda:
    """One card and one stream, on the thread that makes it; the first of those that CUDA shows, as torch takes it."""

    def __init__(self, core: Any = None) -> None:
        """core: the module cuda.core, imported by default. Raises CudaError without it, its driver or a card."""
        try:
            self._core = core if core is not None else importlib.import_module(CORE)
        except ImportError as error:
            raise CudaError(f"cuda-core is not installed ({error}); {INSTALL}") from error
        with as_cuda_error("CUDA cannot be used"):
            self._device = self._core.Device()
            self._device.set_current()
            self._stream = self._device.create_stream()
            self._locked = self._core.LegacyPinnedMemoryResource()

    def pinned(self, nbytes: int) -> NDArray[np.uint8]:
        """Page-locked memory, which a card reads and writes by itself; it goes with the last who has the array.

        Raises MemoryError where it is not to be had.
        """
        try:
            memory = self._locked.allocate(nbytes)
        except Exception as error:  # cuda.core's errors share no public base
            raise MemoryError(str(error)) from error
        return np.asarray(_Pinned(memory, nbytes))

    def share(self, buffer: moderngl.Buffer) -> SharedBuffer:
        """Raises CudaError where the driver does not share it. OpenGL's context must be current."""
        return SharedBuffer(self._core, self._stream, buffer)

    def fetch(self, memory: CudaMemory, into: NDArray[np.uint8]) -> None:
        """Copy the card's memory into ``into``, of no more bytes; returns before it is there: ``wait``."""
        with as_cuda_error("CUDA cannot copy"):
            self._there(memory, into.nbytes).copy_to(self._here(into), stream=self._stream)

    def put(self, array: NDArray[np.uint8], memory: CudaMemory) -> None:
        """Copy ``array`` into the card's memory; it must stay as it is until ``wait`` returns."""
        with as_cuda_error("CUDA cannot copy"):
            self._there(memory, array.nbytes).copy_from(self._here(array), stream=self._stream)

    def wait(self) -> None:
        """Until all that was asked is done; on any thread."""
        self._core.Device().set_current()
        self._stream.sync()

    def _here(self, array: NDArray[np.uint8]) -> Any:
        return self._core.Buffer.from_handle(array.ctypes.data, array.nbytes, owner=array)

    def _there(self, memory: CudaMemory, nbytes: int) -> Any:
        """Its beginning: cuda.core copies between buffers of one size."""
        return self._core.Buffer.from_handle(memory.address, nbytes)


_opened: list[Cuda] = []  # a process has one primary context


def open_card() -> Cuda:
    """The process's, the same every time; on the main thread. Raises CudaError."""
    if not _opened:
        _opened.append(Cuda())
    return _opened[0]


def opened() -> Cuda | None:
    """What ``open_card`` made, where somebody wanted it."""
    return _opened[0] if _opened else None


class CudaMemory:
    """Memory on the card while it is mapped. address: CUDA's."""

    def __init__(self, raw: Any, nbytes: int) -> None:
        """Raises CudaError for a null address or too few bytes: drivers have given both as if all were well."""
        self.address = int(raw.handle or 0)
        if not self.address:
            raise CudaError("the driver mapped it at a null address")
        if int(raw.size) < nbytes:
            raise CudaError(f"the driver mapped {int(raw.size)} of {nbytes} bytes")

    def seen_as(self, shape: tuple[int, ...], dtype: type[np.generic]) -> CudaView:
        """For torch.as_tensor and others that know ``__cuda_array_interface__``; good while this is mapped."""
        return CudaView(self.address, shape, dtype)


class CudaView:
    """An array on the card, as libraries tell each other of one."""

    def __init__(self, address: int, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.__cuda_array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": np.dtype(dtype).str,
            "data": (address, False),
            "strides": None,
        }


class SharedBuffer:
    """An OpenGL buffer that CUDA has registered: that takes long, so it is done once. Main thread only."""

    def __init__(self, core: Any, stream: Any, buffer: moderngl.Buffer) -> None:
        """Raises CudaError where the driver refuses."""
        self._stream, self._buffer = stream, buffer
        with as_cuda_error("the driver does not register an OpenGL buffer"):
            self._resource = core.GraphicsResource.from_gl_buffer(buffer.glo)
        if not int(self._resource.handle or 0):
            raise CudaError("the driver registered an OpenGL buffer with a null handle")

    @contextmanager
    def mapped(self) -> Iterator[CudaMemory]:
        """CUDA's while it is mapped, after all that OpenGL was asked before; OpenGL may not use it meanwhile.

        What CUDA was asked in here on the stream of ``Cuda`` is done before OpenGL sees it again, without a wait.
        """
        with as_cuda_error("the driver does not map an OpenGL buffer"):
            raw = self._resource.map(stream=self._stream)
        try:
            yield CudaMemory(raw, self._buffer.size)
        finally:
            with as_cuda_error("the driver does not unmap an OpenGL buffer"):
                raw.close(self._stream)

    def release(self) -> None:
        """Before the OpenGL buffer goes. Raises CudaError where the card has gone."""
        with as_cuda_error("the driver does not give an OpenGL buffer back"):
            self._resource.close()


@dataclass(frozen=True)
class Crossing:
    """Whether the card's memory is shared, and why not, in words."""

    shared: bool
    why_not: str = ""

    def __str__(self) -> str:
        if self.shared:
            return "OpenGL and CUDA share the card's memory: tried with a pattern, both ways"
        return f"OpenGL and CUDA share no memory, pictures are copied: {self.why_not}"


def try_sharing(context: moderngl.Context, make: Callable[[], Cuda] = open_card) -> Crossing:
    """Try it, with OpenGL's context current: a pattern by OpenGL that CUDA reads, and another back.

    make: gives what is tried; it is not asked where software draws.
    """
    if is_software(context):
        return Crossing(False, "the processor draws")
    try:
        _try(context, make())
    except CudaError as error:
        return Crossing(False, f"{error}{_hint()}")
    except moderngl.Error as error:
        return Crossing(False, f"OpenGL has no buffer to try it with ({error})")
    return Crossing(True)


def _try(context: moderngl.Context, cuda: Cuda) -> None:
    drawn = np.random.default_rng(3).integers(0, 256, TRIED_BYTES, np.uint8)
    buffer = context.buffer(drawn.tobytes())
    try:
        shared = cuda.share(buffer)
        try:
            with as_cuda_error("CUDA cannot copy"):  # it may say so at the wait
                _try_both_ways(cuda, shared, buffer, drawn)
        finally:
            shared.release()
    finally:
        buffer.release()


def _try_both_ways(cuda: Cuda, shared: SharedBuffer, buffer: moderngl.Buffer, drawn: NDArray[np.uint8]) -> None:
    seen, back = cuda.pinned(drawn.nbytes), cuda.pinned(drawn.nbytes)
    seen[:], back[:] = 0, 255 - drawn
    with shared.mapped() as memory:
        cuda.fetch(memory, seen)
        cuda.wait()
        if not np.array_equal(seen, drawn):
            raise CudaError("CUDA reads other bytes than OpenGL wrote")
        cuda.put(back, memory)
    cuda.wait()
    if not np.array_equal(np.frombuffer(buffer.read(), np.uint8), back):
        raise CudaError("OpenGL reads other bytes than CUDA wrote")


@contextmanager
def as_cuda_error(what: str) -> Iterator[None]:
    """Whatever cuda.core raises becomes a CudaError that begins with ``what``."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # cuda.core's errors share no public base
        words = (str(error).splitlines() or [""])[0].strip().rstrip(".")[:200]
        raise CudaError(f"{what} ({type(error).__name__}: {words})") from error


def _hint() -> str:
    """What is known not to work, whatever the driver said."""
    if "microsoft" in platform.release().lower():
        return "; WSL2 has no such sharing"
    if os.environ.get("VGL_ISACTIVE") or os.environ.get("VGL_DISPLAY"):
        return "; VirtualGL has no such sharing"
    return ""


class _Pinned:
    """An array's memory that belongs to cuda.core: numpy keeps this, and this keeps that."""

    def __init__(self, memory: Any, nbytes: int) -> None:
        self._memory = memory
        address = int(memory.handle or 0)
        if not address:
            raise MemoryError("page-locked memory at a null address")
        ctypes.memset(address, 0, nbytes)
        self.__array_interface__ = {"version": 3, "shape": (nbytes,), "typestr": "|u1", "data": (address, False)}
