"""Shader programs: files in shaders/, with ``#include "name.glsl"`` from shaders/include/ and generated blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import moderngl

from vpengine.gpu.blocks import UniformBlock

_HEADER = "#version 410 core\n"
_INCLUDE = re.compile(r'^#include "([^"]+)"[ \t]*$', re.MULTILINE)


class ShaderError(Exception):
    """A shader that does not load or compile: the file, the driver's words."""


def shader_folder() -> Path:
    """shaders/, beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parent.parent / "shaders"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "shaders"


def load_program(
    context: moderngl.Context,
    name: str,
    blocks: tuple[UniformBlock, ...] = (),
    defines: Mapping[str, str] | None = None,
    vertex: str = "fullscreen",
) -> moderngl.Program:
    """Compile shaders/``vertex``.vert with shaders/``name``.frag. Raises ShaderError in the driver's words."""
    folder = shader_folder()
    preamble = "".join(f"#define {key} {value}\n" for key, value in (defines or {}).items())
    preamble += "".join(block.glsl() for block in blocks)
    try:
        program = context.program(
            vertex_shader=_HEADER + preamble + _source(folder / f"{vertex}.vert"),
            fragment_shader=_HEADER + preamble + _source(folder / f"{name}.frag"),
        )
    except moderngl.Error as error:
        raise ShaderError(f"shaders/{name}: {error}") from error
    for binding, block in enumerate(blocks):
        if block.name in program:  # a block a driver found unused is not there
            member = program[block.name]
            assert isinstance(member, moderngl.UniformBlock)
            member.binding = binding
    return program


def _source(path: Path) -> str:
    def include(match: re.Match[str]) -> str:
        included = path.parent / "include" / match[1]
        if not included.exists():
            raise ShaderError(f"shaders/{path.name}: #include {match[1]!r}: no such file in shaders/include")
        return included.read_text(encoding="utf-8")

    return _INCLUDE.sub(include, path.read_text(encoding="utf-8"))
