"""The synthetic images: twelve closed shapes, the morphs between them, and the rendering.

All contours have POINTS points, equally spaced along the line, so that two shapes are blended by blending their points.
Coordinates: x to the right, y down; a contour has mean 0 and mean square radius 1. K points, H = W = SIZE pixels.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CLASSES = (
    "cross", "arrow", "star", "pentagon", "square", "triangle", "diamond", "balloon", "heart", "circle", "crescent",
    "bolt",
)  # fmt: skip
SUPERCLASSES = {"angular": tuple(range(7)), "round": tuple(range(7, 11)), "bolt": (11,)}

SIZE = 32  # width and height of an image, in pixels
SUPERSAMPLE = 4  # rendered this many times larger, then averaged: smooth edges
POINTS = 120  # of a contour; divisible by 3, 4 and 5, so that regular shapes keep their corners

# Difficulty of the images for a network, apart from the two causes. Shapes are lighter than their background: with
# random polarity the deeper networks need far more than 2,000 images to leave chance. With these values, the accuracy
# of the networks in the default study is between 75 % and 95 %.
ROTATION = 15.0  # +- degrees; so few that a diamond is no square and a balloon stays upright
RADIUS = (8.0, 10.5)  # root mean square radius of a shape, in pixels
SHIFT = 2.5  # +- pixels of the centre, in x and y
GROUND = (20.0, 120.0)  # mean of the background in each colour channel, of 255
FRAGMENTS = (1, 4)  # distractors behind a shape, least and most
FRAGMENT_RADIUS = (3.0, 7.0)  # in pixels, as RADIUS
FRAGMENT_BRIGHTEST = 130  # of 255, in each colour channel
TEXTURE = 25.0  # standard deviation of the background's colours around their mean, of 255
CONTRAST = 70.0  # least brightness of a shape above the mean background, so that contrast is no third cause

# The effect of degradation 1 on an image; degradation d has d times the effect.
BLUR = 1.7  # standard deviation, in pixels
FADE = 0.8  # share of the contrast that is removed
NOISE = 42.0  # standard deviation, of 255


def neighbours(label: int) -> tuple[int, int]:
    """The two classes that a class is confused with: its neighbours in CLASSES, taken as a ring.

    Confusion is mutual: if hearts were morphed towards circles but never the reverse, a network would label every such
    morph as a heart. The order of the ring ensures that no morph passes through a third class. Nine of the twelve pairs
    are within a superclass; diamond and balloon, crescent and bolt, bolt and cross are not.
    """
    return (label - 1) % len(CLASSES), (label + 1) % len(CLASSES)


def render(rng: np.random.Generator, label: int, other: int, ambiguity: float, degradation: float) -> np.ndarray:
    """One image (3, H, W) uint8: a shape in random pose and colour on a cluttered background.

    The same generator gives the same pose, colours, clutter and noise pattern, whatever the two causes are.
    """
    ground = rng.uniform(*GROUND, 3)
    canvas = _background(rng, ground)
    draw = ImageDraw.Draw(canvas)
    for _ in range(rng.integers(*FRAGMENTS, endpoint=True)):
        _fragment(rng, draw)
    contour = _place(rng, morph(label, other, ambiguity), RADIUS, SIZE / 2 - SHIFT, SIZE / 2 + SHIFT)
    draw.polygon(_points(contour), fill=_colour(rng, ground))
    picture = canvas.reduce(SUPERSAMPLE).filter(ImageFilter.GaussianBlur(float(BLUR * degradation)))
    values = np.asarray(picture, dtype=np.float64)  # (H, W, 3)
    mean = values.mean((0, 1))
    values = mean + (1 - FADE * degradation) * (values - mean)
    values += NOISE * degradation * rng.standard_normal(values.shape)
    pixels: np.ndarray = values.round().clip(0, 255).astype(np.uint8)
    return pixels.transpose(2, 0, 1)


def morph(label: int, other: int, ambiguity: float) -> np.ndarray:
    """The contour (K, 2) at the share ``ambiguity`` of the way from one class to another."""
    start, end = _aligned(label, other)
    return (1 - ambiguity) * start + ambiguity * end


@cache
def _aligned(label: int, other: int) -> tuple[np.ndarray, np.ndarray]:
    """Two contours (K, 2) with corresponding points: the second starts where the sum of distances is smallest."""
    first, second = contours()[label], contours()[other]
    turns = [np.roll(second, turn, axis=0) for turn in range(POINTS)]
    return first, min(turns, key=lambda turned: ((turned - first) ** 2).sum())


@cache
def contours() -> np.ndarray:
    """The contour of every class, (C, K, 2)."""
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    half = np.linspace(-np.pi / 2, np.pi / 2, 180)
    corners = {
        "arrow": [(0, -1), (0.85, 0), (0.35, 0), (0.35, 1), (-0.35, 1), (-0.35, 0), (-0.85, 0)],
        "triangle": _regular(3),
        "diamond": [(0, -1), (0.6, 0), (0, 1), (-0.6, 0)],
        "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "cross": [
            *[(-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1)],
            *[(1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1)],
        ],
        "star": np.stack([_regular(5), 0.4 * _regular(5, 36)], axis=1).reshape(-1, 2),
        "pentagon": _regular(5),
        "heart": np.c_[
            16 * np.sin(turn) ** 3,
            -13 * np.cos(turn) + 5 * np.cos(2 * turn) + 2 * np.cos(3 * turn) + np.cos(4 * turn),
        ],
        "balloon": np.c_[1.05 * np.sin(turn) * np.abs(np.cos(turn / 2)), -np.cos(turn)],
        "circle": np.c_[np.sin(turn), -np.cos(turn)],
        "crescent": np.r_[
            np.c_[np.cos(half), np.sin(half)],
            np.c_[0.45 * np.cos(half[::-1]), np.sin(half[::-1])],
        ],
        "bolt": [(0.3, -1), (-0.6, 0.2), (-0.05, 0.2), (-0.3, 1), (0.6, -0.25), (0.1, -0.25), (0.7, -1)][::-1],
    }
    return np.stack([_resample(np.asarray(corners[name], dtype=np.float64)) for name in CLASSES])


def _regular(corners: int, offset: float = 0.0) -> np.ndarray:
    """The corners of a regular polygon (corners, 2), clockwise, the first ``offset`` degrees from the top."""
    angle = np.deg2rad(offset) + 2 * np.pi * np.arange(corners) / corners
    return np.column_stack([np.sin(angle), -np.cos(angle)])


def _resample(corners: np.ndarray) -> np.ndarray:
    """A closed line through ``corners`` (M, 2) as POINTS equally spaced points, centred and scaled."""
    closed = np.r_[corners, corners[:1]]
    length = np.r_[0, np.hypot(*np.diff(closed, axis=0).T).cumsum()]
    where = np.linspace(0, length[-1], POINTS, endpoint=False)
    points = np.c_[np.interp(where, length, closed[:, 0]), np.interp(where, length, closed[:, 1])]
    points -= points.mean(0)
    resampled: np.ndarray = points / np.sqrt((points**2).sum(1).mean())
    return resampled


def _place(
    rng: np.random.Generator, contour: np.ndarray, radius: tuple[float, float], low: float, high: float
) -> np.ndarray:
    """A contour (K, 2) rotated, scaled and moved: its points in pixels."""
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION))
    cos, sin = np.cos(angle), np.sin(angle)
    turned: np.ndarray = rng.uniform(*radius) * contour @ np.array([[cos, sin], [-sin, cos]])
    return turned + rng.uniform(low, high, 2)


def _points(contour: np.ndarray) -> list[float]:
    """A contour (K, 2) in pixels in PIL's format, on the supersampled canvas."""
    return (SUPERSAMPLE * contour).ravel().tolist()


def _background(rng: np.random.Generator, ground: np.ndarray) -> Image.Image:
    """A soft texture: a few random colours around ``ground`` (3,), smoothly enlarged."""
    coarse = ground + TEXTURE * rng.standard_normal((4, 4, 3))
    side = SIZE * SUPERSAMPLE
    return Image.fromarray(coarse.clip(0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)


def _fragment(rng: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    """A distractor: a piece of the contour of some class, closed by a straight line, in any dark colour."""
    contour = np.roll(contours()[rng.integers(len(CLASSES))], rng.integers(POINTS), axis=0)
    piece = contour[: rng.integers(POINTS // 4, POINTS // 2)]
    points = _points(_place(rng, piece, FRAGMENT_RADIUS, 0, SIZE))
    draw.polygon(points, fill=tuple(map(int, rng.integers(0, FRAGMENT_BRIGHTEST, 3))))


def _colour(rng: np.random.Generator, ground: np.ndarray) -> tuple[int, ...]:
    """A colour that is brighter than ``ground`` (3,) by at least CONTRAST."""
    weights = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue in perceived brightness (ITU-R BT.601)
    while True:
        colour = rng.uniform(0, 255, 3)
        if (colour - ground) @ weights >= CONTRAST:
            return tuple(map(int, colour))
