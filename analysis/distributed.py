"""Training of one network in several processes, *workers*, started by torchrun: one per GPU, on one machine or many.

    torchrun --nproc-per-node 4 --max-restarts 3 -m analysis train -p arch resnet50 ...

    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1                                        (on each of several machines)
    torchrun --nnodes 2 --nproc-per-node 8 --max-restarts 3 \\
        --rdzv-backend c10d --rdzv-endpoint first-machine:29400 -m analysis train ...

A batch has the same images in the same order with the same augmentation for any number of workers; each worker takes
its share. torch's DistributedDataParallel averages the gradients, so the weights are the same everywhere. The test
images of a probe are also shared. Only the first worker writes, and all read its files, so results and data must be on
a disk that all machines share. If a worker fails, torchrun starts all of them again, and they continue from the last
finished epoch.

Results depend on the number of workers in two ways. Each worker draws its own dropout. On GPUs batch norm uses the
whole batch, through torch's SyncBatchNorm; on a CPU, which does not support it, batch norm uses the share of each
worker. The parts of an accumulated batch are normalised separately, as everywhere.

With one process no function here does anything.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.nn.parallel import DistributedDataParallel

from analysis.devices import resolve_device
from analysis.errors import InputError

T = TypeVar("T")
N = TypeVar("N", bound=nn.Module)
PATIENCE = timedelta(days=1)  # for workers that wait while the first one downloads and decodes


def worker_device(name: str) -> torch.device:
    """The device that ``name`` refers to for this worker: each has its own GPU.

    Raises InputError if there is none.
    """
    device = resolve_device(name)
    if launched() == 1 or device.type == "cpu":
        return device
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if device.index is not None:
        raise InputError(f"device {name} is one GPU for {launched()} workers; allowed: auto, cpu, cuda")
    if here > gpus:
        raise InputError(f"{here} workers on a machine with {gpus} GPUs; allowed: --nproc-per-node {gpus}, device cpu")
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]))


def launched() -> int:
    """The number of workers started by torchrun; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def group(device: torch.device) -> Iterator[None]:
    """A context in which workers are connected; they leave it together, or fail separately and are ended by torchrun.

    torchrun's store outlives them, with addresses of failed workers (pytorch issue 135712), so each start on one
    machine uses a separate part of it. Several machines may count starts differently, so they need a new store each
    time, which torch creates if its variable is set. Raises InputError if it is not set and failed workers are to be
    restarted.
    """
    if launched() == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    store, rank, size = next(distributed.rendezvous("env://"))
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]:
        store = PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
    elif os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and os.environ["TORCHELASTIC_MAX_RESTARTS"] != "0":
        raise InputError(
            "to start lost workers again on several machines, torch needs TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in "
            "torchrun's environment on each: set it, or leave out --max-restarts"
        )
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    yield
    _patient.cache_clear()
    distributed.destroy_process_group()


def workers() -> int:
    """The number of workers."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The index of this worker; worker 0 writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(n: int) -> slice:
    """The share of ``n`` ordered items of this worker; sizes differ by at most one."""
    return slice(rank() * n // workers(), (rank() + 1) * n // workers())


def first(work: Callable[[], T]) -> T | None:
    """The result of ``work`` in the first worker, while the others wait; they get None.

    Its InputError is raised in all of them.
    """
    if workers() == 1:
        return work()
    result: T | None = None
    sentence: list[str | None] = [None]
    if rank() == 0:
        try:
            result = work()
        except InputError as error:
            sentence = [str(error)]
    distributed.broadcast_object_list(sentence, src=0, group=_patient())
    if sentence[0] is not None:
        raise InputError(sentence[0])
    return result


def first_then_all(work: Callable[[], T]) -> T:
    """The result of ``work``, not None: the first worker runs it alone, the others afterwards, when its files exist."""
    result = first(work)
    return work() if result is None else result


@cache
def _patient() -> distributed.ProcessGroup:
    made = distributed.new_group(backend="gloo", timeout=PATIENCE)
    assert isinstance(made, distributed.ProcessGroup)  # it is a number in workers that have no part in it
    return made


def same(value: str, what: str) -> None:
    """Raise InputError in all workers if ``value`` differs between them."""
    if workers() == 1:
        return
    values = [""] * workers()
    distributed.all_gather_object(values, value)
    if len(set(values)) > 1:
        raise InputError(f"the workers see different {what}: results_dir and data_dir must be on a disk that all share")


def total(value: Tensor) -> Tensor:
    """``value`` summed over the workers, in place."""
    if workers() > 1:
        distributed.all_reduce(value)
    return value


def whole(value: Tensor) -> Tensor:
    """``value`` with all rows filled, after each worker filled its own rows and left the others 0.

    Through float32, which is enough for all scores: no backend sums booleans and short integers.
    """
    return total(value.float()).to(value.dtype) if workers() > 1 else value


def replicated(network: nn.Module) -> nn.Module:
    """``network``, with gradients averaged over all workers in its backward pass."""
    return DistributedDataParallel(network) if workers() > 1 else network


def postponed(network: nn.Module) -> AbstractContextManager[object]:
    """A context in which backward passes of a replicated network accumulate gradients without averaging."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def synchronised(network: N, device: torch.device) -> N:
    """``network`` with batch norm over the batch of all workers if torch supports it, which it does on GPUs."""
    if workers() > 1 and device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return network


def as_first(layers: Sequence[nn.Module]) -> None:
    """Give all workers the running statistics of the first one, as DistributedDataParallel does before each batch."""
    if workers() > 1:
        for buffer in (buffer for layer in layers for buffer in layer.buffers()):
            distributed.broadcast(buffer, src=0)
