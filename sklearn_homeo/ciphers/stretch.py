"""Stretching the preserved coordinate around the boundary of two classes.

A step of the lattice becomes `SLOPE` steps near the boundary and stays one elsewhere.
So nothing is rounded, and beside the distance of the classes, how far a row lies from
the boundary becomes small.
"""

from dataclasses import dataclass

from sklearn_homeo._utils.arrays import copy_rows, namespace
from sklearn_homeo.ciphers.frame import DenseFrame, LowRankFrame
from sklearn_homeo.ciphers.waves import GRID

__all__ = ["SLOPE", "Stretch", "StretchedFrame"]

# An integer, so that lattice points go to lattice points.
SLOPE = 32


@dataclass(frozen=True)
class Stretch:
    """Piecewise linear map of a coordinate, `SLOPE` times as steep between bounds.

    The middle between the bounds stays in its place.

    Parameters
    ----------
    low, high : float
    """

    low: float
    high: float

    def forward(self, s):
        """Stretch an array of coordinates, which stays as it is."""
        inside = namespace(s).clip(s, self.low, self.high)
        return s + (SLOPE - 1) * (inside - self._middle)

    def inverse(self, t):
        """Undo `forward`: exactly if all numbers are integers."""
        half = SLOPE * (self.high - self._middle)
        inside = namespace(t).clip(t, self._middle - half, self._middle + half)
        return t - inside + self._middle + (inside - self._middle) / SLOPE

    def on_lattice(self):
        """The same map in steps of the lattice; its middle is a lattice point."""
        return Stretch(*(2.0 * round(x * GRID / 2) for x in (self.low, self.high)))

    @property
    def _middle(self):
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class StretchedFrame:
    """A frame whose first coordinate is stretched.

    Parameters
    ----------
    frame : DenseFrame or LowRankFrame
    stretch : Stretch
        In steps of the lattice.
    unit : float
        What counts as 1 of a stretched coordinate, in standard deviations.
    """

    frame: DenseFrame | LowRankFrame
    stretch: Stretch
    unit: float

    @property
    def standardisation(self):
        """That of the frame."""
        return self.frame.standardisation

    def forward(self, X):
        """Map rows of shape (n_samples, n) to lattice points ``[S, C]``."""
        y = self.frame.forward(X)
        y[:, :1] = self.stretch.forward(y[:, :1])
        return y

    def inverse(self, y):
        """Map lattice points to rows."""
        y = copy_rows(y)
        y[:, :1] = self.stretch.inverse(y[:, :1])
        return self.frame.inverse(y)
