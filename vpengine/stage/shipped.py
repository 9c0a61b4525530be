"""Where the shipped stage and show files are."""

from __future__ import annotations

from pathlib import Path


def stage_folder() -> Path:
    """stage_configs/, beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent.parent
    inside = package / "stage_configs"
    return inside if inside.is_dir() else package.parent / "stage_configs"
