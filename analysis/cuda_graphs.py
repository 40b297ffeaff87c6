"""A training step as a CUDA graph: its kernels are launched together, so the GPU does not wait for Python.

A step of a narrow network consists of hundreds of kernels that take a few microseconds each; Python cannot launch them
as fast as a GPU runs them. The graph does the same as the step, kernel by kernel, on the same tensors.
"""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # steps without a graph, in which libraries choose their kernels and the optimiser creates its state

Step = Callable[[Tensor, Tensor], Tensor]


class Captured:
    """``step(pixels, targets)``, captured after a few calls and replayed from then on; for tensors of one shape.

    Decisions that Python makes in the step are made once: call ``forget`` to capture again after the learning rate
    changes.
    """

    def __init__(self, step: Step):
        self.step = step
        self.stream = torch.cuda.Stream()  # as PyTorch requires: warm up and capture on a side stream
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def forget(self) -> None:
        """Capture again at the next call."""
        self.graph = None

    def __call__(self, pixels: Tensor, targets: Tensor) -> Tensor:
        """The result of the step; a captured step returns the same tensor each time; read it before the next call."""
        self.calls += 1
        if self.calls <= WARM_UP:
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                result = self.step(pixels, targets)
            torch.cuda.current_stream().wait_stream(self.stream)
            return result
        graph = self.graph or self._capture(pixels, targets)
        for mine, given in zip(self.inputs, (pixels, targets), strict=True):
            mine.copy_(given)
        graph.replay()
        return self.result

    def _capture(self, pixels: Tensor, targets: Tensor) -> torch.cuda.CUDAGraph:
        self.inputs = pixels.clone(), targets.clone()
        graph = self.graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph, stream=self.stream):
            self.result = self.step(*self.inputs)
        return graph
