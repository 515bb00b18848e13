"""The seal: what follows the coupling locks."""

from dataclasses import dataclass

from sklearn_homeo._utils.arrays import divide, multiply
from sklearn_homeo.ciphers.rotation import DenseRotation, WalkRotation, keyed_rotation
from sklearn_homeo.ciphers.skew import SmoothLock

__all__ = ["Seal"]

# Size of a masked coordinate beside a preserved one: large enough to decrypt,
# small enough to leave neighbours, kernels and trees to the preserved ones.
MASKED_SIZE = 0.01
FULL_SIZE_WIDTH = 1024
SEAL_TILT = 0.3


@dataclass(frozen=True)
class Seal:
    """Scaling of S and its smooth lock, scaling of the masked C, rotation of all.

    Parameters
    ----------
    n_preserved : int
    unit : float
        What counts as 1 of a preserved coordinate.
    lock : SmoothLock
        Of the preserved coordinates.
    shrinkage : float
        Factor of the masked coordinates.
    rotation : DenseRotation or WalkRotation
        Of all coordinates.
    """

    n_preserved: int
    unit: float
    lock: SmoothLock
    shrinkage: float
    rotation: DenseRotation | WalkRotation

    @classmethod
    def from_key(cls, key, label, n, n_preserved, spread, masked_spread, unit):
        """Derive the seal of rows of ``n`` columns.

        ``spread`` and ``masked_spread`` are the standard deviations of a preserved
        and of a masked coordinate that come in, the former in units of ``unit``.
        """
        stream = key.stream(f"{label}/S")
        lock = SmoothLock.from_stream(stream, n_preserved, SEAL_TILT, spread)
        size = MASKED_SIZE * min(1.0, (FULL_SIZE_WIDTH / n) ** 0.5)
        rotation = keyed_rotation(key.stream(f"{label}/rotation"), n)
        return cls(n_preserved, unit, lock, size * spread / masked_spread, rotation)

    def forward(self, x):
        """Seal rows of shape (n_samples, n)."""
        y = multiply(x, self.shrinkage)
        y[:, : self.n_preserved] = self.lock.forward(
            divide(x[:, : self.n_preserved], self.unit)
        )
        return self.rotation.forward(y)

    def inverse(self, z):
        """Unseal rows."""
        y = self.rotation.inverse(z)
        x = divide(y, self.shrinkage)
        x[:, : self.n_preserved] = multiply(
            self.lock.inverse(y[:, : self.n_preserved]), self.unit
        )
        return x

    @property
    def amplification(self):
        """Largest slope of the inverse."""
        return max(self.unit * self.lock.amplification, 1.0 / self.shrinkage)
