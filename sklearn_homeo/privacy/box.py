"""Public bounds of rows: what differential privacy clips them to."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Box", "check_bounds", "make_box"]


@dataclass(frozen=True)
class Box:
    """Middle and half width of the bounds of each feature.

    Parameters
    ----------
    middle, half : ndarray of shape (n_features,), dtype float64
    """

    middle: np.ndarray
    half: np.ndarray

    def scale(self, X):
        """Rows clipped to the bounds and scaled to [-1, 1]."""
        return np.clip((X - self.middle) / self.half, -1.0, 1.0)

    def embed(self, rows):
        """Rows in the data's units again; `rows` are overwritten."""
        rows *= self.half
        rows += self.middle
        return rows


def make_box(bounds, n_features):
    """Make a box of bounds (low, high), numbers or arrays.

    Parameters
    ----------
    bounds : tuple
    n_features : int

    Returns
    -------
    box : Box

    Raises
    ------
    ValueError
        If they are not bounds of that many features.

    Examples
    --------
    >>> from sklearn_homeo.privacy.box import make_box
    >>> make_box((0, [2, 4]), 2).half
    array([1., 2.])
    """
    low, high = check_bounds(bounds, n_features)
    return Box(low / 2 + high / 2, high / 2 - low / 2)


def check_bounds(bounds, n_features):
    """Return bounds as two arrays of shape (n_features,), or raise ValueError."""
    try:
        low, high = (np.broadcast_to(np.asarray(b, float), n_features) for b in bounds)
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds must be (low, high), numbers or arrays of {n_features} numbers."
        ) from None
    wrong = ~((low < high) & np.isfinite(high - low))
    if wrong.any():
        raise ValueError(
            f"bounds must be finite, with low < high; of feature {np.argmax(wrong)} "
            f"they are ({low[np.argmax(wrong)]:g}, {high[np.argmax(wrong)]:g})."
        )
    return low, high
