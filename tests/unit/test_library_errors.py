"""Whatever a library raises over a file is one sentence; a full memory is not the file's fault."""

from __future__ import annotations

import pytest

from vpengine.errors import UserError
from vpengine.neural.library_errors import in_a_sentence


class OutOfMemoryError(RuntimeError):
    """Named as torch's and CUDA's."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("\nshapes differ\nand more"), "shapes differ"),
        (KeyError(), "KeyError"),
        (ValueError("{x}" * 200), ("{x}" * 200)[:200]),
    ],
)
def test_one_sentence_has_the_first_line(error: Exception, reason: str) -> None:
    with pytest.raises(UserError) as found, in_a_sentence("a.onnx: cannot be loaded", "; fetch it again"):
        raise error
    assert str(found.value) == f"a.onnx: cannot be loaded ({reason}); fetch it again"
    assert found.value.__cause__ is error


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("2 GiB"), UserError("said already"), SystemExit(1)])
def test_what_is_no_fault_of_the_file_stays_what_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as found, in_a_sentence("a.onnx"):
        raise error
    assert found.value is error
