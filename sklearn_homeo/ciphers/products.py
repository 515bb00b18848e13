"""Products of real rows whose bits depend neither on the batch nor on threads.

BLAS adds up in another order at the edges of a matrix, in products of few
multiplications and for a single row, so that the last bit of a ciphertext would
tell how it was batched. Matrices and rows are filled up with zeros until every
row goes through the same kernel.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["RealMatrix"]

# Multiples of the tiles of OpenBLAS's kernels, and more multiplications than it
# gives to its kernels for small matrices.
_COLUMNS = 32
_ROWS = 16
_MULTIPLICATIONS = 100**3 + 1


@dataclass(frozen=True, repr=False)
class RealMatrix:
    """A real matrix, filled up with zeros.

    Parameters
    ----------
    padded : ndarray, dtype float64
    shape : tuple of (int, int)
        Without the zeros.
    """

    padded: np.ndarray
    shape: tuple

    @classmethod
    def from_real(cls, matrix):
        """Fill up a matrix of shape (n_rows, n_columns)."""
        padded = np.zeros([_round_up(size, _COLUMNS) for size in matrix.shape])
        padded[: matrix.shape[0], : matrix.shape[1]] = matrix
        return cls(padded, matrix.shape)

    def apply(self, x):
        """Return the product of rows with the matrix."""
        return _product(x, self.padded)[: len(x), : self.shape[1]]

    def apply_transposed(self, x):
        """Return the product of rows with the transposed matrix."""
        return _product(x, self.padded.T)[: len(x), : self.shape[0]]

    def real(self):
        """The matrix without the zeros."""
        return self.padded[: self.shape[0], : self.shape[1]]

    def __repr__(self):
        return "RealMatrix(<secret>)"


def _product(x, padded):
    fewest = math.ceil(_MULTIPLICATIONS / (padded.shape[0] * padded.shape[1]))
    n_rows = _round_up(max(len(x), fewest), _ROWS)
    return _fill_up(x, n_rows, padded.shape[0]) @ padded


def _fill_up(x, n_rows, n_columns):
    filled_rows, filled_columns = x.shape
    if (filled_rows, filled_columns) == (n_rows, n_columns):
        return x
    full = np.empty((n_rows, n_columns))
    full[:filled_rows, :filled_columns] = x
    full[filled_rows:] = 0.0
    full[:, filled_columns:] = 0.0
    return full


def _round_up(size, step):
    return -(-size // step) * step
