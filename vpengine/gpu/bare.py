"""What a frame's OpenGL calls cost with nothing around them: they are recorded once and issued again, bare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import moderngl

_CALLS: tuple[tuple[type, str], ...] = (
    (moderngl.Framebuffer, "use"),
    (moderngl.Framebuffer, "clear"),
    (moderngl.Texture, "use"),
    (moderngl.Texture, "write"),
    (moderngl.Texture3D, "use"),
    (moderngl.Texture3D, "write"),
    (moderngl.TextureArray, "use"),
    (moderngl.TextureCube, "use"),
    (moderngl.Buffer, "write"),
    (moderngl.Buffer, "bind_to_uniform_block"),
    (moderngl.Context, "enable"),
    (moderngl.Context, "disable"),
    (moderngl.VertexArray, "render"),
)


class BareFrame:
    """The calls of one frame, in order."""

    def __init__(self) -> None:
        self._calls: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []

    def add(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._calls.append((function, arguments, named))

    def __len__(self) -> int:
        return len(self._calls)

    def issue(self) -> None:
        for function, arguments, named in self._calls:
            function(*arguments, **named)


@contextmanager
def recording() -> Iterator[BareFrame]:
    """Every drawing call made inside is also noted in the BareFrame."""
    frame = BareFrame()
    with ExitStack() as stack:
        for owner, name in _CALLS:
            stack.enter_context(patch.object(owner, name, _noted(getattr(owner, name), frame)))
        yield frame


def _noted(original: Callable[..., Any], frame: BareFrame) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        frame.add(original, arguments, named)
        return original(*arguments, **named)

    return call
