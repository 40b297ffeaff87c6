"""Sharing of GPUs by processes that know of each other by locked files alone, with GPUs made up; layers on CPUs."""

import subprocess
import sys
import types
from contextlib import ExitStack

import pytest
import torch
from torch import nn

from analysis import architectures, devices


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """Two GPUs; which of them was chosen, one after the other."""
    chosen = []
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: types.SimpleNamespace(uuid=f"gpu-{i}"))
    return chosen


def reserve(quarters: int, stack: ExitStack) -> None:
    stack.enter_context(devices.reserved(quarters))


def test_small_networks_are_spread_over_gpus_and_then_share_them(gpus):
    with ExitStack() as stack:
        for _ in range(8):
            reserve(1, stack)
    assert gpus == [0, 1] * 4


def test_a_large_network_has_a_gpu_to_itself(gpus):
    with ExitStack() as stack:
        reserve(1, stack)
        reserve(4, stack)
        assert gpus == [0, 1]
        reserve(1, stack)
        assert gpus == [0, 1, 0]
        reserve(4, stack)  # there is no room: the first one, as without asking
        assert gpus == [0, 1, 0]


def test_the_gpu_of_a_network_that_has_ended_is_taken_next(gpus):
    with ExitStack() as first, ExitStack() as second, ExitStack() as third:
        reserve(4, first)
        reserve(4, second)
        second.close()
        reserve(4, third)
    assert gpus == [0, 1, 1]


def test_a_quarter_that_another_process_holds_is_left_to_it_until_it_is_killed(gpus, tmp_path):
    path = devices._file(0, 0)
    code = f"from filelock import FileLock; lock = FileLock({str(path)!r}); lock.acquire(); print(flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    with devices.reserved(1):
        assert gpus == [1]
    other.kill()
    other.wait()
    with devices.reserved(1):
        assert gpus == [1, 0]


def test_without_a_gpu_nothing_is_reserved(gpus, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with devices.reserved(1):
        assert not gpus
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("width", "device", "expected"),
    [
        (1 / 16, "cpu", torch.contiguous_format),
        (1 / 16, "cuda", torch.channels_last),
        (1 / 4, "cpu", torch.channels_last),
    ],
)
def test_strided_convolutions_of_few_channels_are_not_channels_last_on_a_cpu(width, device, expected):
    network = architectures.build("resnet18", 4, image_size=32, width=width)
    assert devices.memory_format(network, torch.device(device)) == expected


CPU = torch.device("cpu")


@pytest.fixture
def depthwise():
    """An ordinary convolution, a depthwise one and pictures, the same in every test."""
    torch.manual_seed(7)
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8, bias=False))
    return network, torch.randn(4, 3, 9, 9)


def test_gradients_of_depthwise_convolutions_are_those_of_float32(depthwise):
    network, pixels = depthwise
    devices.keep_depthwise_float32(network, CPU, "bfloat16")
    with torch.autocast("cpu", torch.bfloat16):
        between = network[0](pixels).detach()
        result = network[1](between)
    assert result.dtype == between.dtype == torch.bfloat16
    slope = torch.randn_like(result)
    result.backward(slope)
    patches = nn.functional.unfold(between.double(), 5, padding=2, stride=2).view(4, 8, 25, -1)
    expected = torch.einsum("ncpl,ncl->cp", patches, slope.double().flatten(2)).view(8, 1, 5, 5)
    torch.testing.assert_close(network[1].weight.grad.double(), expected, rtol=1e-5, atol=1e-5)  # bfloat16: 4e-3


@pytest.mark.parametrize(("device", "precision"), [("cpu", "float32"), ("cuda", "bfloat16")])
def test_elsewhere_depthwise_convolutions_stay_as_they_are(depthwise, device, precision):
    network, pixels = depthwise
    devices.keep_depthwise_float32(network, torch.device(device), precision)
    with torch.autocast("cpu", torch.bfloat16):
        assert network[1].forward.__func__ is nn.Conv2d.forward
        assert network(pixels).dtype == torch.bfloat16


def test_without_gradients_depthwise_convolutions_stay_in_bfloat16(depthwise):
    network, pixels = depthwise
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        before = network(pixels)
        devices.keep_depthwise_float32(network, CPU, "bfloat16")
        assert torch.equal(network(pixels), before)


def test_only_depthwise_convolutions_are_computed_in_float32(depthwise):
    network, _ = depthwise
    devices.keep_depthwise_float32(network, CPU, "bfloat16")
    assert network[0].forward.__func__ is nn.Conv2d.forward
    assert list(network.state_dict()) == ["0.weight", "0.bias", "1.weight"]
