"""Keyed orthogonal maps: a walk of random plane rotations (Kac's walk).

A round permutes the coordinates and turns each of the pairs (i, i + n // 2) by
its own angle, of 23 to 77 degrees either way. ``2 log2(n)`` rounds spread every
coordinate over all others like a uniformly random (Haar) rotation does, in
O(n log n) operations. Each angle enters by the tangent of its half, so the
arithmetic needs + - * / alone and a rotation has the same bits everywhere.
"""

import math
from dataclasses import dataclass

import numpy as np

from sklearn_homeo.ciphers.products import RealMatrix

__all__ = ["DENSE_LIMIT", "DenseRotation", "WalkRotation", "keyed_rotation"]

# Up to this width a matrix product is faster and takes at most 128 MiB.
DENSE_LIMIT = 4096


@dataclass(frozen=True, repr=False)
class _Round:
    permutation: np.ndarray
    order_back: np.ndarray
    half_tangents: np.ndarray


def _draw_rounds(stream, n):
    if n < 2:
        return ()
    return tuple(_draw_round(stream, n) for _ in range(2 * math.ceil(math.log2(n)) + 2))


def _draw_round(stream, n):
    permutation = stream.permutation(n)
    signed = 1.2 * stream.uniform(n // 2) - 0.6
    half_tangents = signed + np.copysign(0.2, signed)
    return _Round(permutation, np.argsort(permutation), half_tangents)


@dataclass(frozen=True, repr=False)
class WalkRotation:
    """Rotation of rows by Kac's walk, round by round.

    Parameters
    ----------
    rounds : tuple
        Permutation and half-angle tangents of each round.
    """

    rounds: tuple

    @classmethod
    def from_stream(cls, stream, n):
        """Draw the walk of ``n`` coordinates from a key stream."""
        return cls(_draw_rounds(stream, n))

    def forward(self, x):
        """Rotate rows of shape (n_samples, n)."""
        x = x.T
        for turn in self.rounds:
            x = x[turn.permutation]
            _turn(x, turn.half_tangents[:, None])
        return x.T

    def inverse(self, x):
        """Rotate rows back."""
        x = x.T.copy()
        for turn in reversed(self.rounds):
            _turn(x, -turn.half_tangents[:, None])
            x = x[turn.order_back]
        return x.T

    def __repr__(self):
        return "WalkRotation(<secret>)"


def _turn(x, t):
    """Turn the pairs of coordinates, which are rows here, in place.

    By angles of half-angle tangents ``t``.
    """
    half = len(x) // 2
    a, b = x[:half], x[half : 2 * half]
    cosine, sine = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
    turned = a * sine
    a *= cosine
    a -= b * sine
    b *= cosine
    b += turned


@dataclass(frozen=True, repr=False)
class DenseRotation:
    """Rotation of rows by an orthogonal matrix.

    Parameters
    ----------
    product : RealMatrix
        Matrix of shape (n, n).
    """

    product: RealMatrix

    @classmethod
    def from_stream(cls, stream, n):
        """Draw the same rotation as `WalkRotation`, as a matrix."""
        walk = WalkRotation.from_stream(stream, n)
        return cls(RealMatrix.from_real(walk.forward(np.eye(n))))

    def forward(self, x):
        """Rotate rows of shape (n_samples, n)."""
        return self.product.apply(x)

    def inverse(self, x):
        """Rotate rows back."""
        return self.product.apply_transposed(x)

    @property
    def matrix(self):
        """The matrix, of shape (n, n)."""
        return self.product.real()

    def __repr__(self):
        return "DenseRotation(<secret>)"


def keyed_rotation(stream, n):
    """Rotation of ``n`` coordinates: a matrix if it is small, else the walk."""
    kind = DenseRotation if n <= DENSE_LIMIT else WalkRotation
    return kind.from_stream(stream, n)
