"""Scores that are declared: their formulas against scipy, and what is said of each against what its formula does."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from analysis.catalogue import COMPARED, SCORES
from analysis.extraction import Batch, score

EXTRACTED = [name for name, declared in SCORES.items() if declared.formula]


def drawn(scale: float = 1, n: int = 40, classes: int = 6, d: int = 5) -> Batch:
    random = torch.Generator().manual_seed(0)
    head = torch.nn.Linear(d, classes).requires_grad_(False)
    head.weight.data, head.bias.data = torch.randn(classes, d, generator=random), torch.randn(classes, generator=random)
    embeddings = scale * torch.randn(n, d, generator=random)
    return Batch(head(embeddings), embeddings, head, torch.arange(n) % classes)


@pytest.mark.parametrize("scale", [1, 30, 1e4])
def test_formulas_equal_scipy(scale):
    batch = drawn(scale)
    found = score(batch)
    y = batch.targets.numpy()
    logits, own = batch.logits.double().numpy(), (np.arange(40), y)
    p = scipy.special.softmax(logits, axis=1)
    others = np.where(np.eye(6, dtype=bool)[y], -np.inf, logits).max(1)
    close = {"rtol": 2e-4, "atol": 1e-7}  # float32 logits of 1e4 are exact to 1e-3
    np.testing.assert_allclose(found["confidence"], p[own], **close)
    np.testing.assert_allclose(found["max_confidence"], p.max(1), **close)
    np.testing.assert_allclose(found["entropy"], scipy.stats.entropy(p, axis=1), **close)
    np.testing.assert_allclose(found["loss"], -scipy.special.log_softmax(logits, axis=1)[own], **close)
    np.testing.assert_allclose(found["margin"], logits[own] - others, rtol=1e-5)


def test_formulas_of_angles_equal_numpy():
    batch = drawn()
    found, own = score(batch), (np.arange(40), batch.targets.numpy())
    w, x = batch.head.weight.double().numpy(), batch.embeddings.double().numpy()
    angles = np.arccos(x @ w.T / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(w, axis=1))
    others = np.where(np.eye(6, dtype=bool)[own[1]], np.inf, angles)
    np.testing.assert_allclose(found["angle"], angles[own], rtol=1e-5)
    np.testing.assert_allclose(found["avh_others"], angles[own] / (angles.sum(1) - angles[own]), rtol=1e-5)
    np.testing.assert_allclose(found["angular_margin"], angles[own] - others.min(1), atol=1e-5)


def test_equal_logits_give_the_known_values():
    batch = replace(drawn(n=2, classes=8), logits=torch.full((2, 8), 3.0), targets=torch.tensor([0, 7]))
    found = score(batch)
    torch.testing.assert_close(found["confidence"], torch.full((2,), 1 / 8))
    torch.testing.assert_close(found["entropy"], torch.full((2,), float(np.log(8))))
    assert found["margin"].tolist() == [0, 0]


@pytest.mark.parametrize("name", EXTRACTED)
def test_a_score_uses_the_label_if_it_is_said_to(name):
    batch = drawn()
    other = replace(batch, targets=(batch.targets + 1) % 6)
    same = torch.equal(score(batch, [name])[name], score(other, [name])[name])
    assert same == (not SCORES[name].knows_label)


@pytest.mark.parametrize("name", EXTRACTED)
def test_scores_rank_images_alike_if_they_are_said_to(name):
    found = score(drawn())
    alike = {
        other
        for other in EXTRACTED
        if other != name and abs(scipy.stats.spearmanr(found[name], found[other])[0]) > 0.999999
    }
    root = SCORES[name].twin or name
    assert alike == {other for other in EXTRACTED if other != name and (SCORES[other].twin or other) == root}


@pytest.mark.parametrize("name", EXTRACTED)
def test_a_score_has_the_sign_that_it_is_said_to_have(name):
    """People's agreement stands in for here: what pulls an image's embedding towards its class's weights."""
    batch = drawn(n=600)
    pull = torch.linspace(0, 4, 600)[torch.randperm(600, generator=torch.Generator().manual_seed(1))]
    embeddings = batch.embeddings + pull[:, None] * batch.head.weight[batch.targets]
    easier = Batch(batch.head(embeddings), embeddings, batch.head, batch.targets)
    assert np.sign(scipy.stats.spearmanr(score(easier, [name])[name], pull)[0]) == SCORES[name].sign


@pytest.mark.parametrize("name", EXTRACTED)
def test_a_score_lies_in_its_range(name):
    low, high = SCORES[name].range
    for scale in (1e-3, 1, 1e4):
        values = score(drawn(scale), [name])[name]
        assert low <= values.min() <= values.max() <= high


def test_every_formula_is_compared_with_people():
    assert set(EXTRACTED) <= set(COMPARED)
