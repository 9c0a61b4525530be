"""Uniform blocks: std140 offsets worked out by hand, and errors that name the field."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from vpengine.gpu.blocks import UniformBlock


def floats(packed: bytes, offset: int, count: int) -> tuple[float, ...]:
    return struct.unpack_from(f"<{count}f", packed, offset)


def test_layout_by_hand() -> None:
    """OpenGL 4.1, 2.11.4: a vec3 aligns to 16 and leaves room for a float; arrays and matrices step by 16."""
    block = UniformBlock(
        "Everything",
        a="float",  # 0
        c="vec3",  # 16
        d="float",  # 28, in the vec3's last place
        e="int",  # 32
        b="vec2",  # 40
        f="vec4",  # 48
        g="mat3",  # 64, three columns of 16
        h="float[3]",  # 112, each 16
        i="ivec2",  # 160
        j="vec3[2]",  # 176
        k="mat4[2]",  # 208
        m="float",  # 336
    )
    matrix3 = np.arange(9.0).reshape(3, 3) + 300.0
    matrix4 = np.arange(32.0).reshape(2, 4, 4) + 400.0
    packed = block.pack(
        {
            "a": 1.0,
            "b": (2.0, 3.0),
            "c": (4.0, 5.0, 6.0),
            "d": 7.0,
            "e": -8,
            "f": (9.0, 10.0, 11.0, 12.0),
            "g": matrix3,
            "h": [20.0, 21.0, 22.0],
            "i": (-23, 24),
            "j": [[25.0, 26.0, 27.0], [28.0, 29.0, 30.0]],
            "k": matrix4,
            "m": 31.0,
        }
    )
    assert len(packed) == block.size == 352  # rounded up to 16
    assert floats(packed, 0, 1) == (1.0,)
    assert floats(packed, 16, 4) == (4.0, 5.0, 6.0, 7.0)
    assert struct.unpack_from("<i", packed, 32) == (-8,)
    assert floats(packed, 40, 2) == (2.0, 3.0)
    assert floats(packed, 48, 4) == (9.0, 10.0, 11.0, 12.0)
    for column in range(3):
        assert floats(packed, 64 + 16 * column, 3) == tuple(matrix3[:, column])
    assert [floats(packed, 112 + 16 * i, 1)[0] for i in range(3)] == [20.0, 21.0, 22.0]
    assert struct.unpack_from("<2i", packed, 160) == (-23, 24)
    assert floats(packed, 176, 3) + floats(packed, 192, 3) == (25.0, 26.0, 27.0, 28.0, 29.0, 30.0)
    for index in range(2):
        for column in range(4):
            assert floats(packed, 208 + 64 * index + 16 * column, 4) == tuple(matrix4[index][:, column])
    assert floats(packed, 336, 1) == (31.0,)


def test_the_declaration_is_the_glsl() -> None:
    block = UniformBlock("Small", gain="float", matrices="mat4[3]")
    assert block.glsl() == "layout(std140) uniform Small {\n    float gain;\n    mat4 matrices[3];\n};\n"


def test_missing_and_unknown_fields_are_named() -> None:
    block = UniformBlock("Small", gain="float", level="float")
    with pytest.raises(KeyError, match=r"block Small: \['level'\]"):
        block.pack({"gain": 1.0})
    with pytest.raises(KeyError, match=r"block Small: \['lift'\]"):
        block.pack({"gain": 1.0, "level": 1.0, "lift": 0.0})


@pytest.mark.parametrize(
    ("declared", "value", "shape"),
    [
        ("vec3", (1.0, 2.0), r"\(2,\), expected \(3,\)"),
        ("float", (1.0,), r"\(1,\), expected \(\)"),
        ("mat4", np.eye(3), r"\(3, 3\), expected \(4, 4\)"),
        ("vec4[4]", np.zeros((3, 4)), r"\(3, 4\), expected \(4, 4\)"),
        ("float[2]", 1.0, r"\(\), expected \(2,\)"),
    ],
)
def test_a_wrong_shape_is_named(declared: str, value: object, shape: str) -> None:
    with pytest.raises(ValueError, match=rf"Small\.field: shape {shape}"):
        UniformBlock("Small", field=declared).pack({"field": value})


def test_an_unknown_type_is_refused_when_declared() -> None:
    with pytest.raises(KeyError, match="uniform type 'double' is not one of float"):
        UniformBlock("Small", field="double")
