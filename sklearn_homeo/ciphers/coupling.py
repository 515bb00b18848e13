"""The exact integer coupling lock.

Three additive couplings (NICE, Dinh et al. 2015) on lattice integers, which is a
lifting scheme, which is a Feistel network. Its round function is a triangle wave of
keyed integer phases of hidden triangle waves: the inputs of the outermost coupling
are visible in the ciphertext, and one layer of waves of few visible inputs falls to
lattice reduction, however many locks lie below.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import copy_rows, take_columns
from sklearn_homeo.ciphers.waves import PhaseMatrix, triangle_wave

__all__ = ["CouplingLock"]

# Waves between the coordinates that drive a mask and the mask.
N_HIDDEN = 64
# A wave of this amplitude has unit variance, as the frequency supposes.
HIDDEN_AMPLITUDE = 3.0**0.5
# Times the frequency. Hidden waves turn fast, so that the masks of rows that differ
# by a thousandth of a standard deviation are unlike.
HIDDEN_FREQUENCY = 32.0


@dataclass(frozen=True)
class Mask:
    """Keyed waves of keyed waves of the drivers.

    Parameters
    ----------
    hidden : PhaseMatrix
        From the drivers to the hidden waves.
    outer : PhaseMatrix
        From the hidden waves to the masks.
    amplitude : float
        Peak of the masks, in standard deviations.
    """

    hidden: PhaseMatrix
    outer: PhaseMatrix
    amplitude: float

    @classmethod
    def from_key(cls, key, label, n_drivers, n_masks, frequency, amplitude):
        """Derive the masks named ``label``."""
        hidden = PhaseMatrix.from_stream(
            key.stream(f"{label}/hidden"),
            n_drivers,
            N_HIDDEN,
            HIDDEN_FREQUENCY * frequency,
        )
        outer = PhaseMatrix.from_stream(
            key.stream(f"{label}/outer"), N_HIDDEN, n_masks, frequency
        )
        return cls(hidden, outer, amplitude)

    def __call__(self, *drivers):
        """Masks of lattice rows whose drivers come in column blocks."""
        waves = triangle_wave(
            self.hidden.phases(*drivers), self.hidden.period, HIDDEN_AMPLITUDE
        )
        return triangle_wave(
            self.outer.phases(waves), self.outer.period, self.amplitude
        )


@dataclass(frozen=True)
class CouplingLock:
    """One keyed bijection of lattice rows ``[S, C]``.

    The complement C is permuted and halved into (u, v); then ``v += T([u, S])``,
    ``u += T([v, S])`` and ``S += t([u, v])`` with a `Mask` for each.

    Parameters
    ----------
    n_preserved : int
        Width of S.
    columns, columns_back : ndarray of shape (n,), dtype int64
        The permutation and its inverse; S stays in its place.
    mask_v, mask_u : Mask
    mask_s : Mask or None
        None without noise.
    """

    n_preserved: int
    columns: np.ndarray
    columns_back: np.ndarray
    mask_v: Mask
    mask_u: Mask
    mask_s: Mask | None

    @classmethod
    def from_key(cls, key, label, n, n_preserved, frequency, amplitude, noise):
        """Derive the lock named ``label`` for rows of ``n`` columns.

        ``amplitude`` and ``noise`` are the peaks of the masks on C and on S.
        """
        k, q = n_preserved, n - n_preserved
        permutation = key.stream(f"{label}/permutation").permutation(q)
        n_u, n_v = q // 2, q - q // 2
        mask_v = Mask.from_key(key, f"{label}/v", n_u + k, n_v, frequency, amplitude)
        mask_u = Mask.from_key(key, f"{label}/u", n_v + k, n_u, frequency, amplitude)
        mask_s = None
        if noise > 0:
            mask_s = Mask.from_key(key, f"{label}/s", q, k, frequency, noise)
        columns = np.append(np.arange(k), k + permutation)
        return cls(k, columns, np.argsort(columns), mask_v, mask_u, mask_s)

    def forward(self, y):
        """Lock lattice rows of shape (n_samples, n)."""
        z = take_columns(y, self.columns)
        s, u, v = self._parts(z)
        v += self.mask_v(u, s)
        u += self.mask_u(v, s)
        if self.mask_s is not None:
            s += self.mask_s(u, v)
        return z

    def inverse(self, z):
        """Unlock lattice rows, bit for bit."""
        y = copy_rows(z)
        s, u, v = self._parts(y)
        if self.mask_s is not None:
            s -= self.mask_s(u, v)
        u -= self.mask_u(v, s)
        v -= self.mask_v(u, s)
        return take_columns(y, self.columns_back)

    @property
    def permutation(self):
        """Columns of C in the order in which they are halved."""
        return self.columns[self.n_preserved :] - self.n_preserved

    @property
    def order_back(self):
        """The inverse of `permutation`."""
        return self.columns_back[self.n_preserved :] - self.n_preserved

    def _parts(self, y):
        k = self.n_preserved
        middle = k + (y.shape[1] - k) // 2
        return y[:, :k], y[:, k:middle], y[:, middle:]
