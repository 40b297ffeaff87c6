"""Scores against independent formulas in float64, their invariances, and their memory."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from analysis import scores


def draw(n, c, d, seed=0, dtype=torch.float32):
    """Embeddings (N, D), weights (C, D) and targets (N,)."""
    random = torch.Generator().manual_seed(seed)
    x, w = (torch.randn(rows, d, generator=random, dtype=torch.float64).to(dtype) for rows in (n, c))
    return x, w, torch.randint(c, (n,), generator=random)


def exact(x, w):
    """Angles (N, C) in float64, by the length of each projection's remainder."""
    u, v = (a.double().numpy() / np.linalg.norm(a.double().numpy(), axis=1, keepdims=True) for a in (x, w))
    cosine = u @ v.T
    remainder = np.linalg.norm(u[:, None] - cosine[:, :, None] * v[None], axis=2)
    return np.arctan2(remainder, cosine)


def pairs(angle, d, seed=0):
    """A vector and one at about ``angle`` to it, each (1, D) float32 and of its own length."""
    rng = np.random.default_rng(seed)
    u, other = rng.standard_normal((2, d))
    u /= np.linalg.norm(u)
    other -= other @ u * u
    v = np.cos(angle) * u + np.sin(angle) * other / np.linalg.norm(other)
    return (torch.tensor(a[None] * length, dtype=torch.float32) for a, length in ((u, 7.3), (v, 0.02)))


problems = st.tuples(st.integers(1, 6), st.integers(2, 7), st.integers(2, 40), st.integers(0, 2**31))
exponents = st.floats(-30, 30)


# --- invariances


@given(problems, st.data())
def test_lengths_of_images_and_classes_play_no_part(problem, data):
    x, w, y = draw(*problem)
    image = torch.tensor([10 ** data.draw(exponents) for _ in x], dtype=torch.float32)[:, None]
    label = torch.tensor([10 ** data.draw(exponents) for _ in w], dtype=torch.float32)[:, None]
    torch.testing.assert_close(scores.angles(x * image, w * label), scores.angles(x, w), atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.avh(x * image, w * label, y), scores.avh(x, w, y), atol=1e-5, rtol=1e-5)


@given(problems)
def test_avh_over_all_classes_as_target_is_one(problem):
    x, w, _ = draw(*problem)
    total = sum(scores.avh(x, w, torch.full((len(x),), c)) for c in range(len(w)))
    torch.testing.assert_close(total, torch.ones(len(x)))


@given(problems)
def test_orders_of_images_and_classes_play_no_part(problem):
    x, w, y = draw(*problem)
    images, classes = torch.randperm(len(x)), torch.randperm(len(w))
    torch.testing.assert_close(scores.angles(x[images], w[classes]), scores.angles(x, w)[images][:, classes])
    moved = scores.avh(x[images], w[classes], torch.argsort(classes)[y[images]])
    torch.testing.assert_close(moved, scores.avh(x, w, y)[images])


@given(problems)
def test_ranges(problem):
    x, w, y = draw(*problem)
    x[0], w[0] = w[-1] * 3, -w[-1]  # parallel and antiparallel
    angles, avh = scores.angles(x, w), scores.avh(x, w, y)
    assert (angles >= 0).all()
    assert (angles <= torch.pi).all()
    assert ((avh >= 0) & (avh <= 1)).all()


@pytest.mark.parametrize("classes", [2, 5, 1000])
def test_equal_angles_give_one_over_the_number_of_classes(classes):
    w = torch.eye(classes + 1)[:classes]
    x = torch.eye(classes + 1)[-1:] * 4  # at a right angle to all
    assert scores.avh(x, w, torch.tensor([1])).item() == pytest.approx(1 / classes, rel=1e-6)
    x = torch.ones(1, classes + 1)
    assert scores.avh(x, w, torch.tensor([0])).item() == pytest.approx(1 / classes, rel=1e-5)


def test_angles_that_are_known_by_heart():
    w = torch.tensor([[1.0, 0], [0, 2], [-3, 0], [1, 1], [3**0.5, 1]])
    expected = torch.tensor([[0, 1 / 2, 1, 1 / 4, 1 / 6]]) * torch.pi
    torch.testing.assert_close(scores.angles(torch.tensor([[5.0, 0]]), w), expected)
    avh = scores.avh(torch.tensor([[5.0, 0]]), w, torch.tensor([4]))
    assert avh.item() == pytest.approx((1 / 6) / (1 / 2 + 1 + 1 / 4 + 1 / 6), rel=1e-6)


# --- accuracy


@pytest.mark.parametrize("d", [2, 64, 2048])
def test_angles_equal_scipy_in_float64(d):
    x, w, _ = draw(20, 30, d)
    expected = np.arccos(1 - distance.cdist(x.double().numpy(), w.double().numpy(), "cosine"))
    ours = scores.angles(x, w).numpy()
    away = (expected > 0.01) & (expected < np.pi - 0.01)
    assert away.mean() > 0.9
    assert np.abs(ours - expected)[away].max() < 1e-5
    assert np.abs(ours - expected).max() < 1e-3


@given(st.floats(0, np.pi), st.sampled_from([2, 3, 50, 2048]), st.integers(0, 2**31))
def test_any_angle_is_right(angle, d, seed):
    u, v = pairs(angle, d, seed)
    assert scores.angles(u, v).item() == pytest.approx(exact(u, v).item(), abs=2e-6)


@pytest.mark.parametrize("d", [2, 512, 2048])
@pytest.mark.parametrize("small", [0, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.318, 0.4])
@pytest.mark.parametrize("side", ["parallel", "antiparallel"])
def test_nearly_parallel_and_antiparallel(side, small, d):
    angle = small if side == "parallel" else np.pi - small
    u, v = pairs(angle, d)
    expected = exact(u, v).item()
    assert expected == pytest.approx(angle, abs=1e-6)
    for x, w in ((u, v), (v, u)):
        assert scores.angles(x, w).item() == pytest.approx(expected, abs=1e-6)


def test_a_cosine_that_rounding_pushes_above_one():
    x, _, _ = draw(200, 2, 300)
    directions = x / x.norm(dim=1, keepdim=True)
    assert ((x @ directions.T).diagonal() / x.norm(dim=1) > 1).any()  # what a plain arccos would make NaN of
    for w in (x, x * 7, directions):
        own = scores.angles(x, w).diagonal()
        assert not own.isnan().any()
        assert own.max() < 1e-6
    assert (scores.angles(x, -x).diagonal() - torch.pi).abs().max() < 1e-6


def test_avh_equals_the_definition():
    x, w, y = draw(40, 9, 16)
    angles = exact(x, w)
    expected = angles[np.arange(40), y] / angles.sum(1)
    np.testing.assert_allclose(scores.avh(x, w, y), expected, rtol=1e-5)
    np.testing.assert_allclose(scores.avh_from_angles(torch.tensor(angles), y), expected, rtol=1e-12)


# --- dtypes and shapes


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_input_is_computed_in_float32(dtype):
    x, w, y = draw(30, 8, 64, dtype=dtype)
    for a, b in ((x, w), (x, w.float()), (x.float(), w)):
        angles = scores.angles(a, b)
        assert angles.dtype == torch.float32
        assert np.abs(angles.numpy() - exact(a, b)).max() < 1e-5
        assert scores.avh(a, b, y).dtype == torch.float32
    assert scores.norm(x).dtype == torch.float32


def test_float64_input_stays_float64():
    x, w, y = draw(30, 8, 64, dtype=torch.float64)
    assert scores.angles(x, w).dtype == scores.avh(x, w, y).dtype == torch.float64
    np.testing.assert_allclose(scores.angles(x, w), exact(x, w), atol=1e-13)


def test_norms_neither_vanish_nor_overflow():
    x = torch.tensor([[3.0, 4], [3e-30, 4e-30], [3e30, 4e30], [0, 0]])
    torch.testing.assert_close(scores.norm(x), torch.tensor([5.0, 5e-30, 5e30, 0]))


@pytest.mark.parametrize("n", [0, 1, 1023, 1024, 1025, 2500])
def test_streaming_equals_one_piece(n, monkeypatch):
    x, w, y = draw(n, 5, 6)
    if n > 3:
        x[:2] = w[y[:2]]  # some near 0
    streamed = scores.angles(x, w), scores.avh(x, w, y)
    monkeypatch.setattr(scores, "CHUNK", 10_000)
    torch.testing.assert_close(streamed, (scores.angles(x, w), scores.avh(x, w, y)), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(streamed[1], scores.avh_from_angles(streamed[0], y))


def test_an_empty_batch_is_empty():
    x, w, y = draw(0, 5, 6)
    assert scores.angles(x, w).shape == (0, 5)
    assert scores.avh(x, w, y).shape == scores.norm(x).shape == (0,)
    assert scores.avh(x.requires_grad_(), w, y).shape == (0,)


def test_inputs_stay_as_they_are():
    x, w, y = draw(1100, 5, 6)
    x[0] = w[0]
    z, before = x @ w.T, (x.clone(), w.clone(), y.clone())
    logits = z.clone()
    scores.angles(x, w)
    scores.avh(x, w, y)
    scores.angles_from_logits(z, x, w, None, y)
    scores.confidence(z, y)
    assert all(torch.equal(a, b) for a, b in zip((x, w, y, z), (*before, logits), strict=True))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_targets_may_be_any_integers(dtype):
    x, w, y = draw(9, 5, 6)
    assert torch.equal(scores.avh(x, w, y.to(dtype)), scores.avh(x, w, y))


X, W = torch.ones(3, 4), torch.ones(5, 4)
Y = torch.tensor([0, 1, 2])


@pytest.mark.parametrize(
    ("x", "w", "y", "sentence"),
    [
        (X, W[:1], Y * 0, "at least 2 classes; got 1"),
        (X, W, torch.tensor([0, 1, 5]), "targets run from 0 to 5; allowed: 0 to 4"),
        (X, W, torch.tensor([-1, 1, 2]), "targets run from -1 to 2"),
        (X, W, Y[:2], "targets must be 3 integers"),
        (X, W, Y[:, None], "targets must be 3 integers"),
        (X, W, Y.float(), "got torch.float32"),
        (X, W, Y.bool(), "got torch.bool"),
        (X, W[:, :3], Y, "embeddings have 4 dimensions and weights 3"),
        (X[0], W, Y, "embeddings must be a floating-point matrix"),
        (X, W[None], Y, "weights must be a floating-point matrix"),
        (X.int(), W, Y, "embeddings must be a floating-point matrix; got torch.int32"),
    ],
)
def test_what_does_not_fit_is_named(x, w, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        scores.avh(x, w, y)


# --- undefined angles


def test_a_zero_embedding_has_no_angle_and_disturbs_no_other():
    x, w, y = draw(1500, 5, 6)
    expected = scores.avh(x, w, y)
    zero = torch.tensor([0, 700, 1400])
    x[zero] = 0
    avh, angles = scores.avh(x, w, y), scores.angles(x, w)
    assert avh[zero].isnan().all()
    assert angles[zero].isnan().all()
    assert avh.isnan().sum() == 3
    others = torch.ones(1500, dtype=torch.bool).index_fill(0, zero, False)
    torch.testing.assert_close(avh[others], expected[others])
    from_logits = scores.angles_from_logits(x @ w.T + 3, x, w, torch.full((5,), 3.0), y)
    assert from_logits[zero].isnan().all()
    assert from_logits[others].isnan().sum() == 0


def test_a_class_without_direction_leaves_every_avh_undefined():
    x, w, y = draw(7, 5, 6)
    w[2] = 0
    angles = scores.angles(x, w)
    assert angles[:, 2].isnan().all()
    assert angles.isnan().sum() == 7
    assert scores.avh(x, w, y).isnan().sum() == 7
    from_logits = scores.angles_from_logits(x @ w.T, x, w, None, y)
    assert from_logits[:, 2].isnan().all()
    assert from_logits.isnan().sum() == 7


def test_all_angles_zero_is_undefined_not_zero():
    w = torch.tensor([[1.0, 2], [2, 4], [3, 6]])
    assert scores.avh(w[:1], w, torch.tensor([0])).isnan().sum() == 1


# --- gradients


def test_gradients_equal_finite_differences():
    x, w, y = draw(4, 3, 5, dtype=torch.float64)
    x[0] = w[0] + 0.05 * x[0]  # a small angle, by the other formula
    x[1] = -w[1] + 0.05 * x[1]
    y[0] = 0
    assert (exact(x, w)[0, 0] < 0.2) & (exact(x, w)[1, 1] > 2.9)
    x.requires_grad_()
    w.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: scores.avh(a, b, y), (x, w))
    assert torch.autograd.gradcheck(scores.angles, (x, w))


def test_gradients_are_finite_at_angles_of_zero_and_pi():
    x, w, y = draw(3, 4, 5)
    x[0], x[1] = 2 * w[0], -3 * w[1]
    y[0] = 0
    x.requires_grad_()
    w.requires_grad_()
    scores.avh(x, w, y).sum().backward()
    assert x.grad.isfinite().all()
    assert w.grad.isfinite().all()


def test_scores_with_gradients_equal_those_without():
    x, w, y = draw(1500, 5, 6)
    x[3] = w[2]
    without = scores.angles(x, w), scores.avh(x, w, y)
    x.requires_grad_()
    torch.testing.assert_close((scores.angles(x, w).detach(), scores.avh(x, w, y).detach()), without)


# --- from logits


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_angles_from_logits_equal_those_from_embeddings(dtype, bias):
    x, w, y = draw(50, 10, 256, dtype=dtype)
    w, b = w.float(), torch.randn(10) if bias else None
    x[0], y[0] = (w[3] * 2).to(dtype), 3
    logits = torch.nn.functional.linear(x.float(), w, b)
    np.testing.assert_allclose(scores.angles_from_logits(logits, x, w, b, y), exact(x, w), atol=1e-5)


def test_the_targets_angle_from_logits_is_right_near_zero():
    u, v = pairs(1e-5, 512)
    w, y = torch.cat([v, torch.randn(3, 512)]), torch.tensor([0])
    own = scores.angles_from_logits(u @ w.T, u, w, None, y)[0, 0]
    assert own.item() == pytest.approx(exact(u, v).item(), rel=1e-3)


# --- memory

MEASURE = """
from analysis import scores
x, w, y = torch.randn(20_000, 256), torch.randn(1000, 256), torch.randint(1000, (20_000,))
scores.avh(x[:2000], w, y[:2000])
before = peak()
scores.avh(x, w, y)
print(peak() - before)
"""


def test_avh_holds_no_array_of_images_by_classes(printed_by):
    assert printed_by(MEASURE) < 16  # MB; 20,000 x 1,000 cosines would take 80
