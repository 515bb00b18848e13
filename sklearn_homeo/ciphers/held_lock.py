"""One lock on ciphertexts, for a holder who has its key and nothing else."""

import numpy as np

from sklearn_homeo.ciphers.base import run_in_pieces
from sklearn_homeo.ciphers.lock import Lock
from sklearn_homeo.ciphers.packing import pack, unpack
from sklearn_homeo.ciphers.view_cipher import (
    context_halves,
    padded_codes,
    piece_rows,
    tweak_halves,
    tweaked_inputs,
)

__all__ = ["HeldLock"]


class HeldLock:
    """Set or open one lock of ciphertexts; their views stay as they are.

    Setting all locks of a `ViewCipher` in turn gives what it gives.

    Parameters
    ----------
    key : bytes of length 32
        The key of the lock.
    index : int
        Its number in the sequence of locks.
    width : int
        Columns of a ciphertext.
    binding : bytes
        What the locks are bound to.
    """

    def __init__(self, key, index, width, binding):
        self._lock = Lock(key, index, width, tweak_halves(width), binding)
        self._workspaces = []

    def set(self, Z, out, context=None):
        """Set the lock.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, width), dtype float64
        out : ndarray of shape (n_samples, width), dtype float64
            Filled; may be `Z`.
        context : bytes, default=None

        Returns
        -------
        written : ndarray of shape (n_samples,), dtype bool
            Whether a row can be a ciphertext, by its numbers alone; nobody but the
            holder of the first lock can tell more.
        """
        return self._change(self._lock.forward, Z, out, context)

    def open(self, Z, out, context=None):
        """Open the lock; parameters as in `set`."""
        return self._change(self._lock.inverse, Z, out, context)

    def _change(self, change, Z, out, context):
        context, width = context_halves(context), Z.shape[1]
        written = np.empty(len(Z), dtype=bool)

        def work(piece, workspace):
            shape = Z[piece].shape
            codes = padded_codes(shape[0], width, workspace)
            left = workspace.array("left", shape, np.uint32)
            right = workspace.array("right", shape, np.uint32)
            own = codes[:, :width]
            written[piece] = unpack(Z[piece], own, left, right, workspace)
            inputs = tweaked_inputs(codes, width, context, workspace)
            change(left, right, inputs, workspace)
            pack(own, left, right, out[piece], workspace)

        run_in_pieces(work, len(Z), piece_rows(width), self._workspaces)
        return written

    def __repr__(self):
        return "HeldLock(<secret>)"
