"""Networks on a card as CUDA graphs: one launch a call, where eager torch has thousands, and the CPU falls behind.

What is swapped is the network, not the pipeline: a graphed one is called as the one that it replaces. A graph is for
one set of shapes, and for the weights and numbers that its network had when it was captured.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch

from vpengine.neural.diffusion_networks import Call, Tensors, TorchNetwork
from vpengine.neural.library_errors import first_line

log = logging.getLogger(__name__)

MOST_GRAPHS = 6  # of a network: a governor and a surround ask for a few shapes, over and over
SETTLED = 16  # calls that a number has to stay, to be captured with: two pictures of eight steps
WARMING = 3  # calls before a capture, in which libraries choose and allocate what must not be in it
DRIFT = 0.03  # RMS over RMS: how far a graph's first answer may be from the network's own
_SILENT = 1e-3
Key = tuple[tuple[str, tuple[int, ...]], ...]


class Graphs(Protocol):
    """What captures: the card's, or a stand-in."""

    def capture(self, call: Callable[[], Tensors]) -> tuple[Callable[[], None], Tensors]:
        """What replays ``call``, and the tensors that this writes to. Raises RuntimeError where it cannot be."""


class CudaGraphs:
    """torch's. All graphs take their memory from one pool: they run one after another, and nobody keeps their answers.

    Each thread's capture is its own affair: another thread may use the card meanwhile.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def capture(self, call: Callable[[], Tensors]) -> tuple[Callable[[], None], Tensors]:
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(WARMING):
                call()
        here.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            outputs = call()
        return graph.replay, outputs


@dataclass(frozen=True, eq=False)
class _Captured:
    """inputs, outputs: tensors whose addresses are in the graph."""

    inputs: Mapping[str, torch.Tensor]
    outputs: Tensors
    replay: Callable[[], None]

    def __call__(self, given: Tensors) -> dict[str, torch.Tensor]:
        for name, tensor in given.items():
            self.inputs[name].copy_(tensor)  # from any precision, anywhere
        self.replay()
        return {name: tensor.clone() for name, tensor in self.outputs.items()}  # the next call writes there again


class GraphedNetwork:
    """A network of torch's by graphs: the first call with a shape captures one."""

    def __init__(
        self, name: str, network: TorchNetwork, graphs: Graphs, numbers: Callable[[], Hashable] = lambda: None
    ) -> None:
        """name: in sentences. numbers: all that its calls depend on beside their tensors and weights, such as how much
        an adapter counts: while it changes, the network is called as it is.
        """
        self._name, self._network, self._graphs, self._numbers = name, network, graphs, numbers
        self._captured: OrderedDict[Key, _Captured] = OrderedDict()
        self._told, self._calls = numbers(), SETTLED
        self.forget()

    @torch.inference_mode()
    def __call__(self, given: Tensors) -> dict[str, torch.Tensor]:
        """As the network that it replaces; its answers are the caller's to keep."""
        self._forget_what_changed()
        key: Key = tuple(sorted((name, tuple(tensor.shape)) for name, tensor in given.items()))
        if key not in self._captured and not self._refused and self._calls >= SETTLED:
            self._try(key, given)
        if key not in self._captured:
            return self._network(given)
        self._captured.move_to_end(key)
        return self._captured[key](given)

    def forget(self) -> None:
        """Capture anew, for its layers were changed; weights that moved, and numbers, are seen without that."""
        self._captured.clear()
        self._parameters = list(self._network.module.parameters())
        self._weights = self._addresses()
        self._refused = False

    def _forget_what_changed(self) -> None:
        """A graph has weights' addresses in it, and numbers' values. Weights that change where they lie are its own."""
        self._calls += 1
        told = self._numbers()
        if told != self._told:
            self._told, self._calls = told, 0
            self._captured.clear()
        if self._addresses() != self._weights:
            self.forget()

    def _addresses(self) -> list[int]:
        return [parameter.data_ptr() for parameter in self._parameters]

    def _try(self, key: Key, given: Tensors) -> None:
        """Capture for ``key``; where that cannot be, or the graph answers otherwise, it is said once and left."""
        try:
            captured, expected = self._capture(given), self._network(given)
            problem = _problem(captured(given), expected)
        except RuntimeError as error:  # torch's for all that the card refuses, a full memory too
            problem = first_line(error)
        if problem:
            self._refused = True
            self._captured.clear()
            log.warning("%s: no CUDA graph of it (%s); it runs without, slower.", self._name, problem)
            return
        self._captured[key] = captured
        while len(self._captured) > MOST_GRAPHS:
            self._captured.popitem(last=False)

    def _capture(self, given: Tensors) -> _Captured:
        placed = self._network.placed(given)
        inputs = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in placed.items()}
        replay, outputs = self._graphs.capture(lambda: self._network(inputs))
        return _Captured(inputs, outputs, replay)


def graphed(
    networks: Mapping[str, TorchNetwork], what: str, graphs: Graphs, numbers: Callable[[], Hashable]
) -> dict[str, Call]:
    """Each of ``networks`` by graphs. what: whose they are, in sentences. numbers: of the U-Net (GraphedNetwork)."""
    return {
        name: GraphedNetwork(f"{what}: {name}", network, graphs, *([numbers] if name == "unet" else []))
        for name, network in networks.items()
    }


def _problem(found: Tensors, expected: Tensors) -> str:
    """What is wrong with a graph's answer; empty where it is the network's own."""
    for name, right in expected.items():
        error = (found[name].float() - right.float()).square().mean().sqrt()
        size = right.float().square().mean().sqrt().clamp(min=_SILENT)
        if not bool(error <= DRIFT * size):  # a NaN compares false too
            return f"its {name} differs from the network's own"
    return ""
