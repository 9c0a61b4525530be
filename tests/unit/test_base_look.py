"""The base look of a show: where its scenes take what they do not set themselves."""

from __future__ import annotations

from pathlib import Path

from vpengine.files import base_look, read_files

STAGE = Path(__file__).parents[2] / "stage_configs" / "tv.toml"
SHOW = """\
version = 1
show.name = "x"
show.controls.look.fog = 0.25
[[scene]]
slug = "a"
plate.kind = "none"
controls.outer.level = 2.0
"""


def test_it_has_the_look_s_faders_and_all_that_scenes_set(tmp_path: Path) -> None:
    """As the show says, or else the default; a control that no scene names is not in it."""
    show = tmp_path / "show.toml"
    show.write_text(SHOW, encoding="utf-8")
    base = dict(base_look(read_files(STAGE, show)))
    assert base["/vp/look/fog"] == 0.25
    assert base["/vp/look/snow"] == 0.0
    assert base["/vp/outer/level"] == 1.0
    assert "/vp/exposure/inner" not in base
