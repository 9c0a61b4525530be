"""A stand-in for the module cuda.core, for machines without a card: it shares OpenGL buffers, or fails as drivers have.

Copies happen when the stream is waited for, and those into what is mapped when it is unmapped: nobody may rely on them
before. What is mapped lies in memory of its own, and comes back to OpenGL when it is unmapped.
"""

from __future__ import annotations

import ctypes
from typing import Any

import moderngl
import numpy as np

FAULTS = ("null handle", "null address", "short", "other bytes", "lost bytes", "refuses", "does not map", "no card")


class CUDAError(Exception):
    """cuda.core has one of this name, without a public base."""


class Memory:
    """As cuda.core's Buffer."""

    def __init__(self, handle: int, size: int, owner: Any = None, unmap: Any = None, core: Any = None) -> None:
        self.handle, self.size, self._owner, self._unmap, self._core = handle, size, owner, unmap, core

    def copy_to(self, dst: Memory, *, stream: Stream) -> None:
        assert dst.size == self.size
        stream.asked.append((dst.handle, self.handle, self.size))

    def copy_from(self, src: Memory, *, stream: Stream) -> None:
        src.copy_to(self, stream=stream)

    def close(self, stream: Any = None) -> None:
        if self._unmap is not None:
            self._unmap()


class Stream:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []
        self.kept: list[Any] = []  # what copies that were asked read, though it is unmapped

    def sync(self) -> None:
        while self.asked:
            ctypes.memmove(*self.asked.pop(0))
        self.kept.clear()


class Resource:
    """As cuda.core's GraphicsResource, of a buffer whose bytes it copies at each mapping."""

    def __init__(self, core: CudaCore, buffer: moderngl.Buffer) -> None:
        self._core, self._buffer, self.handle = core, buffer, 0 if core.fault == "null handle" else 17
        core.registered += 1

    def map(self, *, stream: Stream) -> Memory:
        if self._core.fault == "does not map":
            raise CUDAError("CUDA_ERROR_UNKNOWN: an unknown error\nThis indicates ...")
        there = np.frombuffer(self._buffer.read(), np.uint8).copy()
        if self._core.fault == "other bytes":
            there[5] ^= 1
        self._core.mapped += 1

        def unmap() -> None:
            self._core.mapped -= 1
            stream.kept.append(there)
            if any(target == there.ctypes.data for target, *_ in stream.asked):
                stream.sync()
            if self._core.fault != "lost bytes":
                self._buffer.write(there.tobytes())

        size = there.nbytes // 2 if self._core.fault == "short" else there.nbytes
        return Memory(0 if self._core.fault == "null address" else there.ctypes.data, size, there, unmap)

    def close(self) -> None:
        self._core.registered -= 1


class CudaCore:
    """buffers: those that OpenGL has, for it is told their names only."""

    def __init__(self, context: moderngl.Context, fault: str = "") -> None:
        assert fault in ("", *FAULTS)
        self.fault, self.registered, self.mapped, self.streams = fault, 0, 0, list[Stream]()
        self._buffers: dict[int, moderngl.Buffer] = {}
        core = self

        class Device:
            def set_current(self) -> None:
                if core.fault == "no card":
                    raise RuntimeError("CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected")

            def create_stream(self) -> Stream:
                core.streams.append(Stream())
                return core.streams[-1]

        class GraphicsResource:
            @staticmethod
            def from_gl_buffer(glo: int) -> Resource:
                if core.fault == "refuses":
                    raise CUDAError("CUDA_ERROR_OPERATING_SYSTEM: OS call failed")
                return Resource(core, core._buffers[glo])

        class LegacyPinnedMemoryResource:
            def allocate(self, size: int) -> Memory:
                there = np.full(size, 7, np.uint8)
                return Memory(there.ctypes.data, size, there)

        class Buffer:
            @staticmethod
            def from_handle(handle: int, size: int, owner: Any = None) -> Memory:
                return Memory(handle, size, owner)

        self.Device, self.GraphicsResource, self.Buffer = Device, GraphicsResource, Buffer
        self.LegacyPinnedMemoryResource = LegacyPinnedMemoryResource

    def knows(self, buffer: moderngl.Buffer) -> moderngl.Buffer:
        self._buffers[buffer.glo] = buffer
        return buffer


class WatchedContext:
    """moderngl's, whose buffers the stand-in hears of."""

    def __init__(self, context: moderngl.Context, core: CudaCore) -> None:
        self._context, self._core = context, core
        self.info = context.info

    def buffer(self, *arguments: Any, **options: Any) -> moderngl.Buffer:
        return self._core.knows(self._context.buffer(*arguments, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
