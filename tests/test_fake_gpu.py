"""A dry run without a GPU: torch's FakeTensorMode knows each tensor's device, shape and dtype, and computes nothing.

A tensor that is on another device than those it meets is an error there, as it would be on a GPU; a value that Python
asks a tensor for, which would make the GPU wait, is one too.
"""

from concurrent.futures import Future

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from analysis import architectures, augmentation, extraction
from analysis.extraction import COLUMNS, INTEGERS, Batch, Pictures, extract, precise, score

CUDA = torch.device("cuda", 0)
N, CLASSES, BATCH, SIZE = 10, 7, 4, 32


class Executor:
    """Of concurrent.futures: does its work at once, in this thread, where tensors are fake."""

    def __init__(self, *_):
        pass

    def submit(self, function, *args):
        done = Future()
        done.set_result(function(*args))
        return done

    def shutdown(self, **_):
        pass


class Copies(TorchDispatchMode):
    """Counts copies from the GPU to the CPU."""

    def __init__(self):
        super().__init__()
        self.to_cpu = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        given = [value for value in args if isinstance(value, torch.Tensor)]
        if isinstance(result, torch.Tensor) and result.device.type == "cpu" and any(x.device == CUDA for x in given):
            self.to_cpu.append(str(function))
        return result


@pytest.fixture(params=["resnet50", "vgg19", "alexnet"])
def network(request):
    return architectures.build(request.param, CLASSES, image_size=SIZE, stem="small", width=0.25)


@pytest.fixture(params=[True, False], ids=["resident", "fetched"])
def pictures(request, monkeypatch):
    """Pictures that stay on a GPU of much memory, or are fetched to one of none."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**12 if request.param else 0, 10**12))
    monkeypatch.setattr(extraction, "ThreadPoolExecutor", Executor)
    fetched = (3, SIZE, SIZE)
    monkeypatch.setattr(Pictures, "_fetch", lambda _, indices: torch.empty(len(indices), *fetched, dtype=torch.uint8))
    return lambda: Pictures(np.zeros((N, 3, SIZE, SIZE), np.uint8), CUDA)


def move(network: nn.Module) -> None:
    """``network.to("cuda")``, which fake tensors cannot do in place."""
    for module in network.modules():
        for name, value in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(torch.empty(value.shape, dtype=value.dtype, device=CUDA)))
        for name, value in module.named_buffers(recurse=False):
            module._buffers[name] = torch.empty(value.shape, dtype=value.dtype, device=CUDA)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_scores_are_made_and_stay_on_the_gpu(network, pictures, precision):
    with FakeTensorMode(), Copies() as copies:
        move(network)
        found = extract(
            network, pictures(), torch.zeros(N, dtype=torch.long), precision=precision, batch_size=BATCH, logits=True
        )
    assert set(found) == {*COLUMNS, "logits"}
    for name, value in found.items():
        assert value.device == CUDA and len(value) == N, name
        kind = torch.int16 if name in INTEGERS else torch.bool if name == "correct" else torch.float32
        assert value.dtype == kind, name
    assert copies.to_cpu == []


def test_batches_are_placed_where_the_network_is(pictures):
    with FakeTensorMode():
        batches = list(pictures().batches(torch.arange(N), BATCH))
    assert [len(part) for part, _ in batches] == [4, 4, 2]
    for part, pixels in batches:
        assert pixels.device == CUDA and pixels.dtype == torch.uint8 and len(pixels) == len(part)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_loss_of_a_batch_neither_leaves_the_gpu_nor_waits_for_it(network, precision):
    """Not the backward pass: torch asks the driver for it even here."""
    with FakeTensorMode(), Copies() as copies:
        move(network)
        network.train()
        pixels = torch.empty(BATCH, 3, SIZE, SIZE, dtype=torch.uint8, device=CUDA)
        targets = torch.empty(BATCH, dtype=torch.long, device=CUDA)
        random = torch.Generator().manual_seed(0)
        with precise(CUDA, precision):
            logits = network(augmentation.augment(pixels, random).contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits, targets)
    assert logits.device == loss.device == CUDA and logits.dtype == torch.float32
    assert copies.to_cpu == []


def test_a_tensor_left_on_the_cpu_would_be_found():
    network = architectures.build("resnet18", CLASSES, image_size=SIZE, stem="half", width=0.25)
    with FakeTensorMode():
        move(network)
        embeddings, head = torch.empty(BATCH, network.head.in_features, device=CUDA), network.head
        z, y = network.classify(embeddings), torch.zeros(BATCH, dtype=torch.long)
        with pytest.raises(RuntimeError, match=r"(?i)device"):
            score(Batch(z, embeddings, head, y))


def test_a_value_that_python_asks_for_would_be_found():
    with FakeTensorMode():
        value = torch.empty(3, device=CUDA)
        with pytest.raises(DataDependentOutputException):
            value.sum().item()


def test_a_copy_to_the_cpu_would_be_found():
    with FakeTensorMode(), Copies() as copies:
        torch.empty(3, device=CUDA).to("cpu")
    assert len(copies.to_cpu) == 1
