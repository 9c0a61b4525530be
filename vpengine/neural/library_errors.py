"""What a library raises over somebody's file, turned into the one sentence that an operator gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vpengine.errors import UserError

LONGEST = 200  # characters of what a library says


@contextmanager
def in_a_sentence(before: str, after: str = "") -> Iterator[None]:
    """Raises UserError, ``before`` with the library's reason in brackets and then ``after``, for whatever is raised.

    Broad on purpose: diffusers, transformers, peft, onnxruntime and its converter raise what each of them, and what
    they are built on, happens to raise over a file that is wrong, without a base that is theirs. A full memory is left
    as it is: the file is not to blame, and whoever runs the generator has another word for it.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if is_full_memory(error):
            raise
        raise UserError(f"{before} ({first_line(error)}){after}") from error


class FullMemoryError(UserError):
    """There is not enough memory for what a library was to do, in its own sentence."""


def is_full_memory(error: Exception) -> bool:
    """Libraries have errors of their own for it; torch's and CUDA's are known by their names."""
    return isinstance(error, (MemoryError, FullMemoryError)) or type(error).__name__ == "OutOfMemoryError"


def says_full_memory(words: str) -> bool:
    """Of a library that has nothing but words for it."""
    return "out of memory" in words.lower()


def first_line(error: Exception) -> str:
    """Of what it says, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:LONGEST]
