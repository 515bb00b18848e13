"""Public bounds of rows: what differential privacy clips them to."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Box", "make_box"]


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
    """Check bounds (low, high), numbers or arrays, and make a box of them.

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
        If they are no bounds of so many features.

    Examples
    --------
    >>> from sklearn_homeo.synthesis.densities.box import make_box
    >>> make_box((0, [2, 4]), 2).half
    array([1., 2.])
    """
    try:
        low, high = (np.broadcast_to(np.asarray(b, float), n_features) for b in bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"bounds must be (low, high), numbers or arrays of {n_features} numbers: "
            f"{error}"
        ) from None
    wrong = ~((low < high) & np.isfinite(high - low))
    if wrong.any():
        raise ValueError(
            f"bounds must be finite, with low < high; of feature {np.argmax(wrong)} "
            f"they are ({low[np.argmax(wrong)]:g}, {high[np.argmax(wrong)]:g})."
        )
    return Box(low / 2 + high / 2, high / 2 - low / 2)
