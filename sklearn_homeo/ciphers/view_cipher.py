"""The cipher: a view of the row in the open, the whole row under locks."""

import hashlib
import os

import numpy as np

from sklearn_homeo.ciphers.base import run_in_pieces
from sklearn_homeo.ciphers.lock import Lock
from sklearn_homeo.ciphers.packing import join, pack, split, unpack
from sklearn_homeo.ciphers.prf import Inputs

__all__ = [
    "CONTEXT_HALVES",
    "ViewCipher",
    "context_halves",
    "padded_codes",
    "piece_rows",
    "tweak_halves",
    "tweaked_inputs",
]

_CODES_PER_HALF = 4
# A digest of 32 bytes, three bytes to a half.
CONTEXT_HALVES = 11
# Numbers of a piece, so that a cache holds them, and fewest rows.
_PIECE_NUMBERS = 2**18
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
        With ``codes(u)`` of shape (n_samples, ``lattice.width``), whole numbers in
        [-32, 31], and ``coordinates(u)``, both exact functions of integer rows.
    lock_keys : sequence of bytes of length 32
        One for each lock, in the order of encryption.
    binding : bytes
        Name of the fitted state. With other names the same keys make other locks.

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
    >>> cipher = ViewCipher(Lattice.from_data(X), Sign(), [bytes(32)], b"binding")
    >>> Z, back = np.empty((100, 5)), np.empty_like(X)
    >>> cipher.encrypt(X, Z)
    >>> bool(cipher.decrypt(Z, back).all()), bool(abs(back - X).max() < 4e-9)
    (True, True)
    """

    def __init__(self, lattice, view, lock_keys, binding):
        self.lattice = lattice
        self.view = view
        self._workspaces = []
        n_tweaks = tweak_halves(self.width)
        self.locks = [
            Lock(key, index, self.width, n_tweaks, binding)
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

    def encrypt(self, X, out, context=None):
        """Encrypt rows, as `Cipher` says.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        out : ndarray of shape (n_samples, width), dtype float64
        context : bytes, default=None
            Decrypting needs the same.
        """
        context = context_halves(context)

        def work(piece, workspace):
            u = self.lattice.round(X[piece], workspace)
            codes = padded_codes(len(u), self.width, workspace)
            np.copyto(codes[:, : self.width], self.view.codes(u), casting="unsafe")
            self._close(codes, u, context, out[piece], workspace)

        run_in_pieces(work, len(X), self._piece_rows, self._workspaces)

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
        context = context_halves(context)
        valid = np.empty(len(Z), dtype=bool)

        def work(piece, workspace):
            _, u, valid[piece] = self._open(Z[piece], context, workspace)
            self.lattice.restore(u[:, : self.n_features], out[piece])

        run_in_pieces(work, len(Z), self._piece_rows, self._workspaces)
        return valid

    def reencrypt(self, Z, old, out, context=None, *, keeps_view):
        """Encrypt ciphertexts of another cipher anew, without rows in between.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, old.width), dtype float64
        old : ViewCipher
            On the same lattice.
        out : ndarray of shape (n_samples, width), dtype float64
            Filled, with NaN in rows that are not ciphertexts of ``old``.
        context : bytes, default=None
            Before and after.
        keeps_view : bool
            Whether both have one view, which is then taken from the ciphertexts.

        Returns
        -------
        valid : ndarray of shape (n_samples,), dtype bool
        """
        context = context_halves(context)
        valid = np.empty(len(Z), dtype=bool)

        def work(piece, workspace):
            codes, u, valid[piece] = old._open(Z[piece], context, workspace)
            u = u[:, : self.n_features]
            if not keeps_view:
                codes = padded_codes(len(u), self.width, workspace)
                np.copyto(codes[:, : self.width], self.view.codes(u), casting="unsafe")
            self._close(codes, u, context, out[piece], workspace)
            out[piece][~valid[piece]] = np.nan

        run_in_pieces(work, len(Z), self._piece_rows, self._workspaces)
        return valid

    def preserve(self, X):
        """Return the view's coordinates, as `Cipher` says."""
        found = {}

        def work(piece, workspace):
            u = self.lattice.round(X[piece], workspace)
            found[piece.start] = self.view.coordinates(u)

        run_in_pieces(work, len(X), self._piece_rows, self._workspaces)
        return np.concatenate([found[start] for start in sorted(found)])

    @property
    def _piece_rows(self):
        return piece_rows(self.width)

    def _open(self, Z, context, workspace):
        """Codes and integers of ciphertexts and, of each row, whether it is valid."""
        codes = padded_codes(len(Z), self.width, workspace)
        left = workspace.array("left", Z.shape, np.uint32)
        right = workspace.array("right", Z.shape, np.uint32)
        written = unpack(Z, codes[:, : self.width], left, right, workspace)
        inputs = tweaked_inputs(codes, self.width, context, workspace)
        for lock in reversed(self.locks):
            lock.inverse(left, right, inputs, workspace)
        u = workspace.array("numbers/1", Z.shape, np.int64)
        join(left, right, u, workspace)
        return codes, u, written & self.lattice.covers(u)

    def _close(self, codes, u, context, out, workspace):
        """Write the ciphertexts of codes and integers to ``out``."""
        left, right = self._halves(u, workspace)
        inputs = tweaked_inputs(codes, self.width, context, workspace)
        for lock in self.locks:
            lock.forward(left, right, inputs, workspace)
        pack(codes[:, : self.width], left, right, out, workspace)

    def _halves(self, u, workspace):
        shape = (len(u), self.width)
        left = workspace.array("left", shape, np.uint32)
        right = workspace.array("right", shape, np.uint32)
        if self.width > self.n_features:
            wide = workspace.array("wide", shape, np.int64)
            randoms = os.urandom(16 * len(u)) if self.lattice.randomized else b""
            self.lattice.widen(u, randoms, wide)
            u = wide
        split(u, left, right, workspace)
        return left, right

    def __getstate__(self):
        return {**self.__dict__, "_workspaces": []}

    def __repr__(self):
        return f"ViewCipher(<{len(self.locks)} secret locks>)"


def piece_rows(width):
    """Return how many rows of `width` columns a cache holds."""
    return max(_FEWEST_ROWS, _PIECE_NUMBERS // width)


def tweak_halves(width):
    """Return how many halves the view and the context have."""
    return -(-width // _CODES_PER_HALF) + CONTEXT_HALVES


def padded_codes(n_rows, width, workspace):
    """Return room for codes, and zeros that fill up the last half of the tweak."""
    n_codes = _CODES_PER_HALF * -(-width // _CODES_PER_HALF)
    codes = workspace.array("codes", (n_rows, n_codes), np.int8)
    codes[:, width:] = 0
    return codes


def tweaked_inputs(codes, width, context, workspace):
    """Return inputs of locks with view and context as their tweak.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_codes), dtype int8
        The result of `padded_codes`.
    width : int
    context : ndarray of shape (11,)
        The result of `context_halves`.
    workspace : Workspace
    """
    shape = (len(codes), tweak_halves(width))
    tweak = workspace.array("tweak", shape, np.int32)
    n_halves = shape[1] - CONTEXT_HALVES
    tweak[:, :n_halves] = _pack_codes(codes.view("<u4")).view(np.int32)
    tweak[:, n_halves:] = context
    return Inputs(width, tweak, workspace)


def _pack_codes(four):
    """Six bits of each byte of uint32, side by side in the 24 high bits."""
    two = (four & np.uint32(0x3F003F)) | ((four >> np.uint32(2)) & np.uint32(0xFC00FC0))
    one = (two & np.uint32(0xFFF)) | ((two >> np.uint32(4)) & np.uint32(0xFFF000))
    return one << np.uint32(8)


def context_halves(context):
    """Halves of 24 bits of a context's SHA-256, zeros without one."""
    halves = np.zeros((CONTEXT_HALVES, 4), np.uint8)
    if context is not None:
        digest = hashlib.sha256(context).digest() + b"\0"
        halves[:, 1:] = np.frombuffer(digest, np.uint8).reshape(CONTEXT_HALVES, 3)
    return halves.view("<i4")[:, 0]
