"""The cipher: a view of the row in the open, the whole row under locks."""

import hashlib
import os

import numpy as np

from sklearn_homeo.ciphers.base import run_in_pieces
from sklearn_homeo.ciphers.lock import Lock
from sklearn_homeo.ciphers.packing import join, pack, split, unpack

__all__ = ["ViewCipher"]

_CODES_PER_HALF = 4
# A digest of 32 bytes, three bytes to a half.
_CONTEXT_HALVES = 11
# Numbers of a piece, so that a cache holds them, and fewest rows.
_PIECE_NUMBERS = 2**17
_FEWEST_ROWS = 32


class ViewCipher:
    """Lattice, view and locks in one.

    A row becomes lattice integers; the view is computed from them and written in the
    open; the integers go through the locks, one after the other, with the view as their
    tweak. Decrypting opens the locks and checks that the integers are in range.

    Parameters
    ----------
    lattice : Lattice
    view : View
        With ``codes(u)`` of shape (n_samples, ``lattice.width``), dtype int64, in
        [-32, 31], and ``coordinates(u)``, both exact functions of integer rows.
    lock_keys : sequence of bytes of length 32
        One for each lock, in the order of encryption.
    digest : bytes
        Of the fitted state; other digests make other locks of the same keys.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.ciphers.lattice import Lattice
    >>> from sklearn_homeo.ciphers.view_cipher import ViewCipher
    >>> class Sign:
    ...     n_cells = 2
    ...     def codes(self, u):
    ...         return np.repeat(np.where(u[:, :1] > 0, 16, -16), 5, axis=1)
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> cipher = ViewCipher(Lattice.from_data(X), Sign(), [bytes(32)], b"digest")
    >>> Z, back = np.empty((100, 5)), np.empty_like(X)
    >>> cipher.encrypt(X, Z)
    >>> bool(cipher.decrypt(Z, back).all()), bool(abs(back - X).max() < 4e-9)
    (True, True)
    """

    def __init__(self, lattice, view, lock_keys, digest):
        self.lattice = lattice
        self.view = view
        n_tweaks = self._view_halves + _CONTEXT_HALVES
        self._locks = [
            Lock(key, index, self.width, n_tweaks, digest)
            for index, key in enumerate(lock_keys)
        ]

    @property
    def n_features(self):
        """Columns of a row."""
        return self.lattice.n_features

    @property
    def width(self):
        """Columns of a ciphertext."""
        return self.lattice.width

    @property
    def _view_halves(self):
        return -(-self.width // _CODES_PER_HALF)

    def encrypt(self, X, out, context=None):
        """Encrypt rows, as `Cipher` says.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        out : ndarray of shape (n_samples, width), dtype float64
        context : bytes, default=None
            Decrypting needs the same.
        """
        limbs = _context_halves(context)

        def work(piece, workspace):
            u = self.lattice.round(X[piece], workspace)
            codes = self.view.codes(u)
            left, right = self._halves(u, workspace)
            tweak = self._tweak(codes, limbs, workspace)
            for lock in self._locks:
                lock.forward(left, right, tweak, workspace)
            pack(codes, left, right, out[piece])

        run_in_pieces(work, len(X), self._piece_rows)

    def decrypt(self, Z, out, context=None):
        """Decrypt ciphertexts, as `Cipher` says.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, width), dtype float64
        out : ndarray of shape (n_samples, n_features), dtype float64
        context : bytes, default=None

        Returns
        -------
        valid : ndarray of shape (n_samples,), dtype bool
        """
        limbs = _context_halves(context)
        valid = np.empty(len(Z), dtype=bool)

        def work(piece, workspace):
            shape = Z[piece].shape
            codes = workspace.array("codes", shape, np.int64)
            left = workspace.array("left", shape, np.uint32)
            right = workspace.array("right", shape, np.uint32)
            written = unpack(Z[piece], codes, left, right)
            tweak = self._tweak(codes, limbs, workspace)
            for lock in reversed(self._locks):
                lock.inverse(left, right, tweak, workspace)
            u = workspace.array("u", shape, np.int64)
            join(left, right, u)
            valid[piece] = written & self.lattice.covers(u)
            self.lattice.restore(u[:, : self.n_features], out[piece])

        run_in_pieces(work, len(Z), self._piece_rows)
        return valid

    def preserve(self, X):
        """Return the view's coordinates, as `Cipher` says."""
        found = {}

        def work(piece, workspace):
            u = self.lattice.round(X[piece], workspace)
            found[piece.start] = self.view.coordinates(u)

        run_in_pieces(work, len(X), self._piece_rows)
        return np.concatenate([found[start] for start in sorted(found)])

    @property
    def _piece_rows(self):
        return max(_FEWEST_ROWS, _PIECE_NUMBERS // self.width)

    def _halves(self, u, workspace):
        shape = (len(u), self.width)
        left = workspace.array("left", shape, np.uint32)
        right = workspace.array("right", shape, np.uint32)
        if self.width > self.n_features:
            wide = workspace.array("u", shape, np.int64)
            randoms = os.urandom(16 * len(u)) if self.lattice.randomized else b""
            self.lattice.widen(u, randoms, wide)
            u = wide
        split(u, left, right)
        return left, right

    def _tweak(self, codes, context, workspace):
        """The view, four codes to a half, and the context, as locks take them."""
        shape = (len(codes), self._view_halves)
        packed = workspace.array("packed", shape, np.uint32)
        packed[:] = 0
        for i in range(_CODES_PER_HALF):
            shifted = (codes[:, i::_CODES_PER_HALF] & 63) << (8 + 6 * i)
            packed[:, : shifted.shape[1]] |= shifted.astype(np.uint32)
        shape = (len(codes), self._view_halves + len(context))
        tweak = workspace.array("tweak", shape, np.float64)
        tweak[:, : self._view_halves] = packed.view(np.int32)
        tweak[:, self._view_halves :] = context
        return tweak

    def __repr__(self):
        return f"ViewCipher(<{len(self._locks)} secret locks>)"


def _context_halves(context):
    """Halves of 24 bits of a context's SHA-256, in float64; none without one."""
    if context is None:
        return np.empty(0)
    digest = hashlib.sha256(context).digest() + b"\0"
    halves = np.zeros((_CONTEXT_HALVES, 4), np.uint8)
    halves[:, 1:] = np.frombuffer(digest, np.uint8).reshape(_CONTEXT_HALVES, 3)
    return halves.view("<i4")[:, 0].astype(np.float64)
