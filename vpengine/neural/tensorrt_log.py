"""What TensorRT says while it works: kept, not printed."""

from __future__ import annotations

from typing import Any


def logger_of(trt: Any) -> Any:
    """TensorRT's logger that prints nothing and keeps, in ``worst``, the first error: those after it follow from it."""

    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.worst = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR) and not self.worst:
                self.worst = message.splitlines()[0][:300] if message else ""

    return Logger()
