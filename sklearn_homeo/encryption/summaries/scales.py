"""The second round: sums and sums of squares, for the columns' means and scales."""

from fractions import Fraction

import numpy as np

from sklearn_homeo.privacy.box import make_box

__all__ = ["learn", "sensitivities", "sums"]

# Numbers in steps of 2**-36 of their column's unit, as two halves.
VALUE_BITS, HALF_BITS = 36, 18
# With noise, in steps of 2**-15 of half the distance of their bounds.
BOUNDED_BITS = 15
# Of that distance, so that rows within bounds are never out of the lattice's range.
_LEAST_SCALE = 2.0**-10


def sums(plan, rows):
    """Return sums of the halves and of their products, for each column.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray of shape (n_columns,), dtype int64
        With noise, sums and sums of squares within the bounds.
    """
    if plan.bounds is not None:
        scaled = make_box(plan.bounds, plan.n_features).scale(rows.numbers)
        whole = np.rint(scaled * 2.0**BOUNDED_BITS).astype(np.int64)
        return {"sums": whole.sum(axis=0), "squares": (whole**2).sum(axis=0)}
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


def sensitivities(plan):
    """Return how much sums can change with one row, in the Euclidean norm."""
    largest, root = 2.0**BOUNDED_BITS, np.sqrt(plan.n_features)
    return {"sums": 2 * largest * root, "squares": largest**2 * root}


def learn(plan, totals):
    """Return mean and scale of each column, and of each number that is a target."""
    if plan.bounds is not None:
        return _of_bounded(plan, totals)
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


def _of_bounded(plan, totals):
    """Means and scales of noisy sums; no scale is less than noise makes it."""
    box, n_rows = make_box(plan.bounds, plan.n_features), plan.known["n_rows"]
    means = totals["sums"] / (n_rows * 2.0**BOUNDED_BITS)
    squares = totals["squares"] / (n_rows * 4.0**BOUNDED_BITS)
    noise = plan.noise_of("squares") / (n_rows * 4.0**BOUNDED_BITS)
    means = np.clip(means, -1.0, 1.0)
    variances = np.maximum(squares - means**2, max(noise, _LEAST_SCALE**2))
    return {
        "mean": box.middle + box.half * means,
        "scale": box.half * np.sqrt(variances),
        "target_mean": np.zeros(0),
        "target_scale": np.zeros(0),
    }
