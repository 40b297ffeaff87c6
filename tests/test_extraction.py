"""Scores of pictures, streamed: equal to a plain loop, in order, in little memory, and leaving no trace."""

import copy
import gc
import random
import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from analysis import architectures, scores
from analysis.errors import InputError
from analysis.extraction import AHEAD, COLUMNS, PROBED, Pictures, extract

CPU = torch.device("cpu")


class Lazy:
    """Pictures that are drawn when asked for; keeps what was asked."""

    def __init__(self, n, size=8):
        self.n, self.size, self.asked = n, size, []

    def __len__(self):
        return self.n

    def __getitem__(self, indices):
        assert isinstance(indices, np.ndarray)
        assert indices.dtype.kind == "i"
        self.asked.append(indices)
        return np.stack([np.random.default_rng(i).integers(0, 256, (3, self.size, self.size)) for i in indices]).astype(
            np.uint8
        )


@pytest.fixture(scope="module")
def network():
    """Small, with batch norm that has seen pictures."""
    network = architectures.build("resnet18", 7, image_size=8, width=1 / 16)
    with torch.no_grad():
        pictures = torch.from_numpy(Lazy(64)[np.arange(64)])
        network.train()(pictures)
        network.head.bias.sub_(network.eval()(pictures).mean(0))  # so that more than one class is predicted
    return network


def run(network, n=53, **options):
    options = {"batch_size": 10, **options}
    return extract(network, Pictures(Lazy(n), CPU), torch.arange(n) % 7, **options)


def naive(network, n=53):
    """The scores one picture at a time, in float64 from the embedding on."""
    rows = []
    w, b = network.head.weight.detach().double().numpy(), network.head.bias.detach().double().numpy()
    for i in range(n):
        picture = Lazy(n)[np.array([i])]
        pixels = (picture / 255 - np.array([0.485, 0.456, 0.406])[:, None, None]) / np.array([0.229, 0.224, 0.225])[
            :, None, None
        ]
        with torch.inference_mode():
            x = network.body(torch.tensor(pixels, dtype=torch.float32))[0].double().numpy()
        z, y = w @ x + b, i % 7
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        angle = np.arccos(w @ x / np.linalg.norm(w, axis=1) / np.linalg.norm(x))
        rows.append(
            {
                "confidence": p[y],
                "norm": np.linalg.norm(x),
                "angle": angle[y],
                "avh": angle[y] / angle.sum(),
                "correct": z.argmax() == y,
                "predicted": z.argmax(),
                "nearest": angle.argmin(),
                "cosine": np.cos(angle[y]),
                "avh_others": angle[y] / (angle.sum() - angle[y]),
                "angular_margin": angle[y] - np.delete(angle, y).min(),
                "max_confidence": p.max(),
                "margin": z[y] - np.delete(z, y).max(),
                "entropy": -(p * np.log(p)).sum(),
                "loss": -np.log(p[y]),
                "logits": z,
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_extraction_equals_a_plain_loop(network):
    ours, expected = run(network, logits=True), naive(network)
    assert set(ours) == set(expected) == {*COLUMNS, "logits"}
    for name, values in expected.items():
        if name in ("correct", "predicted", "nearest"):
            assert (ours[name].numpy() == values).all(), name
        else:
            np.testing.assert_allclose(ours[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_plain_loop_sees_different_pictures(network):
    assert len(set(naive(network)["norm"])) == 53  # else order could not be tested
    assert len(set(naive(network)["predicted"])) > 1


@pytest.mark.parametrize("size", [1, 7, 52, 53, 500])
def test_batches_of_any_size_give_the_same(network, size):
    for name, values in run(network, batch_size=size).items():
        torch.testing.assert_close(values.float(), run(network)[name].float(), rtol=1e-4, atol=1e-5)


def test_bfloat16_is_close_and_scores_stay_float32(network):
    low, high = run(network, precision="bfloat16", logits=True), run(network, logits=True)
    assert low["logits"].dtype == low["avh"].dtype == low["norm"].dtype == torch.float32
    torch.testing.assert_close(low["angle"], high["angle"], atol=0.05, rtol=0)
    assert not torch.equal(low["angle"], high["angle"])


def test_kinds_of_columns(network):
    values = run(network, columns=PROBED)
    assert list(values) == PROBED
    assert values["correct"].dtype == torch.bool
    assert run(network, columns=["predicted"])["predicted"].dtype == torch.int16


def test_scores_are_those_of_the_scores_module(network):
    pictures, y = torch.from_numpy(Lazy(53)[np.arange(53)]), torch.arange(53) % 7
    with torch.inference_mode():
        x = network.embed(pictures)
    torch.testing.assert_close(
        run(network)["avh"], scores.avh(x, network.head.weight.detach(), y), rtol=1e-4, atol=1e-6
    )


# --- pictures


def test_pictures_are_fetched_once_by_batches_in_order(network):
    images = Lazy(53)
    extract(network, Pictures(images, CPU), torch.zeros(53, dtype=torch.long), batch_size=10)
    asked = sorted(images.asked, key=lambda part: part[0])  # some at the same time
    assert [len(part) for part in asked] == [10, 10, 10, 10, 10, 3]
    assert np.concatenate(asked).tolist() == list(range(53))


def test_batches_follow_any_order():
    images, order = Lazy(20), torch.tensor([3, 19, 0, 3, 7])
    parts = list(Pictures(images, CPU).batches(order, 2))
    assert [part.tolist() for part, _ in parts] == [[3, 19], [0, 3], [7]]
    expected = torch.from_numpy(images[order.numpy()])
    assert torch.equal(torch.cat([pixels for _, pixels in parts]), expected)


def test_no_pictures_are_no_batches():
    """The share of a worker where there are more workers than pictures."""
    images = Lazy(20)
    assert list(Pictures(images, CPU).batches(torch.arange(0), 2)) == []
    assert images.asked == []


def test_pictures_may_be_mapped_from_disk_read_only(network, tmp_path):
    np.save(tmp_path / "pictures.npy", Lazy(53)[np.arange(53)])
    images = np.load(tmp_path / "pictures.npy", mmap_mode="r", allow_pickle=False)
    mapped = extract(network, Pictures(images, CPU), torch.arange(53) % 7, batch_size=10)
    assert all(torch.equal(mapped[name], value) for name, value in run(network).items())


def test_an_error_in_fetching_arrives(network):
    class Broken(Lazy):
        def __getitem__(self, indices):
            if 30 in indices:
                raise OSError("gone")
            return super().__getitem__(indices)

    with pytest.raises(OSError, match="gone"):
        extract(network, Pictures(Broken(53), CPU), torch.zeros(53, dtype=torch.long), batch_size=10)


def test_batches_are_in_order_whichever_is_ready_first():
    """Every second batch is held back until the one after it has been fetched."""
    fetched = [threading.Event() for _ in range(6)]

    class Late(Lazy):
        def __getitem__(self, indices):
            k = indices[0] // 2
            if k % 2 == 0:
                assert fetched[k + 1].wait(60)
            fetched[k].set()
            return super().__getitem__(indices)

    parts = list(Pictures(Late(12), CPU).batches(torch.arange(12), 2))
    assert torch.equal(torch.cat([pixels for _, pixels in parts]), torch.from_numpy(Lazy(12)[np.arange(12)]))


@pytest.mark.parametrize("end", ["dropped", "closed", "an error"])
def test_an_iterator_that_is_left_fetches_no_more(end):
    class Broken(Lazy):
        def __getitem__(self, indices):
            pictures = super().__getitem__(indices)
            if end == "an error" and 2 in indices:
                raise InputError("picture 2 is corrupt")
            return pictures

    images, before = Broken(100), threading.active_count()
    batches = Pictures(images, CPU).batches(torch.arange(100), 2)
    next(batches)
    if end == "an error":
        with pytest.raises(InputError, match=r"^picture 2 is corrupt$"):
            next(batches)
    elif end == "closed":
        batches.close()
    del batches
    assert threading.active_count() == before
    assert len(images.asked) <= 2 + AHEAD


# --- traces


def test_extraction_leaves_the_network_in_evaluation_and_otherwise_untouched():
    network = architectures.build("vgg11", 7, image_size=32, width=1 / 32).train()  # dropout and batch norm
    before, states = copy.deepcopy(network.state_dict()), random_states()
    extract(network, Pictures(Lazy(12, 32), CPU), torch.arange(12) % 7)
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert random_states() == states


def random_states():
    return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()


def test_no_hook_or_buffer_is_left(network):
    names = [name for name, _ in network.named_buffers()]
    run(network)
    assert [name for name, _ in network.named_buffers()] == names
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert isinstance(network.head, nn.Linear)


# --- memory


class Counted(Lazy):
    """Generated pictures; keeps how many batches of them were alive at once, at most."""

    def __init__(self, n):
        super().__init__(n)
        self.alive, self.most, self.lock = 0, 0, threading.Lock()

    def change(self, by):
        with self.lock:
            self.alive += by
            self.most = max(self.most, self.alive)

    def __getitem__(self, indices):
        batch = np.full((len(indices), 3, self.size, self.size), indices[0] % 251, np.uint8)
        self.asked.append(indices)
        self.change(1)
        weakref.finalize(batch, self.change, -1)
        return batch


def test_of_50_000_pictures_few_batches_are_ever_alive(network):
    """Those fetched ahead, the one that is scored, one more while they change places, one of a waiting thread."""
    images = Counted(50_000)
    extract(network, Pictures(images, CPU), torch.zeros(50_000, dtype=torch.long), batch_size=500, columns=["avh"])
    assert len(images.asked) == 100
    assert images.most <= AHEAD + 3
    gc.collect()
    assert images.alive == 0


def test_of_50_000_pictures_few_batches_wait_for_a_slow_reader():
    images, held = Counted(50_000), []
    for _, pixels in Pictures(images, CPU).batches(torch.randperm(50_000), 500):
        held.append(len(pixels))
        del pixels
    assert held == [500] * 100
    assert images.most <= AHEAD + 3


MEASURE = """
import numpy as np
from analysis import architectures
from analysis.extraction import Pictures, extract
class Lazy:
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i): return np.broadcast_to(i[:, None, None, None] % 200, (len(i), 3, 32, 32)).astype(np.uint8)
network = architectures.build("resnet18", 10, image_size=32, width=1 / 16, stem="imagenet")
def after(n):
    extract(network, Pictures(Lazy(n), torch.device("cpu")), torch.arange(n) % 10, batch_size=200)
    return peak()
few = after(2_000)
print(after(20_000) - few)
"""


def test_memory_does_not_grow_with_the_number_of_pictures(printed_by):
    assert printed_by(MEASURE) < 10  # MB; the pictures alone would take 55, their scores take 1
