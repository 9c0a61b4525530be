"""Tests that need an NVIDIA card; elsewhere they say so and are skipped."""

from __future__ import annotations

from typing import Any

import pytest

from vpengine.errors import UserError


@pytest.fixture(scope="session")
def device() -> Any:
    """The card, as engines have it."""
    pytest.importorskip("torch", reason="torch is not installed: pip install vpengine[rtx]")
    module = pytest.importorskip("vpengine.neural.cuda_tensors")
    try:
        return module.CudaTensors()
    except UserError as error:
        pytest.skip(str(error))
