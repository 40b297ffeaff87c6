"""The scores of the paper for an image and a network: angles, AVH, confidence and norm. Others are in `catalogue`.

Letters:  N images, D embedding dimensions, C classes.
          x  (N, D)  embeddings: the input of the final linear layer
          w  (C, D)  weights of that layer, b (C,) its bias
          z  (N, C)  logits: x w^T + b
          y  (N,)    targets: the true class of each image

Definitions (Chen et al., 2019):
    A(u, v) = arccos(<u, v> / (|u| |v|))              in radians, 0..pi           (Sec. 2.2)
    AVH(x)  = A(x, w_y) / sum_i A(x, w_i)             the sum includes y          (Def. 3)
    confidence = softmax(z)_y                                                     (Def. 1)
Def. 3 is typeset as a product; it is a quotient. Low AVH = easy. AVH depends neither on the bias nor on the norms of
the weights.

These functions know no model, file or device; they take tensors and return tensors.

Undefined angles: a zero embedding or a zero weight row has no direction. Its angles are NaN, and so is every
AVH that depends on them. Nothing is silently 0.

Precision: half and bfloat16 inputs are computed in float32. Near 0 and pi arccos loses half of the digits, so entries
with |cosine| > 0.95 are recomputed in float64 by Kahan's formula, 2 atan2(|u - v|, |u + v|). This also keeps the
gradient finite at an angle of 0.
"""

import torch
from torch import Tensor

CHUNK = 1024  # images at a time: 4 MB of float32 cosines for 1,000 classes, which fit into the cache of a CPU
NEAR = 0.95  # |cosine| above which arccos is replaced by Kahan's formula


def angles(embeddings: Tensor, weights: Tensor) -> Tensor:
    """Angle between each embedding and the weights of each class.

    Args: embeddings (N, D), weights (C, D), of any floating dtype on one device.
    Returns: (N, C) radians in 0..pi, float32 (float64 if an input is); NaN for zero rows.
    Raises: ValueError if the shapes or dtypes do not fit.
    """
    _check(embeddings, weights)
    directions = _directions(embeddings, weights)  # (C, D)
    if _needs_grad(embeddings, weights):
        return _angles(_cosines(embeddings, directions), embeddings, weights)
    result = directions.new_empty(len(embeddings), len(weights))  # (N, C)
    for rows in _chunks(len(embeddings)):
        x = embeddings[rows]
        _angles(_cosines(x, directions, out=result[rows]), x, weights)
    return result


def avh(embeddings: Tensor, weights: Tensor, targets: Tensor) -> Tensor:
    """Angular visual hardness (Def. 3), streamed over images: the array (N, C) never exists.

    Differentiable in embeddings and weights; if one of them requires a gradient, nothing is streamed.

    Args: embeddings (N, D), weights (C, D), targets (N,) integers in 0..C-1.
    Returns: (N,) in 0..1; 1/C if all angles are equal; low = easy; NaN if an angle is undefined.
    Raises: ValueError if shapes or dtypes do not fit, with fewer than two classes, or for a target out of range.
    """
    _check(embeddings, weights)
    targets = _check_targets(targets, len(embeddings), len(weights))
    directions = _directions(embeddings, weights)  # (C, D)
    if _needs_grad(embeddings, weights):
        return avh_from_angles(_angles(_cosines(embeddings, directions), embeddings, weights), targets)
    result = directions.new_empty(len(embeddings))  # (N,)
    buffer = directions.new_empty(min(CHUNK, len(embeddings)), len(weights))  # (chunk, C), reused
    for rows in _chunks(len(embeddings)):
        x = embeddings[rows]
        a = _angles(_cosines(x, directions, out=buffer[: len(x)]), x, weights)  # (chunk, C)
        result[rows] = avh_from_angles(a, targets[rows])
    return result


def angles_from_logits(
    logits: Tensor, embeddings: Tensor, weights: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """The same angles (N, C) from the logits of a forward pass: cosine = (z - b) / (|x| |w|).

    Ten to twenty times cheaper than the product. The logits must be float32, from a float32 head: a bfloat16 product is
    useless below 0.3 rad. Only the angle to the target is recomputed near 0 and pi, without waiting for a GPU.
    """
    cosines = logits if bias is None else logits - bias  # (N, C)
    cosines = cosines / norm(embeddings)[:, None] / norm(weights)  # 0 / 0 = NaN: no direction
    if cosines.is_cuda:  # for every target: selecting those near 0 or pi would wait for the device
        near = torch.arange(len(cosines), device=cosines.device)  # (K,)
    else:
        near = (at_target(cosines, targets).abs() > NEAR).nonzero()[:, 0]  # (K,)
    own = _kahan(embeddings[near], weights[targets[near]]).to(cosines.dtype)
    return cosines.clamp_(-1, 1).acos_().index_put_((near, targets[near]), own)


def avh_from_angles(angles: Tensor, targets: Tensor) -> Tensor:
    """AVH (N,) from angles (N, C) and targets (N,). Targets are not checked, to avoid waiting for the device."""
    return at_target(angles, targets) / angles.sum(1)


def confidence(logits: Tensor, targets: Tensor) -> Tensor:
    """Model confidence (Def. 1): the probability of the target. (N,)"""
    return at_target(logits.log_softmax(1), targets).exp()


def norm(embeddings: Tensor) -> Tensor:
    """Euclidean norm of each row. (N,), at least float32.

    Summed in float64, so that very short and very long embeddings neither vanish nor overflow.
    """
    lengths: Tensor = torch.linalg.vector_norm(embeddings, dim=1, dtype=torch.float64)
    return lengths.to(_dtype(embeddings))


def _directions(embeddings: Tensor, weights: Tensor) -> Tensor:
    """The rows of the weights scaled to norm 1 (C, D), in the dtype of the result; a zero row becomes NaN."""
    dtype = torch.promote_types(_dtype(embeddings), _dtype(weights))
    rows = weights.to(dtype)
    return rows / _length(rows)[:, None]


def _cosines(embeddings: Tensor, directions: Tensor, out: Tensor | None = None) -> Tensor:
    """Cosines (N, C): one product, then each row divided by its norm; 0 / 0 = NaN: no direction."""
    x = embeddings.to(directions.dtype)
    length = _length(x)
    if out is None:
        return x @ directions.T / length[:, None]
    return torch.mm(x, directions.T, out=out).div_(length[:, None])


def _length(rows: Tensor) -> Tensor:
    """Norm of each row (N,), in its dtype: `norm` if float32 squares would vanish or overflow, otherwise faster."""
    length: Tensor = torch.linalg.vector_norm(rows, dim=1)
    if len(rows) and not 1e-12 < length.detach().min() <= length.detach().max() < 1e12:
        length = norm(rows)
    return length


def _angles(cosines: Tensor, embeddings: Tensor, weights: Tensor) -> Tensor:
    """Angles from cosines (N, C), in place if no gradient is needed.

    Cosines beyond +-NEAR are clamped, which keeps arccos and its gradient finite, and their angles are recomputed; so
    a cosine that rounding pushed above 1 does no harm.
    """
    if cosines.numel() == 0:
        return cosines
    low, high = cosines.detach().aminmax()
    if low > -NEAR and high < NEAR:  # False if there is a NaN
        return cosines.acos() if cosines.requires_grad else cosines.acos_()
    pairs = (cosines.detach().abs() > NEAR).nonzero()  # (K, 2): image, class
    cosines = cosines.clamp(-NEAR, NEAR) if cosines.requires_grad else cosines.clamp_(-NEAR, NEAR)
    result = cosines.acos() if cosines.requires_grad else cosines.acos_()
    for n, c in (part.unbind(1) for part in pairs.split(max(1, 2**20 // embeddings.shape[1]))):  # 8 MB of rows
        result = result.index_put_((n, c), _kahan(embeddings[n], weights[c]).to(result.dtype))
    return result


def _kahan(u: Tensor, v: Tensor) -> Tensor:
    """Angle between each row of u and of v, both (K, D), exact near 0 and pi; float64 (K,)."""
    u, v = u.double(), v.double()
    u, v = u / u.norm(dim=1, keepdim=True), v / v.norm(dim=1, keepdim=True)
    return 2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1))


def at_target(values: Tensor, targets: Tensor) -> Tensor:
    """The entry of each row at its target: (N, C), (N,) -> (N,)."""
    return values.gather(1, targets[:, None])[:, 0]


def _dtype(values: Tensor) -> torch.dtype:
    return torch.float64 if values.dtype == torch.float64 else torch.float32


def _needs_grad(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


def _chunks(n: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def _check(embeddings: Tensor, weights: Tensor) -> None:
    for name, value in (("embeddings", embeddings), ("weights", weights)):
        if value.ndim != 2 or not value.is_floating_point():
            raise ValueError(f"{name} must be a floating-point matrix; got {value.dtype} of shape {tuple(value.shape)}")
    if embeddings.shape[1] != weights.shape[1]:
        raise ValueError(
            f"embeddings have {embeddings.shape[1]} dimensions and weights {weights.shape[1]}; they must be equal"
        )


def _check_targets(targets: Tensor, images: int, classes: int) -> Tensor:
    """The targets as int64, from any integer type."""
    if classes < 2:
        raise ValueError(f"AVH needs at least 2 classes; got {classes}")
    if targets.shape != (images,) or targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
        raise ValueError(
            f"targets must be {images} integers, one per embedding; got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    if images and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise ValueError(f"targets run from {int(targets.min())} to {int(targets.max())}; allowed: 0 to {classes - 1}")
    return targets.long()
