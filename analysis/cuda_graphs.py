"""A training step as one CUDA graph: its kernels are launched together, and the GPU does not wait for Python.

A step of a narrow network is hundreds of kernels of a few microseconds each, which Python cannot launch as fast as a
GPU runs them. The graph does what the step does, kernel by kernel, on the same tensors.
"""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # steps as they are, in which libraries choose their kernels and the optimiser makes its state

Step = Callable[[Tensor, Tensor], Tensor]


class Captured:
    """``step(pixels, targets)``, captured after a few calls and replayed from then on; for tensors of one shape.

    What Python decides in the step is decided once: capture again, with ``forget``, after the learning rate changes.
    """

    def __init__(self, step: Step):
        self.step = step
        self.stream = torch.cuda.Stream()  # PyTorch's rule: warm up and capture beside the default stream
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def forget(self) -> None:
        """Capture anew at the next call."""
        self.graph = None

    def __call__(self, pixels: Tensor, targets: Tensor) -> Tensor:
        """What the step returns; a captured step gives the same tensor each time, to be read before the next one."""
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
