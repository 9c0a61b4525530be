"""What a generator declares, read from its class by its name; its model is not loaded for that."""

from __future__ import annotations

from vpengine.control.looks import Looks
from vpengine.neural import GENERATORS
from vpengine.neural.generator import Generator
from vpengine.plugins import load_plugin


def generator_class(name: str) -> type[Generator]:
    """Raises KeyError for a name that GENERATORS does not have."""
    declared: type[Generator] = load_plugin(GENERATORS[name])
    return declared


def looks_of(name: str) -> Looks:
    """What the generator ``name`` can be asked. Raises KeyError as above."""
    declared = generator_class(name)
    return Looks(name, declared.controls, declared.plain, declared.view_consistency)
