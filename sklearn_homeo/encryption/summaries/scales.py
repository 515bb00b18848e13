"""The second round: sums and sums of squares, for the columns' means and scales."""

from fractions import Fraction

import numpy as np

__all__ = ["learn", "sums"]

# Numbers in steps of 2**-36 of their column's unit, as two halves.
VALUE_BITS, HALF_BITS = 36, 18


def sums(plan, rows):
    """Return sums of the halves and of their products, for each column.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray of shape (n_columns,), dtype int64
    """
    scaled = rows.numbers / plan.known["units"] * 2.0**VALUE_BITS
    whole = np.clip(np.rint(scaled), -(2.0**VALUE_BITS), 2.0**VALUE_BITS)
    whole = whole.astype(np.int64)
    high, low = whole >> HALF_BITS, whole & (2**HALF_BITS - 1)
    return {
        "high": high.sum(axis=0),
        "low": low.sum(axis=0),
        "high squares": (high * high).sum(axis=0),
        "products": (high * low).sum(axis=0),
        "low squares": (low * low).sum(axis=0),
    }


def learn(plan, totals):
    """Return mean and scale of each column, and of each number that is a target."""
    exact = {name: value.astype(object) for name, value in totals.items()}
    firsts = exact["high"] * 2**HALF_BITS + exact["low"]
    squares = exact["high squares"] * 2 ** (2 * HALF_BITS)
    squares = squares + exact["products"] * 2 ** (HALF_BITS + 1) + exact["low squares"]
    n_rows, units = plan.known["n_rows"], plan.known["units"]
    scale = 2**VALUE_BITS * n_rows
    means = np.array([float(Fraction(int(s), scale)) for s in firsts]) * units
    spreads = n_rows * squares - firsts**2
    deviations = np.array([float(Fraction(int(v), scale**2)) for v in spreads])
    deviations = np.sqrt(np.maximum(deviations, 0.0)) * units
    # As in one owner's fit: a constant column has the size of its value, or 1.
    size = np.where(means == 0, 1.0, np.minimum(np.abs(means), 1.0))
    scales = np.where(deviations > 0, deviations, size)
    n = plan.n_features
    return {
        "mean": means[:n],
        "scale": scales[:n],
        "target_mean": means[n:],
        "target_scale": scales[n:],
    }
