"""Errors are sentences: where, what was found, what is allowed; a file's problems all at once."""

from __future__ import annotations

import pytest

from vpengine.errors import Problem, ProblemsError, UserError, did_you_mean
from vpengine.plugins import load_plugin


def test_a_problem_names_file_key_and_value() -> None:
    assert str(Problem("stage.toml", "wall.0.kind", "found 'ark'")) == "stage.toml: wall.0.kind: found 'ark'"
    assert str(Problem("stage.toml", "", "not TOML")) == "stage.toml: not TOML"


def test_all_problems_are_told_one_line_each() -> None:
    problems = [Problem("a.toml", "x", "one"), Problem("b.toml", "y", "two")]
    error = ProblemsError(iter(problems))
    assert str(error).splitlines() == ["a.toml: x: one", "b.toml: y: two"]
    assert error.problems == tuple(problems)
    assert isinstance(error, UserError)


def test_did_you_mean() -> None:
    allowed = ("flat", "arc", "dome")
    assert did_you_mean("ark", allowed) == "; did you mean 'arc'?"
    assert did_you_mean("quaternion", allowed) == " (allowed: arc, dome, flat)"


def test_plugins_load_by_name() -> None:
    assert load_plugin("vpengine.errors:Problem") is Problem
    with pytest.raises(AttributeError):
        load_plugin("vpengine.errors:Nothing")
    with pytest.raises(ImportError):
        load_plugin("vpengine.nowhere:Nothing")
