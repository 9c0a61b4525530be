"""Cases of a test of which each takes long: one for every change, the others where there is time (`make test-slow`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest


def slow_but(kept: str, cases: Mapping[str, Any] | Collection[Any]) -> list[Any]:
    """For ``parametrize``: cases by their names, of which all but ``kept`` are slow. A tuple is several arguments."""
    named = cases if isinstance(cases, Mapping) else {str(case): case for case in cases}
    assert kept in named
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), id=name, marks=() if name == kept else pytest.mark.slow
        )
        for name, case in named.items()
    ]
