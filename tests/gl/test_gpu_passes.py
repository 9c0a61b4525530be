"""Passes, targets, meshes and blocks on a real driver, with shaders that say what reached them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import moderngl
import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.gpu import context as context_module
from vpengine.gpu import program as program_module
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.context import create_headless, describe, is_software
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, Pass
from vpengine.gpu.program import ShaderError, load_program, shader_folder
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload

Write = Callable[[str, str], None]
CONSTANT = "layout(location = 0) out vec4 color;\nvoid main() { color = value; }\n"


@pytest.fixture
def shader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a shader into a folder of this test's own, beside the engine's full-screen triangle and includes."""
    real = shader_folder()
    (tmp_path / "include").symlink_to(real / "include")
    (tmp_path / "fullscreen.vert").symlink_to(real / "fullscreen.vert")
    monkeypatch.setattr(program_module, "shader_folder", lambda: tmp_path)
    return lambda name, text: (tmp_path / name).write_text(text) and None


FIELDS: dict[str, str] = {
    "gain": "float",
    "axis": "vec3",
    "level": "float",
    "offset": "vec2",
    "count": "int",
    "turn": "mat3",
    "curve": "float[3]",
    "cell": "ivec2",
    "faces": "vec3[2]",
    "places": "mat4[2]",
    "last": "vec4",
}
READS = [
    "vec4(gain)",
    "vec4(offset, 0.0, 0.0)",
    "vec4(axis, level)",
    "vec4(count)",
    "vec4(turn * vec3(1.0, 10.0, 100.0), 0.0)",
    "vec4(curve[0], curve[1], curve[2], 0.0)",
    "vec4(cell, 0.0, 0.0)",
    "vec4(faces[0], faces[1].z)",
    "places[0] * vec4(1.0, 10.0, 100.0, 1000.0)",
    "places[1] * vec4(1.0, 10.0, 100.0, 1000.0)",
    "last",
]


def test_every_kind_of_uniform_reaches_the_shader(gpu: Any, shader: Write) -> None:
    """std140 as the driver has it: one pixel shows one field; matrices act on column vectors, as in numpy."""
    cases = "\n".join(f"    if (place == {i}) color = {read};" for i, read in enumerate(READS))
    main = f"void main() {{\n    int place = int(gl_FragCoord.x);\n{cases}\n}}\n"
    shader("fields.frag", "layout(location = 0) out vec4 color;\n" + main)
    rng = np.random.default_rng(1)
    values: dict[str, Any] = {
        "gain": 1.5,
        "offset": (2.0, 3.0),
        "axis": (4.0, 5.0, 6.0),
        "level": 7.0,
        "count": -8,
        "turn": rng.normal(size=(3, 3)),
        "curve": (9.0, 10.0, 11.0),
        "cell": (-12, 13),
        "faces": rng.normal(size=(2, 3)),
        "places": rng.normal(size=(2, 4, 4)),
        "last": (14.0, 15.0, 16.0, 17.0),
    }
    target = Target(gpu, (len(READS), 1), dtype="f4")
    Pass(gpu, "fields", UniformBlock("Fields", **FIELDS)).draw(target, **values)
    powers = np.array([1.0, 10.0, 100.0, 1000.0])
    expected = [
        [1.5] * 4,
        [2, 3, 0, 0],
        [4, 5, 6, 7],
        [-8] * 4,
        [*(values["turn"] @ powers[:3]), 0],
        [9, 10, 11, 0],
        [-12, 13, 0, 0],
        [*values["faces"][0], values["faces"][1][2]],
        values["places"][0] @ powers,
        values["places"][1] @ powers,
        [14, 15, 16, 17],
    ]
    np.testing.assert_allclose(download(target.color)[0], np.array(expected, float), rtol=1e-5)
    target.release()


def test_a_missing_include_names_both_files(gpu: Any, shader: Write) -> None:
    shader("lost.frag", '#include "nowhere.glsl"\nvoid main() {}\n')
    with pytest.raises(ShaderError, match=r"lost\.frag: #include 'nowhere\.glsl'"):
        load_program(gpu, "lost")


def test_a_compile_error_names_the_shader(gpu: Any, shader: Write) -> None:
    shader("wrong.frag", "void main() { this is not GLSL; }\n")
    with pytest.raises(ShaderError, match=r"(?s)shaders/wrong: .*error") as caught:
        load_program(gpu, "wrong")
    assert "0:" in str(caught.value)  # the driver's own words, with the line


def test_includes_and_defines_reach_the_shader(gpu: Any, shader: Write) -> None:
    shader("gray.frag", '#include "color.glsl"\n' + CONSTANT.replace("value", "vec4(luminance(vec3(LEVEL)))"))
    target = Target(gpu, (1, 1), dtype="f4")
    for level in ("0.25", "0.75"):
        Pass(gpu, "gray", defines={"LEVEL": level}).draw(target)
        np.testing.assert_allclose(download(target.color), float(level), rtol=1e-5)
    target.release()


def test_a_pass_is_compiled_once(gpu: Any) -> None:
    engine = Gpu(gpu)
    block = UniformBlock("Mix", mix_amount="float")
    assert engine.pass_("mix", block) is engine.pass_("mix", block)
    defines = [{"KEYS": "1"}, {"KEYS": "2"}]
    assert engine.pass_("mix", block, defines[0]) is not engine.pass_("mix", block, defines[1])


def test_textures_are_found_by_name(gpu: Any, shader: Write) -> None:
    """Also those of a sampler array; one that a define switched off may be given and is passed over."""
    text = """
layout(location = 0) out vec4 color;
uniform sampler2D first;
uniform sampler2D rest[2];
#ifdef ALL
uniform sampler2D extra;
#endif
void main() {
    color = vec4(texture(first, vec2(0.5)).r, texture(rest[0], vec2(0.5)).r, texture(rest[1], vec2(0.5)).r, 0.0);
#ifdef ALL
    color.a = texture(extra, vec2(0.5)).r;
#endif
}
"""
    shader("several.frag", text)
    one, two, three, four = (upload(gpu, np.full((1, 1), value, np.float32)) for value in (1, 2, 3, 4))
    target = Target(gpu, (1, 1), dtype="f4")
    textures = {"extra": four, "rest": (two, three), "first": one}
    Pass(gpu, "several", defines={"ALL": "1"}).draw(target, textures)
    np.testing.assert_array_equal(download(target.color)[0, 0], [1, 2, 3, 4])
    Pass(gpu, "several").draw(target, textures)
    np.testing.assert_array_equal(download(target.color)[0, 0], [1, 2, 3, 0])


def test_mark_and_rest_share_a_picture(gpu: Any, shader: Write) -> None:
    """What the first pass discards, and only that, the second draws."""
    shader("left.frag", CONSTANT.replace("{ color", "{ if (gl_FragCoord.x > 2.0) discard; color"))
    shader("flat.frag", CONSTANT)
    block = UniformBlock("Flat", value="vec4")
    target = Target(gpu, (4, 1), z_buffer=True)
    target.clear()
    Pass(gpu, "left", block).draw(target, where="mark", value=(1, 0, 0, 1))
    Pass(gpu, "flat", block).draw(target, where="rest", value=(0, 1, 0, 1))
    np.testing.assert_array_equal(download(target.color)[0, :, :2], [[1, 0], [1, 0], [0, 1], [0, 1]])
    Pass(gpu, "flat", block).draw(target, value=(0, 0, 1, 1))  # everywhere again, whatever is in the z-buffer
    assert (download(target.color)[0, :, 2] == 1).all()


def test_a_cleared_target_is_black_and_infinitely_far(gpu: Any) -> None:
    target = Target(gpu, (3, 2), depth=True)
    target.clear()
    assert target.depth is not None
    assert not download(target.color).any()
    assert np.isposinf(download(target.depth)).all()
    assert Target(gpu, (1, 1)).depth is None


MESH_VERTEX = """
in vec3 corner;
in vec3 tint;
out vec3 seen;
void main() { gl_Position = vec4(corner, 1.0); seen = tint; }
"""
MESH_FRAGMENT = "in vec3 seen;\nlayout(location = 0) out vec4 color;\nvoid main() { color = vec4(seen, 1.0); }\n"


def quad(gpu: Any, z: float, tint: tuple[float, float, float], clockwise: bool = False, closed: bool = False) -> Mesh:
    corners = np.array([[-1, -1, z], [1, -1, z], [1, 1, z], [-1, 1, z]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    attributes = {"corner": corners, "tint": np.tile(np.float32(tint), (4, 1)), "unused": corners[:, :2]}
    return Mesh(gpu, attributes, triangles[:, ::-1] if clockwise else triangles, closed)


def test_meshes_hide_each_other_by_depth(gpu: Any, shader: Write) -> None:
    shader("solid.vert", MESH_VERTEX)
    shader("solid.frag", MESH_FRAGMENT)
    draw = Gpu(gpu).mesh_pass("solid", "solid")
    near, far = quad(gpu, -0.5, (1, 0, 0)), quad(gpu, 0.5, (0, 1, 0))
    for order in ((near, far), (far, near)):
        target = Target(gpu, (2, 2), z_buffer=True)
        target.clear()
        for mesh in order:
            draw.draw_mesh(target, mesh)
        np.testing.assert_array_equal(download(target.color)[0, 0, :3], [1, 0, 0])
    near.release()
    far.release()


def test_only_closed_meshes_lose_their_backs(gpu: Any, shader: Write) -> None:
    shader("solid.vert", MESH_VERTEX)
    shader("solid.frag", MESH_FRAGMENT)
    draw = Gpu(gpu).mesh_pass("solid", "solid")
    for clockwise, closed, seen in ((True, True, 0), (False, True, 1), (True, False, 1)):
        target = Target(gpu, (1, 1))
        target.clear()
        draw.draw_mesh(target, quad(gpu, 0.0, (1, 1, 1), clockwise, closed))
        assert download(target.color)[0, 0, 0] == seen


def test_a_pass_after_a_mesh_is_not_culled_or_tested(gpu: Any, shader: Write) -> None:
    """Each draw sets the state it needs and inherits none."""
    shader("solid.vert", MESH_VERTEX)
    shader("solid.frag", MESH_FRAGMENT)
    shader("flat.frag", CONSTANT)
    target = Target(gpu, (1, 1), z_buffer=True)
    target.clear()
    Gpu(gpu).mesh_pass("solid", "solid").draw_mesh(target, quad(gpu, -1.0, (1, 0, 0), closed=True))
    Pass(gpu, "flat", UniformBlock("Flat", value="vec4")).draw(target, value=(0, 1, 0, 1))
    np.testing.assert_array_equal(download(target.color)[0, 0], [0, 1, 0, 1])


def test_every_shader_of_the_engine_includes_files_that_exist() -> None:
    folder = shader_folder()
    shaders = [*folder.glob("*.frag"), *folder.glob("*.vert")]
    assert len(shaders) > 10
    for path in shaders:
        assert "void main()" in program_module._source(path)


@pytest.mark.parametrize(
    ("renderer", "software"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", True),
        ("zink (llvmpipe (LLVM 15.0.6, 256 bits))", True),
        ("zink Vulkan 1.3(llvmpipe (LLVM 19.1.7, 256 bits) (MESA_LLVMPIPE))", True),
        ("NVIDIA GeForce RTX 4090/PCIe/SSE2", False),
        ("AMD Radeon RX 7900 XTX (radeonsi, navi31, LLVM 17.0.6, DRM 3.57)", False),
        ("Apple M2 Max", False),
    ],
)
def test_a_processor_that_draws_is_told_from_a_card(renderer: str, software: bool) -> None:
    context = SimpleNamespace(info={"GL_RENDERER": renderer, "GL_VERSION": "4.1 Metal"})
    assert is_software(context) == software  # type: ignore[arg-type]
    assert describe(context) == f"{renderer}, OpenGL 4.1 Metal"  # type: ignore[arg-type]


def test_without_opengl_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: Any) -> moderngl.Context:
        raise Exception("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(context_module.moderngl, "create_context", refuse)
    with pytest.raises(UserError, match=r"OpenGL 4\.1: libEGL.*install libegl1"):
        create_headless()


def test_a_shadow_map_is_dark_behind_what_the_light_sees(gpu: Any, shader: Write) -> None:
    """Left of the middle a mesh at half depth stands in the light; points before it are lit, points behind are not."""
    engine = Gpu(gpu)
    shader("solid.vert", MESH_VERTEX)
    shader("nothing.frag", "void main() {}\n")
    text = "uniform sampler2DShadow map;\n" + CONSTANT.replace("= value", "= vec4(texture(map, vec3(x, 0.5, depth)))")
    shader("lit.frag", text)
    shadows = engine.shadow_map((8, 8))
    shadows.clear()
    half = np.array([[-1, -1, 0], [0, -1, 0], [0, 1, 0], [-1, 1, 0]], np.float32)
    attributes = {"corner": half, "tint": half}
    mesh = engine.mesh(attributes, np.array([[0, 1, 2], [0, 2, 3]], np.uint32))
    engine.mesh_pass("nothing", "solid").draw_mesh(shadows, mesh)
    target = engine.target((1, 1), dtype="f4")
    lit = engine.pass_("lit", UniformBlock("Lit", x="float", depth="float"))
    seen = []
    for x, depth in ((0.25, 0.4), (0.25, 0.6), (0.75, 0.6)):
        lit.draw(target, {"map": shadows.texture}, x=x, depth=depth)
        seen.append(float(download(target.color)[0, 0, 0]))
    assert seen == [1.0, 0.0, 1.0]
    for part in (shadows, mesh, target):
        part.release()


def test_layers_are_tables_that_repeat_with_smaller_levels(gpu: Any, shader: Write) -> None:
    text = "uniform sampler2DArray layers;\n" + CONSTANT.replace("= value", "= textureLod(layers, at.xyz, at.w)")
    shader("layer.frag", text)
    engine = Gpu(gpu)
    layers = np.zeros((2, 4, 4, 4), np.uint8)
    layers[1, 0, :] = 255  # the first row of the second layer
    textures = {"layers": engine.texture_layers(layers)}
    target = engine.target((1, 1), dtype="f4")
    look = engine.pass_("layer", UniformBlock("Layer", at="vec4"))
    seen = []
    for at in ((0.5, 0.125, 1, 0), (0.5, 1.125, 1, 0), (0.5, 0.625, 1, 0), (0.5, 0.125, 0, 0), (0.5, 0.5, 1, 2)):
        look.draw(target, textures, at=at)
        seen.append(float(download(target.color)[0, 0, 0]))
    np.testing.assert_allclose(seen, [1.0, 1.0, 0.0, 0.0, 0.25], atol=0.01)
    target.release()


def test_a_wiped_target_is_zero_and_takes_whatever_is_drawn(gpu: Any, shader: Write) -> None:
    shader("solid.vert", MESH_VERTEX)
    shader("solid.frag", MESH_FRAGMENT)
    engine = Gpu(gpu)
    target = engine.target((1, 1), z_buffer=True)
    draw = engine.mesh_pass("solid", "solid")
    for z in (-0.5, 0.5):  # the farther one is drawn last, and shows
        target.wipe()
        assert not download(target.color).any()
        draw.draw_mesh(target, quad(gpu, z, (1, 0, 0)))
        assert download(target.color)[0, 0, 0] == 1
    target.release()
