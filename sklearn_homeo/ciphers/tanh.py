"""The published cipher: secret linear layers and tanh, a broken baseline.

Terziyan, Malyk, Golovianko, Branytskyi 2023, doi 10.1016/j.procs.2022.12.205.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import namespace
from sklearn_homeo.ciphers.products import RealMatrix

__all__ = ["TanhLock"]


@dataclass(frozen=True)
class TanhLock:
    """``tanh(x @ weights)``, as published: no bias, normal weights.

    Parameters
    ----------
    layer, inverse_layer : RealMatrix
        Of shape (n, n).
    """

    layer: RealMatrix
    inverse_layer: RealMatrix

    @classmethod
    def from_stream(cls, stream, n, weight_scale):
        """Draw weights of standard deviation ``weight_scale`` from a key stream."""
        weights = weight_scale * stream.normal((n, n))
        inverse = np.linalg.inv(weights)
        return cls(RealMatrix.from_real(weights), RealMatrix.from_real(inverse))

    def forward(self, x):
        """Lock rows of shape (n_samples, n)."""
        return namespace(x).tanh(self.layer.apply(x))

    def inverse(self, y):
        """Unlock rows; what tanh cannot have produced becomes NaN."""
        xp = namespace(y)
        inside = xp.abs(y) < 1.0
        y = xp.where(inside, y, 0.0)
        x = 0.5 * (xp.log1p(y) - xp.log1p(-y))
        return self.inverse_layer.apply(xp.where(inside, x, xp.nan))
