"""What every cipher is, and how its rows are cut into pieces."""

import math
from typing import Protocol

import numpy as np

from sklearn_homeo._utils.threads import run_in_threads

__all__ = [
    "MAX_DEPTH",
    "Cipher",
    "RowOutOfRange",
    "Workspace",
    "run_in_pieces",
    "slices",
]

# Of locks or layers. Time and keys are proportional to it.
MAX_DEPTH = 1000


class Cipher(Protocol):
    """A keyed injection of rows, and its inverse.

    Attributes
    ----------
    n_features : int
        Columns of a row.
    width : int
        Columns of a ciphertext.
    """

    n_features: int
    width: int

    def encrypt(self, X, out):
        """Encrypt rows.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Numbers of any type; may be memory-mapped.
        out : array of shape (n_samples, width), dtype float64
            Holds the ciphertexts in the end; may be memory-mapped, or `X` itself.

        Raises
        ------
        RowOutOfRange
            If a row cannot be encrypted; it names the first one, and `out` is then
            filled in part.
        """

    def decrypt(self, Z, out):
        """Decrypt ciphertexts.

        Parameters
        ----------
        Z : array of shape (n_samples, width), dtype float64
        out : array of shape (n_samples, n_features), dtype float64
            Holds the rows in the end, also what the invalid ones decrypt to.

        Returns
        -------
        valid : ndarray of shape (n_samples,), dtype bool
            Whether each row is a ciphertext that this cipher made.
        """

    def preserve(self, X):
        """Return what the ciphertexts preserve, without key and noise.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        coordinates : array of shape (n_samples, k), dtype float64
        """


class RowOutOfRange(ValueError):
    """A row cannot be encrypted.

    Parameters
    ----------
    row : int
        Its index.
    reason : str
        Goes on after "row 3 ".
    column : int, default=None
        The column that is the reason.
    n_done : int, default=0
        How many rows, from the first one on, were encrypted.
    """

    def __init__(self, row, reason, column=None, n_done=0):
        where = "" if column is None else f" in column {column}"
        super().__init__(f"row {row} {reason}{where}")
        self.row = row
        self.reason = reason
        self.column = column
        self.n_done = n_done


class Workspace:
    """Named arrays that one thread at a time uses again for each piece of work.

    Large arrays that are freed go back to the operating system, which hands them out
    again page by page, filled with zeros: that takes longer than what is computed in
    them. Large arrays that are not needed at the same time share one of three names,
    ``"numbers/1"`` to ``"numbers/3"``: of rounding and joining, of packing and hashing,
    of shifting and of blocks of AES.

    Examples
    --------
    >>> from sklearn_homeo.ciphers.base import Workspace
    >>> workspace = Workspace()
    >>> first = workspace.array("sum", (3, 4), "float64")
    >>> second = workspace.array("sum", (2, 4), "float64")
    >>> bool((first.ctypes.data == second.ctypes.data))
    True
    """

    def __init__(self):
        self._buffers = {}
        self._arrays = {}

    def array(self, name, shape, dtype):
        """Return the array of a name, not filled: its old contents may be there.

        Parameters
        ----------
        name : str
        shape : tuple of int
        dtype : dtype-like

        Returns
        -------
        array : ndarray of shape `shape`, C-contiguous
        """
        array = self._arrays.get(name)
        if array is not None and array.shape == shape and array.dtype == dtype:
            return array
        dtype = np.dtype(dtype)
        n_bytes = math.prod(shape) * dtype.itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.nbytes < n_bytes:
            buffer = self._buffers[name] = np.empty(n_bytes, np.uint8)
        array = self._arrays[name] = buffer[:n_bytes].view(dtype).reshape(shape)
        return array


def slices(n, step):
    """Cut ``range(n)`` into slices of at most ``step``."""
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def run_in_pieces(work, n_rows, piece_rows, workspaces=None):
    """Call ``work(piece, workspace)`` for slices of rows, on BLAS's threads.

    Parameters
    ----------
    work : callable
        Takes a slice of at most `piece_rows` rows and a `Workspace`.
    n_rows, piece_rows : int
    workspaces : list of Workspace, default=None
        Those that nobody uses; each piece takes one, or a new one, and leaves it there.
        None for new ones.

    Raises
    ------
    RowOutOfRange
        As `work` does, with the row's number among all rows.
    """
    workspaces = [] if workspaces is None else workspaces

    def work_on(piece):
        try:
            workspace = workspaces.pop()
        except IndexError:
            workspace = Workspace()
        try:
            work(piece, workspace)
        except RowOutOfRange as error:
            row, start = piece.start + error.row, piece.start
            raise RowOutOfRange(row, error.reason, error.column, start) from None
        finally:
            workspaces.append(workspace)

    def cut(n_threads):
        rows = max(1, min(piece_rows, -(-n_rows // n_threads)))
        return slices(n_rows, rows), n_threads

    run_in_threads(work_on, cut)
