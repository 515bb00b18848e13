"""The first round: how many rows, how large the columns, which are whole."""

import numpy as np

__all__ = ["HIGHEST", "learn", "sensitivities", "sums"]

# A number of magnitude from 2**(e-1) to 2**e counts for the exponent e; zero has a
# place of its own before them.
LOWEST, HIGHEST = -62, 64
N_PLACES = HIGHEST - LOWEST + 2


def sums(plan, rows):
    """Return counts of rows and classes, and for each column of exponents.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
        With noise, bounds tell how large columns are, and none counts as whole.
    """
    found = {"owners": np.array([1])}
    if plan.sizes is not None:
        found["classes"] = rows.targets(plan).sum(axis=0).astype(np.int64)
    if plan.bounds is None:
        found.update(_of_columns(rows.numbers))
    return found


def sensitivities(plan):
    """Return nothing: a row of the same class changes no count."""
    return {}


def _of_columns(numbers):
    """How many numbers of each column have which exponent, and how many are broken."""
    places = np.frexp(numbers)[1] - LOWEST + 1
    places = np.where(numbers == 0, 0, np.clip(places, 1, N_PLACES - 1))
    n_columns = numbers.shape[1]
    flat = places + N_PLACES * np.arange(n_columns)
    exponents = np.bincount(flat.ravel(), minlength=N_PLACES * n_columns)
    return {
        "exponents": exponents.reshape(n_columns, N_PLACES),
        "fractions": (numbers != np.rint(numbers)).sum(axis=0),
    }


def learn(plan, totals):
    """Return the number of rows, units of the columns and the whole columns."""
    _check_groups(totals.get("classes", totals["rows"]), plan.min_group_size)
    known = {"n_rows": int(totals["rows"][0]), "n_owners": int(totals["owners"][0])}
    if plan.bounds is not None:
        largest = np.abs(plan.bounds).max(axis=0)
        units = np.ldexp(1.0, np.frexp(largest)[1])
        return {**known, "units": units, "whole": np.zeros(0, np.int64)}
    exponents = totals["exponents"][:, 1:] > 0
    last = N_PLACES - 2 - exponents[:, ::-1].argmax(axis=1)
    # A column of zeros alone has the unit 1.
    highest = np.where(exponents.any(axis=1), last + LOWEST, 0)
    return {
        **known,
        "units": np.ldexp(1.0, highest),
        "whole": np.flatnonzero(totals["fractions"][: plan.n_features] == 0),
    }


def _check_groups(counts, least):
    """Of all owners together every class must have rows, and enough of them."""
    few = int((counts < least).sum())
    if few > 0:
        raise ValueError(
            f"{few} of {len(counts)} classes have fewer than min_group_size={least} "
            "rows of all owners together. Plan without them, or with a smaller "
            "min_group_size, of which sums may tell of single rows."
        )
