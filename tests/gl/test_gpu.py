"""Gpu: what the whole frame asks of the rendering context."""

from __future__ import annotations

import sys
import threading
from typing import Any

from vpengine.compose.mixer import BLOCK as MIX_BLOCK
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target


def test_other_threads_run_while_the_gpu_is_waited_for(gpu: Any) -> None:
    """A tracker's packets are decoded meanwhile. Python would not take its lock from this thread: it must be let go."""
    ours = Gpu(gpu)
    target = Target(gpu, (2048, 2048))
    source = ours.texture((64, 64), 4, "f2")
    mixing = ours.pass_("mix", MIX_BLOCK)
    asked, heard = threading.Event(), threading.Event()
    listener = threading.Thread(target=lambda: (asked.wait(), heard.set()))
    interval = sys.getswitchinterval()
    listener.start()
    try:
        sys.setswitchinterval(1000.0)
        for _ in range(40):
            mixing.draw(target, {"from_color": source, "to_color": source}, mix_amount=0.5)
        asked.set()
        ours.finish()
        assert heard.is_set()
    finally:
        sys.setswitchinterval(interval)
        asked.set()
        listener.join()
        source.release()
        target.release()
