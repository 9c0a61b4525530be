"""Stage files: what a good one becomes, and the one sentence that each mistake is answered with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.stage_text import STAGE, problems, write
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.stage.stage_file import load_stage, read_stage


def test_a_good_stage(tmp_path: Path) -> None:
    stage = load_stage(write(tmp_path, STAGE), controls_of)
    assert (stage.name, stage.rate, stage.show) == ("Test", Fraction(24), None)
    assert stage.camera("1").lens().sensor_mm == (24.0, 13.5)
    assert stage.camera("1").pose.position_m == (0.0, 0.0, 1.5)
    assert [(wall.id, wall.resolution) for wall in stage.walls] == [("main", (1024, 384)), ("ceiling", (192, 128))]
    assert stage.wall("ceiling").tilt_deg == 90.0
    source = stage.tracking[0].source
    assert (stage.tracking[0].camera, source.slot, source.kind, source.table) == (
        "1",
        "tracking",
        "osc",
        {"port": 9000},
    )
    target = stage.outputs[0].target
    assert (str(stage.outputs[0].feed), target.slot, target.kind, target.table) == (
        "wall:main",
        "output",
        "window",
        {"monitor": 1},
    )
    assert (stage.neural.generator, stage.neural.resolution, stage.neural.overscan_percent) == (
        "weather",
        (480, 270),
        15,
    )
    assert (stage.control.osc_port, stage.control.address) == (9001, "127.0.0.1")
    assert stage.controls == (("/vp/exposure/inner", -0.5), ("/vp/inner/visible", False))


def test_sections_for_plugins_carry_their_place_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, STAGE)
    sections = read_stage(path, controls_of).sections
    found = {(section.slot, section.kind, section.key, section.kind_key) for section in sections}
    assert found == {
        ("tracking", "osc", "tracking[1]", "tracking[1].kind"),
        ("output", "window", "output[1]", "output[1].kind"),
        ("generator", "weather", "neural", "neural.generator"),
        ("runtime", "auto", "neural", "neural.runtime"),
    }


@pytest.mark.parametrize(
    ("rate", "expected"),
    [("25", Fraction(25)), ('"24000/1001"', Fraction(24000, 1001)), ('"60000/1001"', Fraction(60000, 1001))],
)
def test_rates_are_exact(tmp_path: Path, rate: str, expected: Fraction) -> None:
    assert load_stage(write(tmp_path, STAGE.replace("rate = 24", f"rate = {rate}")), controls_of).rate == expected


def test_resting_pose_is_a_pose(tmp_path: Path) -> None:
    text = STAGE.replace("[[wall]]", "pose = { pan_deg = 90.0, position_m = [1, 2, 3] }\n\n[[wall]]", 1)
    pose = load_stage(write(tmp_path, text), controls_of).camera("1").pose.pose()
    assert pose.position_m == (1.0, 2.0, 3.0)
    # A camera that pans 90 degrees to the left looks along -X.
    np.testing.assert_allclose(pose.matrix()[:3, 1], [-1.0, 0.0, 0.0], atol=1e-12)


ONE_MISTAKE = [
    (
        "columns = 16",
        "colums = 16",
        "wall[1].columns: missing. Tiles from left to right.\nwall[1].colums: unknown key; did you mean 'columns'?",
    ),
    ("tilt_deg", "tlt_deg", "wall[2].tlt_deg: unknown key; did you mean 'tilt_deg'?"),
    ("columns = 16", 'columns = "16"', "wall[1].columns: found '16', expected a whole number"),
    ("columns = 16", "columns = true", "wall[1].columns: found true, expected a whole number"),
    ("columns = 16", "columns = 0", "wall[1].columns: found 0, expected 1 or more"),
    ("columns = 16", "columns = 1025", "wall[1].columns: found 1025, expected 1024 or less"),
    ("columns = 16", "columns = 500", "wall[1].columns: 500 tiles make 250 m, allowed up to 200 m; use fewer tiles"),
    ("[500.0, 500]", "[500.0]", "wall[1].tile_mm: found [500.0], expected 2 values"),
    ("[500.0, 500]", "[1, 2, 3]", "wall[1].tile_mm: found [1, 2, 3], expected 2 values"),
    ("[500.0, 500]", "500.0", "wall[1].tile_mm: found 500.0, expected a list in brackets"),
    ("[500.0, 500]", "[500.0, nan]", "wall[1].tile_mm[2]: found nan, expected a finite number"),
    ("arc_deg = 120.0", "arc_deg = inf", "wall[1].arc_deg: found inf, expected a finite number"),
    ("arc_deg = 120.0", "", "wall[1].radius_m: found neither of radius_m and arc_deg, give one of them"),
    ('kind = "arc"', 'kind = "ark"', "wall[1].kind: found 'ark', no such kind of wall; did you mean 'arc'?"),
    ('kind = "arc"', 'kind = "dome"', "wall[1].kind: found 'dome', no such kind of wall (allowed: arc, flat)"),
    ('kind = "arc"', "", "wall[1].kind: missing (allowed: arc, flat)"),
    ('kind = "arc"', "kind = 3", "wall[1].kind: found 3, expected text in quotes (allowed: arc, flat)"),
    ('id = "ceiling"', 'id = "main"', "wall[2].id: found 'main', which wall[1] has already; each needs its own"),
    (
        'id = "ceiling"',
        'id = "the ceiling"',
        "wall[2].id: found 'the ceiling', allowed up to 32 letters, digits, - and _, beginning with a letter or digit",
    ),
    ('camera = "1"', 'camera = "2"', "tracking[1].camera: found '2', no such camera (allowed: 1)"),
    ('camera = "1"', "", "tracking[1].camera: missing. The id of the camera that this source moves."),
    ('wall = "main"', 'wall = "mian"', "output[1].wall: found 'mian', no such wall; did you mean 'main'?"),
    ("[neural]", "[neurl]", "neurl: unknown section or key; did you mean 'neural'?"),
    ("[neural]", "[neural]\nkeyframes = 5", "neural.keyframes: found 5, expected 4 or less"),
    ("[neural]", "[[neural]]", "neural: found [{'generator': 'weather'}], expected a section: [neural]"),
    ("[[camera]]", "[camera]", "camera: expected a list of sections: [[camera]] with two brackets"),
    (
        "rate = 24",
        "rate = 23.976",
        'stage.rate: found 23.976, allowed a whole number from 1 to 240, or text such as "24000/1001"',
    ),
    (
        "rate = 24",
        'rate = "24/0"',
        "stage.rate: found '24/0', allowed a whole number from 1 to 240, or text such as \"24000/1001\"",
    ),
    ('name = "Test"', "", "stage.name: missing. What the crew calls the stage."),
    ('[stage]\nname = "Test"\nrate = 24', "", "stage: missing, a [stage] section is needed"),
    ("version = 1", "", "version: missing, this vpengine reads version = 1"),
    ("version = 1", "version = 2", "version: found 2, this vpengine reads version = 1"),
    ("version = 1", "version = 1.0", "version: found 1.0, this vpengine reads version = 1"),
    ("version = 1", "version = true", "version: found true, this vpengine reads version = 1"),
    ("exposure.inner", "exposure.iner", "controls.exposure.iner: no such control; did you mean 'exposure.inner'?"),
    ("= -0.5", "= -9", "controls.exposure.inner: found -9, expected a number from -8 to 8 stops"),
    ("= -0.5", "= true", "controls.exposure.inner: found true, expected a number from -8 to 8 stops"),
    ("= -0.5", "= nan", "controls.exposure.inner: found nan, expected a number from -8 to 8 stops"),
    ("visible = false", "visible = 1", "controls.inner.visible: found 1, expected true or false"),
    (
        "[neural]",
        '[control]\naddress = "localhost"\n[neural]',
        'control.address: found \'localhost\', allowed an IP address such as "127.0.0.1" or "0.0.0.0"',
    ),
    ("[neural]", "[control]\nosc_port = 70000\n[neural]", "control.osc_port: found 70000, expected 65535 or less"),
    (
        "[neural]",
        '[control]\nfeedback = ["ipad.local:9000"]\n[neural]',
        "control.feedback[1]: found 'ipad.local:9000', expected an IP address and a port, such as "
        '"192.168.1.20:9000"',
    ),
    (
        "[neural]",
        '[control]\nfeedback = ["192.168.1.20:9000"]\n[neural]',
        "control.feedback: found '192.168.1.20:9000', which cannot be reached from address '127.0.0.1'; set address to "
        '"0.0.0.0", or to this machine\'s own on that network',
    ),
    (
        "[[wall]]",
        "inner = { resolution = [0, 360] }\n[[wall]]",
        "camera[1].inner.resolution[1]: found 0, expected 1 or more",
    ),
    (
        "[[wall]]",
        "inner = { overscan = 5 }\n[[wall]]",
        "camera[1].inner.overscan: unknown key; did you mean 'overscan_percent'?",
    ),
    ("rate = 24", 'show = "."', "stage.show: found '.', which is not a file"),
    ("rate = 24", 'show = "gone.toml"', "stage.show: found 'gone.toml', no such file"),
    ("rate = 24", "show = 3", "stage.show: found 3, expected the path of a file"),
    ("[500.0, 500]", "[500.0, 500", "line 16, column 1: not valid TOML: Unclosed array"),
    ('name = "Test"', "name = Test", "line 4, column 8: not valid TOML: Invalid value"),
    ('name = "Test"', 'name = "Test"\nname = "Test"', "line 5, column 14: not valid TOML: Cannot overwrite a value"),
    ("visible = false", 'visible = """', "line 48, column 1: not valid TOML: Unterminated string"),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), ONE_MISTAKE)
def test_a_mistake_is_named_and_nothing_else(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    text = STAGE.replace(right, wrong, 1)
    assert text != STAGE
    assert problems(tmp_path, text) == [f"stage.toml: {line}" for line in expected.split("\n")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("9" * 5000, "a number has too many digits"),
        ("[" * 5000, "tables or lists are nested too deeply"),
        ("[" * 40 + "]" * 40, "tables or lists are nested too deeply"),
        ("1\n" + "a." * 5000 + "b = 1", "tables or lists are nested too deeply"),
    ],
    ids=["digits", "open brackets", "brackets", "dotted keys"],
)
def test_absurd_files_are_refused(tmp_path: Path, value: str, expected: str) -> None:
    text = STAGE.replace("columns = 16", f"columns = {value}", 1)
    assert problems(tmp_path, text) == [f"stage.toml: {expected}"]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    text = STAGE + "#" * (1_000_001 - len(STAGE))
    assert problems(tmp_path, text) == ["stage.toml: found 1000001 bytes, allowed up to 1000000"]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = STAGE
    for right, wrong in [
        ("rate = 24", "rate = 0"),
        ("pinhole_focal_length_mm = 24.0", "pinhole_focal_length_mm = -1"),
        ('kind = "arc"', 'kind = "ark"'),
        ("columns = 12", 'columns = "many"'),
        ("tilt_deg = 90.0", "tilt = 90.0"),
        ('camera = "1"', 'camera = "9"'),
        ('wall = "main"', 'wall = "wain"'),
        ('generator = "weather"', "max_rate = 0"),
        ("exposure.inner", "exposure.sky"),
    ]:
        text = text.replace(right, wrong, 1)
    keys = {line.split(": ")[1] for line in problems(tmp_path, text)}
    assert keys == {
        "stage.rate",
        "camera[1].pinhole_focal_length_mm",
        "wall[1].kind",
        "wall[2].columns",
        "wall[2].tilt",
        "tracking[1].camera",
        "output[1].wall",
        "neural.max_rate",
        "controls.exposure.sky",
    }


def test_a_broken_wall_is_not_also_a_missing_one(tmp_path: Path) -> None:
    """An output that refers to a wall with a mistake in it is right; only the wall is reported."""
    assert problems(tmp_path, STAGE.replace("rows = 6", "rows = 0")) == [
        "stage.toml: wall[1].rows: found 0, expected 1 or more"
    ]


def test_no_cameras_and_no_walls(tmp_path: Path) -> None:
    assert problems(tmp_path, 'version = 1\n[stage]\nname = "Empty"\n') == [
        "stage.toml: camera: missing, at least one [[camera]] section is needed",
        "stage.toml: wall: missing, at least one [[wall]] section is needed, or an [[output]] with feed = "
        '"world:CAMERA"',
    ]


def test_missing_file_folder_and_text_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"gone\.toml: no such file"):
        load_stage(tmp_path / "gone.toml", controls_of)
    with pytest.raises(ProblemsError, match="cannot be read"):
        load_stage(tmp_path, controls_of)
    with pytest.raises(ProblemsError, match="cannot be read"):
        load_stage(tmp_path / "nul\0.toml", controls_of)
    (tmp_path / "latin.toml").write_bytes(b'version = 1\nname = "\xe9"\n')
    with pytest.raises(ProblemsError, match=r"latin\.toml: line 2: not UTF-8 text"):
        load_stage(tmp_path / "latin.toml", controls_of)


def test_a_show_is_found_beside_the_stage_and_only_there(tmp_path: Path) -> None:
    folder = tmp_path / "stages"
    folder.mkdir()
    (folder / "evening.toml").write_text("version = 1\n")
    (tmp_path / "outside.toml").write_text("version = 1\n")
    (folder / "link.toml").symlink_to(tmp_path / "outside.toml")

    def with_show(name: str) -> str:
        return STAGE.replace("rate = 24", f"show = '{name}'")

    assert load_stage(write(folder, with_show("evening.toml")), controls_of).show == folder / "evening.toml"
    assert problems(folder, with_show("evenin.toml")) == [
        "stage.toml: stage.show: found 'evenin.toml', no such file; did you mean 'evening.toml'?"
    ]
    for outside in ("../outside.toml", str(tmp_path / "outside.toml"), "link.toml"):
        (line,) = problems(folder, with_show(outside))
        assert line.startswith(f"stage.toml: stage.show: found '{outside}'"[:60])
        assert "lies outside the folder" in line
    path = write(folder, with_show("../outside.toml"))
    assert read_stage(path, controls_of, allow_outside=True).show == folder / "../outside.toml"
