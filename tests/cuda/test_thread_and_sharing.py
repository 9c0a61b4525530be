"""For real, on a card: the trial of sharing, what is carried through it, and a generator on the card in a thread."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hosting import SIZE, Loop, request
from vpengine.frames.pixels import Pixels
from vpengine.gpu.context import is_software
from vpengine.gpu.cuda import CudaError, open_card, try_sharing
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.readback import ReadBack
from vpengine.gpu.transfer import upload
from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import generator_class, looks_of
from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.placement import cards, in_thread
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.slot_host import SlotHost
from vpengine.neural.thread_host import ThreadHost

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def card() -> Any:
    if not cards():
        pytest.skip("NVIDIA's driver shows no card")
    try:
        return open_card()
    except CudaError as error:
        pytest.skip(str(error))


@pytest.fixture
def drawing(gpu: Any, card: Any) -> Any:
    del card
    if is_software(gpu):
        pytest.skip("OpenGL draws on the processor here: nothing to share")
    return gpu


def test_the_trial_says_one_or_the_other(drawing: Any) -> None:
    """Twice the same, for all that it registers and maps is given back."""
    first, second = try_sharing(drawing), try_sharing(drawing)
    assert first == second
    assert first.shared or first.why_not
    if not first.shared:
        pytest.skip(str(first))


@pytest.mark.parametrize(("dtype", "components"), [(np.float16, 4), (np.float32, 1)])
def test_what_is_carried_is_what_was_drawn(drawing: Any, card: Any, dtype: Any, components: int) -> None:
    engine = Gpu(drawing)
    if engine.cuda is None:
        pytest.skip("the driver does not share")
    name = {np.float16: "f2", np.float32: "f4"}[dtype]
    back = ReadBack(engine, (640, 360), name, components, ring=1)
    whole = card.pinned(640 * 360 * components * np.dtype(dtype).itemsize)
    into = Pixels(whole.view(dtype).reshape(360, 640, components), True, "pinned memory")
    for seed in range(5):
        image = np.random.default_rng(seed).normal(size=(360, 640, components)).astype(dtype)
        texture = upload(drawing, image)
        assert back.begin(texture)
        back.take_rows(into)
        card.wait()
        np.testing.assert_array_equal(into.top_down, image)
        texture.release()
    assert engine.cuda is not None, "it stopped sharing"
    back.release()


def pictures(host: SlotHost, look: Any) -> list[np.ndarray]:
    loop = Loop(host)
    try:
        for number in (1, 2, 3):
            loop.until(lambda: host.free(time.monotonic()) is not None, 300.0)
            host.submit(replace(request(number), look=look), time.monotonic())
            loop.until(lambda number=number: len(loop.keyframes) == number, 60.0)
    finally:
        host.close()
    return [keyframe.bias.rgb.astype(np.float32) for keyframe in loop.keyframes]


@pytest.mark.timeout(600)
def test_a_diffusion_model_in_a_thread_paints_as_in_a_process(device: Any, card: Any, tiny_sd: Path) -> None:
    """On one card, one after the other; a sum in another order may move the last bits of float16."""
    del device, card
    assert in_thread("auto", generator_class("diffusion"), "torch")
    look = looks_of("diffusion").of({"prompt": "A harbour after the flood"}, seed=5)
    settings = DiffusionSettings(model=str(tiny_sd), precision="float32")
    arguments = ("diffusion", GENERATORS["diffusion"], RUNTIMES["torch"], [SIZE], 1.0 / 24.0, settings)
    ours, theirs = pictures(ThreadHost(*arguments), look), pictures(ProcessHost(*arguments), look)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, atol=2e-2)
        assert np.ptp(our) > 0.01
