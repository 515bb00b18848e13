"""Owners of rows, and their rounds, for the tests of summaries."""

import numpy as np

from sklearn_homeo import SummaryPlan


def curved(n_samples=240, seed=0):
    """Classes by the product of two of five columns of different sizes."""
    X = np.random.default_rng(seed).normal(size=(n_samples, 5)) * [1, 10, 0.1, 1e3, 1]
    X[:, 4] = np.rint(3 * X[:, 4])
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def shares(X, y, n_owners=3):
    """Rows of owners of unequal size, in the order of the rows."""
    cuts = np.cumsum(np.arange(1, n_owners)) * len(X) * 2 // (n_owners**2 + n_owners)
    return list(zip(np.split(X, cuts), np.split(y, cuts), strict=True))


def plans_of(plan, owners):
    """Plans of all rounds, and every owner's summary in each."""
    found = [(plan, [plan.summarize(*rows) for rows in owners])]
    while not found[-1][0].is_last:
        plan = found[-1][0].advance(found[-1][1])
        found.append((plan, [plan.summarize(*rows) for rows in owners]))
    return found


def last_summaries(X, y, classes=(0, 1), n_owners=3, **settings):
    """What three owners send in the last round."""
    settings = {"n_random_features": 24, "min_group_size": 1, **settings}
    plan = SummaryPlan(X.shape[1], classes, **settings)
    return plans_of(plan, shares(X, y, n_owners))[-1][1]
