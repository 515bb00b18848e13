"""The smooth homeomorphism of the whole space: locks of rotation and sinh-arcsinh.

Nothing but its key hides a row, and known pairs break it.
"""

import numpy as np

from sklearn_homeo._utils.arrays import to_numpy
from sklearn_homeo.ciphers.base import RowOutOfRange, run_in_pieces
from sklearn_homeo.ciphers.lattice import GRID_BITS
from sklearn_homeo.ciphers.skew import SmoothLock

__all__ = ["SmoothCipher"]

GRID = 2.0**GRID_BITS
STRENGTH = 0.5
# Rounding errors of the locks and back stay below a fifth of this.
ROUNDING = 16 * np.finfo(np.float64).eps
# Rounding errors with which a row may be encrypted, in grid steps, and how far a
# decrypted one may then lie off the lattice, on a machine that rounds otherwise.
MAX_NOISE = 2.0**-4
MIN_TOLERANCE, MAX_TOLERANCE = 2.0**-10, 2.0**-3
PIECE_NUMBERS = 2**17
FEWEST_ROWS = 128


class SmoothCipher:
    """Lattice and smooth locks.

    Rows are brought to the lattice first, so that a changed row, or a row of another
    key or fit, is noticed: it decrypts to points between the lattice's.

    Parameters
    ----------
    lattice : Lattice
        Not randomized.
    locks : sequence of SmoothLock
    shift : ndarray of shape (width,), dtype float64
        Keyed, added to ciphertexts, so that no row of zeros is one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import SecretKey
    >>> from sklearn_homeo.ciphers.lattice import Lattice
    >>> from sklearn_homeo.ciphers.smooth import SmoothCipher
    >>> X = np.random.default_rng(0).normal(size=(100, 6))
    >>> key = SecretKey.generate()
    >>> cipher = SmoothCipher.from_key(Lattice.from_data(X), key, 3, b"digest")
    >>> Z, back = np.empty_like(X), np.empty_like(X)
    >>> cipher.encrypt(X, Z)
    >>> bool(cipher.decrypt(Z, back).all()), bool(abs(back - X).max() < 4e-8)
    (True, True)
    """

    def __init__(self, lattice, locks, shift):
        self.lattice = lattice
        self._locks = tuple(locks)
        self._shift = shift
        amplification = np.prod([lock.amplification for lock in self._locks])
        self._noise = float(ROUNDING * amplification * GRID)

    @classmethod
    def from_key(cls, lattice, key, depth, digest):
        """Derive ``depth`` locks from a key; bent the less, the more there are.

        Parameters
        ----------
        lattice : Lattice
        key : SecretKey
        depth : int
        digest : bytes
            Digest of the fitted state that the locks are bound to.
        """
        stream = key.stream(f"v3/smooth/{digest.hex()}")
        strength = STRENGTH / depth**0.5
        locks = [
            SmoothLock.from_stream(stream, lattice.width, strength)
            for _ in range(depth)
        ]
        return cls(lattice, locks, 2.0 * stream.uniform(lattice.width) - 1.0)

    @property
    def n_features(self):
        """Columns of a row."""
        return self.lattice.n_features

    @property
    def width(self):
        """Columns of a ciphertext."""
        return self.lattice.width

    def encrypt(self, X, out, context=None):
        """Encrypt rows, as `Cipher` says; ValueError if there is a context."""
        _refuse(context)

        def work(piece, workspace):
            points = self._points(to_numpy(X[piece]), workspace)
            z = points
            for lock in self._locks:
                z = lock.forward(z)
            z = z + self._shift
            self._check_return(points, z)
            _write(z, out, piece)

        run_in_pieces(work, len(X), self._piece_rows)

    def decrypt(self, Z, out, context=None):
        """Decrypt ciphertexts, as `Cipher` says; ValueError if there is a context."""
        _refuse(context)
        valid = np.empty(len(Z), dtype=bool)

        def work(piece, workspace):
            z = np.asarray(to_numpy(Z[piece]), dtype=np.float64)
            u, valid[piece] = self._nearest(z)
            rows = np.empty((len(u), self.n_features))
            self.lattice.restore(u[:, : self.n_features], rows)
            _write(rows, out, piece)

        run_in_pieces(work, len(Z), self._piece_rows)
        return valid

    def preserve(self, X):
        """Return standardised rows, as `Cipher` says: everything is preserved."""
        found = np.empty((len(X), self.n_features))

        def work(piece, workspace):
            points = self._points(to_numpy(X[piece]), workspace)
            found[piece] = points[:, : self.n_features]

        run_in_pieces(work, len(X), self._piece_rows)
        return found

    @property
    def _piece_rows(self):
        return max(FEWEST_ROWS, PIECE_NUMBERS // self.width)

    def _points(self, X, workspace):
        """Lattice points in standard deviations."""
        u = self.lattice.round(X, workspace)
        points = np.zeros((len(X), self.width))
        np.multiply(u, 1.0 / GRID, out=points[:, : self.n_features])
        return points

    def _check_return(self, points, z):
        """Raise RowOutOfRange for a row that would not come back."""
        # The bound holds for the worst direction; the few rows beyond it are tried.
        doubtful = np.flatnonzero(~(self._rounding(z) <= MAX_NOISE))
        error = np.abs(self._open(z[doubtful]) - points[doubtful] * GRID)
        lost = doubtful[~(error <= MAX_NOISE).all(axis=1)]
        if len(lost) > 0:
            raise RowOutOfRange(
                int(lost[0]),
                "is too far from the training data to be decrypted exactly; clip the "
                "outlier, scale the column, or use a smaller depth",
            )

    def _nearest(self, z):
        """Nearest integers, and whether rows are as near as rounding takes."""
        # What no cipher wrote may be anything; zeros instead let it be told apart.
        usual = np.abs(z).max(axis=1) < 2.0**50 / GRID
        z = np.where(usual[:, None], z, 0.0)
        y = self._open(z)
        points = np.round(y)
        tolerance = np.clip(self._rounding(z), MIN_TOLERANCE, MAX_TOLERANCE)
        on_lattice = np.abs(y - points).max(axis=1) <= tolerance
        u = points.astype(np.int64)
        return u, usual & on_lattice & self.lattice.covers(u)

    def _open(self, z):
        z = z - self._shift
        for lock in reversed(self._locks):
            z = lock.inverse(z)
        return z * GRID

    def _rounding(self, z):
        """Bound on the rounding error that reaches the lattice, in grid steps."""
        return (1.0 + np.sqrt(np.einsum("ij,ij->i", z, z))) * self._noise

    def __repr__(self):
        return f"SmoothCipher(<{len(self._locks)} secret locks>)"


def _write(rows, out, piece):
    if isinstance(out, np.ndarray):
        out[piece] = rows
    else:
        out[piece] = out.new_tensor(rows)


def _refuse(context):
    if context is not None:
        raise ValueError(
            "A context cannot be bound to the smooth map of the whole space, which has "
            'no residues. Leave it out, or set leakage to "scores".'
        )
