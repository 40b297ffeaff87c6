"""Batch norm's running statistics, computed anew for a while."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The batch norm layers of a network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


@contextmanager
def recalibrated(layers: Sequence[_BatchNorm]) -> Iterator[None]:
    """Inside, running statistics come only from batches seen inside; they are restored afterwards.

    The layers are in training mode inside, and afterwards.
    """
    saved = [{name: buffer.clone() for name, buffer in layer.named_buffers()} for layer in layers]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # an unweighted average over the batches
        layer.train()
    try:
        yield
    finally:
        for layer, buffers, momentum in zip(layers, saved, momenta, strict=True):
            layer.momentum = momentum
            for name, buffer in buffers.items():
                layer.get_buffer(name).copy_(buffer)
