"""The sinh-arcsinh map and the smooth lock.

``sinh(arcsinh(x) + e)`` is monotone and closed-form both ways, and its slope
stays between ``exp(-|e|)`` and ``exp(|e|)`` for all x (Jones and Pewsey 2009,
with unit tail weight).
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.ciphers.rotation import DenseRotation, WalkRotation, keyed_rotation

__all__ = ["Skew", "SmoothLock"]


@dataclass(frozen=True, repr=False)
class Skew:
    """Coordinate-wise sinh-arcsinh map that fixes the origin.

    Parameters
    ----------
    tilt : ndarray of shape (n,), dtype float64
        Skewness e of each coordinate; 0 is the identity.
    centre : ndarray of shape (n,), dtype float64
        Where the slope changes, in units of ``spread``.
    spread : float
        Typical size of a coordinate.
    """

    tilt: np.ndarray
    centre: np.ndarray
    spread: float

    @classmethod
    def from_stream(cls, stream, n, strength, spread):
        """Draw tilts within ``strength`` and centres within one ``spread``."""
        tilt = strength * (2.0 * stream.uniform(n) - 1.0)
        return cls(tilt, 2.0 * stream.uniform(n) - 1.0, float(spread))

    def forward(self, x):
        """Apply the map to rows of shape (n_samples, n)."""
        tilted = _tilt(x / self.spread - self.centre, self.tilt)
        return (tilted - _tilt(-self.centre, self.tilt)) * self.spread

    def inverse(self, y):
        """Undo the map."""
        tilted = y / self.spread + _tilt(-self.centre, self.tilt)
        return (_tilt(tilted, -self.tilt) + self.centre) * self.spread

    @property
    def amplification(self):
        """Largest slope of the inverse."""
        return float(np.exp(np.abs(self.tilt).max(initial=0.0)))

    def __repr__(self):
        return "Skew(<secret>)"


def _tilt(x, e):
    # On the side where the two terms nearly cancel, x + sqrt(1 + x^2) is
    # replaced by 1 / (sqrt(1 + x^2) - x).
    root = np.sqrt(1.0 + x * x)
    grown = np.exp(e) * (root + np.abs(x))
    shrunk = np.exp(-e) * (root + np.abs(x))
    return np.where(x >= 0, grown - 1.0 / grown, 1.0 / shrunk - shrunk) / 2.0


@dataclass(frozen=True, repr=False)
class SmoothLock:
    """A keyed rotation and a keyed skew.

    Parameters
    ----------
    rotation : DenseRotation or WalkRotation
    skew : Skew
    """

    rotation: DenseRotation | WalkRotation
    skew: Skew

    @classmethod
    def from_stream(cls, stream, n, strength, spread=1.0):
        """Draw the lock of ``n`` coordinates from a key stream."""
        rotation = keyed_rotation(stream, n)
        return cls(rotation, Skew.from_stream(stream, n, strength, spread))

    def forward(self, x):
        """Lock rows of shape (n_samples, n)."""
        return self.skew.forward(self.rotation.forward(x))

    def inverse(self, y):
        """Unlock rows."""
        return self.rotation.inverse(self.skew.inverse(y))

    @property
    def amplification(self):
        """Largest slope of the inverse."""
        return self.skew.amplification

    def __repr__(self):
        return "SmoothLock(<secret>)"
