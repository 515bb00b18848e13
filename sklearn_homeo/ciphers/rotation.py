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

from sklearn_homeo._utils.arrays import copy_rows, multiply, namespace, take_rows
from sklearn_homeo.ciphers.products import RealMatrix

__all__ = ["DENSE_LIMIT", "DenseRotation", "LatticeRotation", "keyed_rotation"]

# Up to this width a matrix product is faster and takes at most 128 MiB.
DENSE_LIMIT = 4096


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class _Walk:
    """Rounds of a permutation and a step that turns the pairs of coordinates.

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
            x = take_rows(x, turn.permutation)
            self._turn(*_pairs(x), turn.half_tangents[:, None])
        return x.T

    def inverse(self, x):
        """Rotate rows back."""
        x = copy_rows(x.T)
        for turn in reversed(self.rounds):
            self._turn(*_pairs(x), -turn.half_tangents[:, None])
            x = take_rows(x, turn.order_back)
        return x.T


def _pairs(x):
    # Coordinates are rows here, so that permuting them moves whole rows.
    half = len(x) // 2
    return x[:half], x[half : 2 * half]


class WalkRotation(_Walk):
    """Rotation of real rows by Kac's walk, round by round."""

    @staticmethod
    def _turn(a, b, t):
        """Turn pairs by angles of half-angle tangents ``t``, in place."""
        cosine, sine = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
        turned = multiply(a, sine)
        a *= cosine
        a -= multiply(b, sine)
        b *= cosine
        b += turned


@dataclass(frozen=True)
class DenseRotation:
    """Rotation of rows by an orthogonal matrix.

    Parameters
    ----------
    product : RealMatrix
        Of shape (n, n).
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


def keyed_rotation(stream, n):
    """Rotation of ``n`` coordinates: a matrix if it is small, else the walk."""
    kind = DenseRotation if n <= DENSE_LIMIT else WalkRotation
    return kind.from_stream(stream, n)


class LatticeRotation(_Walk):
    """Kac's walk on lattice integers, exactly invertible.

    Each plane rotation is three shears with rounding (a lifting scheme), so it
    maps integers to integers one to one and deviates from the rotation by about
    a grid step.
    """

    @staticmethod
    def _turn(a, b, t):
        # The three shears are their own mirror image: turning back is the same
        # sequence with the signs changed.
        sine = 2.0 * t / (1.0 + t * t)
        _shear(a, b, -t)
        _shear(b, a, sine)
        _shear(a, b, -t)


def _shear(moved, other, slope):
    shift = multiply(other, slope)
    moved += namespace(shift).round(shift, out=shift)
