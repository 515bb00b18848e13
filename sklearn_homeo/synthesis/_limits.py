"""What synthetic values of a column can be: its range, and whether they are whole."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.ciphers.packing import is_packed
from sklearn_homeo.privacy.box import check_bounds

__all__ = ["Limits", "find_limits"]


@dataclass(frozen=True)
class Limits:
    """Range and wholeness of the columns.

    Parameters
    ----------
    low, high : ndarray of shape (n_features,), dtype float64
    whole : ndarray of shape (n_features,), dtype bool
        Columns that hold whole numbers only.
    """

    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray

    def keep(self, rows):
        """Bring rows within the limits, in place, and return them.

        Values beyond a limit are reflected at it. If they were set to it, the least
        and the greatest real value would appear, again and again.
        """
        np.subtract(2 * self.low, rows, out=rows, where=rows < self.low)
        np.subtract(2 * self.high, rows, out=rows, where=rows > self.high)
        np.clip(rows, self.low, self.high, out=rows)
        rows[:, self.whole] = np.rint(rows[:, self.whole])
        return rows


def find_limits(bounds, X, is_private):
    """Find the limits of synthetic rows.

    Parameters
    ----------
    bounds : "data", tuple (low, high) or None
    X : ndarray of shape (n_samples, n_features), dtype float64
        Real rows.
    is_private : bool
        Whether nothing may be read from the rows, not even that a column is whole.

    Returns
    -------
    limits : Limits or None
        None leaves rows as they are drawn.
    """
    if bounds is None or (isinstance(bounds, str) and is_packed(X)):
        return None
    if isinstance(bounds, str):
        low, high = X.min(axis=0), X.max(axis=0)
    else:
        low, high = check_bounds(bounds, X.shape[1])
    whole = np.zeros(X.shape[1], dtype=bool)
    if not is_private:
        whole = (np.rint(X) == X).all(axis=0)
        low = np.where(whole, np.ceil(low), low)
        high = np.where(whole, np.floor(high), high)
    return Limits(low, high, whole)
