"""CUDA graphs' bookkeeping, with a stand-in that replays what was captured: shapes, weights, copies, failure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vpengine.neural.auto import probe_plate
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import Diffusion, DiffusionSettings

torch = pytest.importorskip("torch", reason="torch is not installed: pip install vpengine[torch]")
module = pytest.importorskip("vpengine.neural.cuda_graphs", reason="the extra `diffusion` is not installed")
networks = pytest.importorskip("vpengine.neural.diffusion_networks")


class Layer(torch.nn.Module):
    """y = weight * x + number; counts how often it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), 2.0))
        self.number, self.calls = 0.0, 0
        self.dtype, self.device = torch.float32, torch.device("cpu")

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.weight * x + self.number


class Stand:
    """Captures by noting the weight and the number as they are then, as a graph has them in it."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.captures, self.replays = layer, 0, 0
        self.fails, self.off = "", 1.0

    def capture(self, call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        if self.fails:
            raise RuntimeError(self.fails)
        self.captures += 1
        weight, number = self.layer.weight.data, self.layer.number
        given: list[Any] = []
        hook = self.layer.register_forward_pre_hook(lambda _, args: given.append(args[0]))
        outputs = call()
        hook.remove()
        (x,) = given

        def replay() -> None:
            self.replays += 1
            outputs["y"].copy_(self.off * (weight * x + number))

        outputs["y"].fill_(float("nan"))  # what is captured does not run
        return replay, outputs


class Bench:
    def __init__(self) -> None:
        self.layer = Layer()
        self.stand = Stand(self.layer)
        network = networks.TorchNetwork(self.layer, lambda layer, given: {"y": layer(given["x"])})
        self.graphed = module.GraphedNetwork("a model: unet", network, self.stand, lambda: self.layer.number)

    def __call__(self, value: float = 1.0, side: int = 2, **kind: Any) -> Any:
        return self.graphed({"x": torch.full((1, side), value, **kind)})["y"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_one_graph_for_a_shape(bench: Bench) -> None:
    for value in (1.0, 3.0):
        for side in (2, 5):
            found = bench(value, side)
            assert found.shape == (1, side)
            assert (found == 2.0 * value).all()
    assert (bench.stand.captures, len(bench.graphed._captured)) == (2, 2)
    calls = bench.layer.calls
    bench(4.0)
    assert bench.layer.calls == calls


def test_answers_are_kept_and_inputs_left(bench: Bench) -> None:
    x = torch.ones(1, 2)
    first = bench.graphed({"x": x})["y"]
    second = bench(5.0)
    assert (first == 2.0).all()
    assert (second == 10.0).all()
    assert (x == 1.0).all()
    expanded = torch.full((1, 1), 7.0).expand(1, 2)  # whose numbers lie in one place
    assert (bench.graphed({"x": expanded})["y"] == 14.0).all()
    assert (bench(3.0, dtype=torch.float64) == 6.0).all()  # brought to the network's own precision
    assert bench.stand.captures == 1


def test_weights_that_move_are_captured_anew_and_those_that_change_are_seen(bench: Bench) -> None:
    bench()
    bench.layer.weight.data.fill_(4.0)
    assert (bench() == 4.0).all()
    assert bench.stand.captures == 1
    bench.layer.weight.data = torch.full((1,), 8.0)
    assert (bench() == 8.0).all()
    assert bench.stand.captures == 2
    bench.graphed.forget()
    bench()
    assert bench.stand.captures == 3


def test_while_a_number_changes_there_is_no_graph(bench: Bench) -> None:
    """As in a dissolve from one reference picture to another; then, when it rests, there is."""
    bench()
    for number in range(1, 30):
        bench.layer.number = float(number)
        assert (bench() == 2.0 + number).all()
    assert bench.stand.captures == 1
    for _ in range(module.SETTLED):
        assert (bench() == 31.0).all()
    assert bench.stand.captures == 2
    assert (bench(2.0) == 33.0).all()


def test_only_so_many_are_kept(bench: Bench) -> None:
    for side in (*range(1, module.MOST_GRAPHS + 2), 2):
        bench(side=side)
    assert len(bench.graphed._captured) == module.MOST_GRAPHS
    assert bench.stand.captures == module.MOST_GRAPHS + 1
    bench(side=1)  # the one that was not called for longest
    assert bench.stand.captures == module.MOST_GRAPHS + 2


@pytest.mark.parametrize(
    ("fails", "off", "says"),
    [
        ("operation not permitted when stream is capturing\nand more", 1.0, "operation not permitted when stream is c"),
        ("", 1.1, "its y differs from the network's own"),
        ("", float("nan"), "its y differs from the network's own"),
    ],
)
def test_where_none_can_be_it_is_said_once(
    bench: Bench, caplog: pytest.LogCaptureFixture, fails: str, off: float, says: str
) -> None:
    bench.stand.fails, bench.stand.off = fails, off
    with caplog.at_level(logging.WARNING):
        for side in (2, 3, 2):
            assert (bench(side=side) == 2.0).all()
    (record,) = caplog.records
    assert record.getMessage().startswith(f"a model: unet: no CUDA graph of it ({says}")
    assert record.getMessage().endswith("it runs without, slower.")
    assert bench.stand.captures <= 1


def test_every_network_of_a_model_is_graphed() -> None:
    bench = Bench()
    calls = module.graphed({"unet": bench.graphed._network, "decode": bench.graphed._network}, "it", bench.stand, int)
    assert list(calls) == ["unet", "decode"]
    assert all((call({"x": torch.ones(1, 2)})["y"] == 2.0).all() for call in calls.values())


def test_a_capture_is_warmed_aside_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's rules: warmed on another stream, which waits for this one, and this one for it; then captured."""
    done: list[str] = []

    def stream(name: str) -> Any:
        return SimpleNamespace(name=name, wait_stream=lambda other: done.append(f"{name} waits for {other.name}"))

    @contextmanager
    def within(what: str) -> Iterator[None]:
        done.append(f"{what} begins")
        yield
        done.append(f"{what} ends")

    pretended = SimpleNamespace(
        graph_pool_handle=lambda: (1, 2),
        current_stream=lambda: stream("here"),
        Stream=lambda: stream("aside"),
        stream=lambda which: within(which.name),
        CUDAGraph=lambda: SimpleNamespace(replay=lambda: done.append("replay")),
        graph=lambda graph, pool, capture_error_mode: within(f"{capture_error_mode} capture in {pool}"),
    )
    monkeypatch.setattr(module.torch, "cuda", pretended)
    replay, outputs = module.CudaGraphs().capture(lambda: done.append("call") or {"y": len(done)})
    replay()
    assert done == [
        *("aside waits for here", "aside begins", *["call"] * module.WARMING, "aside ends", "here waits for aside"),
        *("thread_local capture in (1, 2) begins", "call", "thread_local capture in (1, 2) ends", "replay"),
    ]
    assert outputs == {"y": done.index("thread_local capture in (1, 2) begins") + 2}


class Again:
    """Captures a call, and replays it by making it again: into the same tensors, from the same tensors."""

    def __init__(self) -> None:
        self.captures = 0

    def capture(self, call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        self.captures += 1
        outputs = call()

        def replay() -> None:
            for name, tensor in call().items():
                outputs[name].copy_(tensor)

        return replay, outputs


@pytest.mark.slow
def test_a_model_paints_the_same_through_graphs(
    tiny: Any, tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what a ControlNet adds, in several steps, sizes and batches: bit for bit."""
    loading = pytest.importorskip("vpengine.neural.diffusion_loading", reason="the extra `diffusion` is not installed")
    tiny.make_tiny_controlnet(tmp_path / "edges")
    model, edges = str(tiny_models / "tiny-sd"), str(tmp_path / "edges")
    settings = DiffusionSettings(model=model, control_model=edges, steps=2, precision="float32")
    again, every = Again(), ({}, {"guidance": 4.0}, {"depth": 0.0})

    def pictures() -> list[Any]:
        generator, found = Diffusion(loading.TorchRuntime(), settings), []
        for size, asked in (((96, 56), every), ((64, 32), every), ((96, 56), every[1:2])):
            for values in asked:
                look = looks_of("diffusion").of({"prompt": "A harbour", **values})
                found.append(generator.generate(probe_plate(size), look).bias)
        return found

    eager = pictures()
    networks_of = loading.torch_networks
    monkeypatch.setattr(
        loading, "torch_networks", lambda modules: module.graphed(networks_of(modules), "it", again, lambda: None)
    )
    for ours, theirs in zip(pictures(), eager, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.captures == 2 * (1 + 1 + 2 + 3)  # encode, decode, control by batch, U-Net also without what it adds
