"""Plug-ins by name: each table maps a name to ``module:Class``, imported when it is chosen."""

from __future__ import annotations

import importlib
from typing import Any


def load_plugin(target: str) -> Any:
    """The class that ``module:Class`` names. Raises ImportError or AttributeError for a table that is wrong."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
