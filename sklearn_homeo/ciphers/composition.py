"""Whole ciphers, put together from their parts.

A cipher maps rows in the data's units to ciphertexts (`encrypt`) and back
(`decrypt`), and says of each decrypted row whether it is one.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import (
    divide,
    multiply,
    namespace,
    nearest,
    to_numpy,
)
from sklearn_homeo.ciphers.coupling import CouplingLock
from sklearn_homeo.ciphers.frame import (
    DenseFrame,
    LowRankFrame,
    PlainFrame,
    Standardisation,
)
from sklearn_homeo.ciphers.seal import Seal
from sklearn_homeo.ciphers.skew import SmoothLock
from sklearn_homeo.ciphers.stretch import StretchedFrame
from sklearn_homeo.ciphers.tanh import TanhLock
from sklearn_homeo.ciphers.waves import GRID, RowOutOfRange

__all__ = [
    "LatticeCipher",
    "TanhCipher",
    "coupling_cipher",
    "smooth_cipher",
    "tanh_cipher",
]

VERSION = "v2"
# Rounding errors of the stages and back stay below a fifth of this.
ROUNDING = 16 * np.finfo(np.float64).eps
# Noise with which a row may be encrypted, in grid steps, and how far a decrypted
# one may then lie off the lattice, on a machine that rounds otherwise.
MAX_NOISE = 2.0**-4
MIN_TOLERANCE, MAX_TOLERANCE = 2.0**-10, 2.0**-3
# Beyond, every double is an integer and the lattice tells nothing.
MAX_LATTICE = 2.0**50
SMOOTH_STRENGTH = 0.5
# Relative to the standard deviation of the columns.
TANH_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class LatticeCipher:
    """Frame onto the lattice, exact locks on it, real stages after it.

    Parameters
    ----------
    frame : PlainFrame, DenseFrame, LowRankFrame or StretchedFrame
    locks : tuple of CouplingLock
    stages : tuple of Seal or SmoothLock
    amplification : float
        How much the inverse of the stages can enlarge a rounding error.
    """

    frame: PlainFrame | DenseFrame | LowRankFrame | StretchedFrame
    locks: tuple
    stages: tuple
    amplification: float

    def encrypt(self, X):
        """Encrypt rows of shape (n_samples, n); RowOutOfRange beyond the range."""
        y = self.frame.forward(X)
        for lock in self.locks:
            y = lock.forward(y)
        z = divide(y, GRID)
        for stage in self.stages:
            z = stage.forward(z)
        self._check_return(y, z)
        return z

    def decrypt(self, Z):
        """Return rows and, for each, whether it lay on the lattice."""
        y, valid = self._snap(Z)
        for lock in reversed(self.locks):
            y = lock.inverse(y)
        X = self.frame.inverse(y)
        return X, valid & self.frame.standardisation.covers(X)

    def preserve(self, X):
        """Return rows on the frame, in its units, not locked."""
        return self.frame.forward(X) / (GRID * self.frame.unit)

    def _snap(self, Z):
        """Nearest lattice points, and whether rows are as near as rounding takes."""
        xp = namespace(Z)
        y = self._open(Z)
        points = nearest(y)
        tolerance = xp.clip(self._noise(Z), MIN_TOLERANCE, MAX_TOLERANCE)
        valid = xp.amax(points, axis=1) <= MAX_LATTICE
        valid &= xp.amin(points, axis=1) >= -MAX_LATTICE
        y -= points
        valid &= xp.amax(xp.abs(y, out=y), axis=1) <= tolerance
        return points, valid

    def _open(self, z):
        for stage in reversed(self.stages):
            z = stage.inverse(z)
        return multiply(z, GRID)

    def _noise(self, z):
        """Bound on the rounding error that reaches the lattice, in grid steps."""
        xp = namespace(z)
        size = xp.sqrt(xp.einsum("ij,ij->i", z, z))
        return (1.0 + size) * self._noise_per_size()

    def _noise_per_size(self):
        return ROUNDING * self.amplification * GRID

    def _check_return(self, y, z):
        # The bound holds for the worst direction; the few rows beyond it are tried.
        doubtful = ~(self._noise(z) <= MAX_NOISE)
        if not doubtful.any():
            return
        rows = np.flatnonzero(to_numpy(doubtful))
        error = namespace(z).abs(self._open(z[rows]) - y[rows])
        bad = ~((error <= MAX_NOISE).all(axis=1))
        if bad.any():
            raise RowOutOfRange(
                int(rows[to_numpy(bad)][0]),
                "is too far from the training data to be decrypted exactly in "
                f"float64 (exact for any row of norm "
                f"{MAX_NOISE / self._noise_per_size():.4g} after "
                "encryption); clip the outlier or scale the column",
            )


@dataclass(frozen=True, eq=False)
class TanhCipher:
    """Standardisation and the published tanh locks.

    Parameters
    ----------
    standardisation : Standardisation
    locks : tuple of TanhLock
    """

    standardisation: Standardisation
    locks: tuple

    def encrypt(self, X):
        """Encrypt rows; RowOutOfRange for rows that tanh saturates beyond return."""
        x = self.standardisation.forward(X)
        z = x
        for lock in self.locks:
            z = lock.forward(z)
        self._check_return(x, z)
        return z

    def decrypt(self, Z):
        """Return rows and, for each, whether tanh can have produced it."""
        x = self._unlock(Z)
        X = self.standardisation.inverse(x)
        return X, self.standardisation.covers(X)

    def preserve(self, X):
        """Return rows in standard deviations, not locked."""
        return self.standardisation.forward(X)

    def _unlock(self, z):
        for lock in reversed(self.locks):
            z = lock.inverse(z)
        return z

    def _check_return(self, x, z):
        error = namespace(x).abs(self._unlock(z) - x)
        bad = ~((error <= TANH_TOLERANCE).all(axis=1))
        if bad.any():
            raise RowOutOfRange(
                int(np.flatnonzero(to_numpy(bad))[0]),
                f"could not be decrypted to within {TANH_TOLERANCE} standard "
                "deviations: tanh saturates, or the secret matrices are too badly "
                "conditioned at this width and depth. Use a smaller depth or "
                "tanh_scale, or another cipher",
            )


def coupling_cipher(key, frame, n, n_preserved, spread, *, depth, frequency,
                    amplitude, linkage_noise):  # fmt: skip
    """Put the coupling cipher together for a frame.

    ``spread`` is the standard deviation of a preserved coordinate. The amplitudes
    of the ``depth`` noises on S are such that their total has the standard
    deviation ``linkage_noise``. Both are in the frame's units.
    """
    label = f"{VERSION}/coupling/{n}/{n_preserved}"
    noise = linkage_noise * frame.unit * (3.0 / depth) ** 0.5
    locks = tuple(
        CouplingLock.from_key(
            key, f"{label}/{i}", n, n_preserved, frequency, amplitude, noise
        )
        for i in range(depth)
    )
    masked_spread = (1.0 + depth * amplitude**2 / 3.0) ** 0.5
    seal = Seal.from_key(
        key, f"{label}/seal", n, n_preserved, spread, masked_spread, frame.unit
    )
    return LatticeCipher(frame, locks, (seal,), seal.amplification)


def smooth_cipher(key, frame, n, *, depth):
    """Put the smooth cipher together: tilts shrink with the depth."""
    strength = SMOOTH_STRENGTH / depth**0.5
    locks = tuple(
        SmoothLock.from_stream(key.stream(f"{VERSION}/smooth/{n}/{i}"), n, strength)
        for i in range(depth)
    )
    amplification = float(np.prod([lock.amplification for lock in locks]))
    return LatticeCipher(frame, (), locks, amplification)


def tanh_cipher(key, standardisation, n, *, depth, weight_scale):
    """Put the published cipher together."""
    locks = tuple(
        TanhLock.from_stream(key.stream(f"{VERSION}/tanh/{n}/{i}"), n, weight_scale)
        for i in range(depth)
    )
    return TanhCipher(standardisation, locks)
