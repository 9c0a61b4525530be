"""What a show's scenes cost: the stage really runs, once for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vpengine.cli import bench_live
from vpengine.cli.main import app
from vpengine.errors import UserError

pytestmark = pytest.mark.alone

SHOW = """\
version = 1
[show]
name = "Two"
[[scene]]
slug = "chart"
plate.kind = "pattern"
[[scene]]
slug = "street"
plate.kind = "street"
controls.look = { snow = 1.0 }
"""


@pytest.mark.slow
def test_each_scene_of_a_show_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_live, "SECONDS", 2.0)
    show, figures = tmp_path / "two.toml", tmp_path / "figures.json"
    show.write_text(SHOW, encoding="utf-8")
    done = CliRunner().invoke(app, ["bench", "--show", str(show), "--json", str(figures)])
    assert done.exception is None, done.output
    rows = json.loads(figures.read_text(encoding="utf-8"))["scenes"]
    assert [(row["scene"], row["plate"]) for row in rows] == [("chart", "pattern"), ("street", "street")]
    assert all(row["work_p99_ms"] >= row["work_p50_ms"] > 0.0 for row in rows)
    assert rows[0]["images_per_s"] == 0.0  # nothing is generated on a chart that has no look


@pytest.mark.parametrize("more", [["--only", "jobs"], ["--model", "some"], ["--gpu"]])
def test_a_show_is_measured_alone(more: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "--show", str(tmp_path / "two.toml"), *more])
    assert isinstance(done.exception, UserError)
    assert str(done.exception) == "--show measures scenes only: leave --only, --model and --gpu out"


def test_a_stage_that_does_not_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the stage did not run: .*no-such"):
        bench_live.run_stage([], bench_live.nothing, of_show=["--scene", "no-such"])
