"""The frame: the data's own linear map from rows to the lattice.

A frame standardises the columns, rounds them to the lattice and applies a linear
map whose entries were rounded to integers. It is exact from the first rounding
on, so one row has one lattice point on every machine.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import qr

from sklearn_homeo._utils.arrays import (
    copy_rows,
    divide,
    multiply,
    namespace,
    subtract,
    to_numpy,
)
from sklearn_homeo.ciphers.products import RealMatrix
from sklearn_homeo.ciphers.rotation import (
    DENSE_LIMIT,
    DenseRotation,
    LatticeRotation,
)
from sklearn_homeo.ciphers.waves import (
    GRID,
    MAX_UNITS,
    IntegerMatrix,
    RowOutOfRange,
    to_lattice,
)

__all__ = [
    "DenseFrame",
    "LowRankFrame",
    "LowRankMap",
    "PlainFrame",
    "Standardisation",
    "preserving_frame",
]


@dataclass(frozen=True)
class Standardisation:
    """Centre and scale of each column.

    Parameters
    ----------
    mean, scale : ndarray of shape (n,), dtype float64
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def from_data(cls, X):
        """Take mean and standard deviation of the columns of ``X``.

        A constant column gets the scale 1, or the size of its value if that is less.
        """
        size = np.abs(X).max(axis=0)
        # A power of two, so that dividing by it rounds nothing.
        unit = np.ldexp(1.0, np.frexp(size)[1])
        # From the smallest value on, so that little variation beside a large mean
        # is not lost to rounding.
        start = (X / unit).min(axis=0)
        above = X / unit - start
        mean = (start + above.mean(axis=0)) * unit
        deviation = above.std(axis=0) * unit
        constant = above.max(axis=0) == 0
        own = np.where(size > 0, np.minimum(size, 1.0), 1.0)
        return cls(np.where(constant, X[0], mean), np.where(constant, own, deviation))

    def units(self, X):
        """Return rows in standard deviations, however far out."""
        units = subtract(X, self.mean)
        units /= self.scale
        return units

    def forward(self, X):
        """Return rows in standard deviations; ValueError for rows too far out."""
        units = self.units(X)
        if not _within(units, MAX_UNITS):
            _raise_out_of_range(namespace(X).abs(units) <= MAX_UNITS)
        return units

    def covers(self, X):
        """Whether each row is one that `forward` takes, up to rounding."""
        xp, units = namespace(X), self.units(X)
        return xp.amax(xp.abs(units, out=units), axis=1) <= 1.001 * MAX_UNITS

    def inverse(self, units):
        """Return rows in the units of the data."""
        X = multiply(units, self.scale)
        X += self.mean
        return X


def _within(x, limit):
    # Two passes that allocate nothing; NaN is not within.
    return bool(x.min() >= -limit) and bool(x.max() <= limit)


def _raise_out_of_range(inside):
    bad = np.argwhere(~to_numpy(inside))
    row, column = (int(i) for i in bad[0])
    raise RowOutOfRange(
        row,
        f"lies more than {MAX_UNITS:.0f} standard deviations from the training mean "
        f"in column {column}",
    )


@dataclass(frozen=True)
class PlainFrame:
    """Standardisation alone: every direction is preserved.

    Parameters
    ----------
    standardisation : Standardisation
    """

    unit: ClassVar[float] = 1.0
    standardisation: Standardisation

    def forward(self, X):
        """Map rows of shape (n_samples, n) to lattice points."""
        return to_lattice(self.standardisation.forward(X))

    def inverse(self, y):
        """Map lattice points to rows."""
        return self.standardisation.inverse(divide(y, GRID))


@dataclass(frozen=True)
class DenseFrame:
    """A full matrix, for widths up to `DENSE_LIMIT`.

    Parameters
    ----------
    standardisation : Standardisation
    matrix : IntegerMatrix
    inverse_matrix : RealMatrix
        Of shape (n, n), like ``matrix``.
    """

    unit: ClassVar[float] = 1.0
    standardisation: Standardisation
    matrix: IntegerMatrix
    inverse_matrix: RealMatrix

    @classmethod
    def from_map(cls, standardisation, linear, n_preserved, stream):
        """Fold a keyed rotation of the complement into the map."""
        dense = linear.dense()
        rotation = DenseRotation.from_stream(stream, dense.shape[0] - n_preserved)
        dense[:, n_preserved:] = rotation.forward(dense[:, n_preserved:])
        matrix = IntegerMatrix.from_real(dense)
        inverse = RealMatrix.from_real(np.linalg.inv(matrix.real()))
        return cls(standardisation, matrix, inverse)

    def forward(self, X):
        """Map rows of shape (n_samples, n) to lattice points ``[S, C]``."""
        y = self.matrix.apply(to_lattice(self.standardisation.forward(X)))
        return namespace(y).round(y, out=y)

    def inverse(self, y):
        """Map lattice points to rows."""
        return self.standardisation.inverse(self.inverse_matrix.apply(divide(y, GRID)))


@dataclass(frozen=True)
class LowRankMap:
    """The linear map ``x -> tail * x + (x @ left) @ right``.

    Parameters
    ----------
    tail : float
    left : ndarray of shape (n, rank), dtype float64
    right : ndarray of shape (rank, n), dtype float64
    """

    tail: float
    left: np.ndarray
    right: np.ndarray

    def then(self, left, right):
        """Compose with the map ``x -> x + (x @ left) @ right`` after this one."""
        first = self.right + (self.right @ left) @ right
        return LowRankMap(
            self.tail,
            np.hstack([self.left, left]),
            np.vstack([first, self.tail * right]),
        )

    def apply(self, x):
        """Map rows of shape (n_samples, n)."""
        return self.tail * x + (x @ self.left) @ self.right

    def dense(self):
        """Return the map as a matrix of shape (n, n)."""
        matrix = self.left @ self.right
        matrix[np.diag_indices_from(matrix)] += self.tail
        return matrix


@dataclass(frozen=True)
class LowRankFrame:
    """Identity plus low rank, then a lattice rotation, for wide data.

    Parameters
    ----------
    standardisation : Standardisation
    tail : float
    left, right : IntegerMatrix
        Of shapes (n, rank) and (rank, n).
    inverse_left, inverse_right : RealMatrix
        ``left @ inv(tail + right @ left)`` and ``right``, of Woodbury's identity.
    rotation : LatticeRotation
    n_preserved : int
    """

    unit: ClassVar[float] = 1.0
    standardisation: Standardisation
    tail: float
    left: IntegerMatrix
    right: IntegerMatrix
    inverse_left: RealMatrix
    inverse_right: RealMatrix
    rotation: LatticeRotation
    n_preserved: int

    @classmethod
    def from_map(cls, standardisation, linear, n_preserved, stream):
        """Round the map and add a keyed rotation of the complement."""
        left = IntegerMatrix.from_real(linear.left)
        right = IntegerMatrix.from_real(linear.right)
        inner = right.real() @ left.real()
        inner[np.diag_indices_from(inner)] += linear.tail
        n = linear.left.shape[0]
        rotation = LatticeRotation.from_stream(stream, n - n_preserved)
        return cls(
            standardisation, float(linear.tail), left, right,
            RealMatrix.from_real(left.real() @ np.linalg.inv(inner)),
            RealMatrix.from_real(right.real()), rotation, n_preserved,
        )  # fmt: skip

    def forward(self, X):
        """Map rows of shape (n_samples, n) to lattice points ``[S, C]``."""
        x = to_lattice(self.standardisation.forward(X))
        xp = namespace(x)
        coordinates = xp.round(self.left.apply(x))
        if not _within(coordinates, MAX_UNITS * GRID):
            small = xp.abs(coordinates) <= MAX_UNITS * GRID
            raise RowOutOfRange(
                int(np.argwhere(~to_numpy(small))[0, 0]),
                f"lies more than {MAX_UNITS:.0f} standard deviations from the training "
                "mean along a principal axis",
            )
        x *= self.tail
        y = self.right.apply(coordinates)
        xp.round(y, out=y)
        y += xp.round(x, out=x)
        y[:, self.n_preserved :] = self.rotation.forward(y[:, self.n_preserved :])
        return y

    def inverse(self, y):
        """Map lattice points to rows."""
        z = copy_rows(y)
        z[:, self.n_preserved :] = self.rotation.inverse(y[:, self.n_preserved :])
        z /= GRID
        # Woodbury: (t + L R)^-1 = (1 - L (t + R L)^-1 R) / t.
        z -= self.inverse_right.apply(self.inverse_left.apply(z))
        z /= self.tail
        return self.standardisation.inverse(z)


def preserving_frame(standardisation, axes, directions, mixing, stream):
    """Frame whose first coordinates are the preserved ones.

    Parameters
    ----------
    standardisation : Standardisation
    axes : PrincipalAxes
        Of the standardised training data.
    directions : ndarray of shape (n_axes, n_preserved), dtype float64
        Orthonormal columns: the preserved directions among the whitened axes.
    mixing : ndarray of shape (n_preserved, n_preserved), dtype float64
        Maps the preserved coordinates to their scale.
    stream : KeyStream
        Of the rotation of the complement.

    Returns
    -------
    frame : DenseFrame or LowRankFrame
    """
    linear = _preserving_map(axes, directions, mixing)
    kind = DenseFrame if linear.left.shape[0] <= DENSE_LIMIT else LowRankFrame
    return kind.from_map(standardisation, linear, directions.shape[1], stream)


def _preserving_map(axes, directions, mixing):
    """Whiten, turn the preserved directions into the first axes, scale them."""
    n, k = axes.vectors.shape[0], directions.shape[1]
    gains = axes.gains - axes.tail_gain
    whitening = LowRankMap(
        axes.tail_gain, axes.vectors, gains[:, None] * axes.vectors.T
    )
    reflectors, turn, signs = _householder(axes.vectors @ directions)
    turned = whitening.then(reflectors, -turn @ reflectors.T)
    first, change = np.zeros((n, k)), np.zeros((k, n))
    first[np.arange(k), np.arange(k)] = 1.0
    change[:, :k] = signs[:, None] * mixing - np.eye(k)
    return turned.then(first, change)


def _householder(columns):
    """Reflection I - Y T Y' that takes orthonormal columns to the first axes.

    Returns Y, T and the signs with which they arrive (LAPACK's compact form).
    """
    (raw, scales), triangle = qr(columns, mode="raw")
    k = columns.shape[1]
    reflectors = np.tril(raw[:, :k], -1)
    reflectors[np.arange(k), np.arange(k)] = 1.0
    turn = np.zeros((k, k))
    for i, scale in enumerate(scales[:k]):
        turn[i, i] = scale
        turn[:i, i] = -scale * turn[:i, :i] @ (reflectors[:, :i].T @ reflectors[:, i])
    return reflectors, turn, np.sign(triangle.diagonal())
