"""Whoever knows all that the view is made of links no more than the bound says."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.utils import shuffle

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.ciphers.base import Workspace

N_KEYS, N_CANDIDATES = 5, 100
DATA = {
    "iris": lambda: load_iris(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "overlapping": lambda: make_classification(300, 8, flip_y=0.1, random_state=0),
}
KEYS = [SecretKey.from_bytes(bytes([i]) * 32) for i in range(N_KEYS)]


def split(name):
    X, y = shuffle(*DATA[name](), random_state=0)
    # Equal rows would be linked by being equal, which the bound has apart.
    _, first = np.unique(X, axis=0, return_index=True)
    X, y = X[np.sort(first)], y[np.sort(first)]
    return X[N_CANDIDATES:], y[N_CANDIDATES:], X[:N_CANDIDATES]


def with_keys(encryptor, X, y):
    """The encryptor under each key: one fit, since the key has no part in it."""
    encryptor.set_params(key=KEYS[0]).fit(X, y)
    yield encryptor
    for key in KEYS[1:]:
        yield encryptor.rekey(key)


def rates(costs, rng):
    """Shares of right guesses, by the nearest candidate and by the best matching.

    ``costs`` has a row for each ciphertext and a column for each candidate. Equal ones
    are as good as each other, so the order of candidates is drawn.
    """
    order = rng.permutation(len(costs))
    nearest = order[costs[:, order].argmin(axis=1)]
    rows, columns = linear_sum_assignment(costs[:, order])
    return [
        np.mean(nearest == np.arange(len(costs))),
        np.mean(order[columns] == rows),
    ]


def interval(rates, n):
    """Four standard errors of shares of ``n`` guesses."""
    return 4.0 * np.sqrt(np.maximum(rates * (1.0 - rates), 1.0 / n) / n)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DATA)
def test_cells_are_linked_no_more_than_their_number_says(name):
    X, y, candidates = split(name)
    rng = np.random.default_rng(0)
    encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=8)
    found, bounds = [], []
    for keyed in with_keys(encryptor, X, y):
        views = np.floor(8 * keyed.transform(candidates))
        # An attacker who has the encryptor and sees views only.
        costs = (views[:, None] != views).any(axis=2).astype(float)
        found += [rates(costs, rng) for _ in range(20)]
        linking = keyed.certificate(candidates).linking
        bounds.append([linking.one_target, linking.one_to_one])
    bound = np.mean(bounds, axis=0)
    slack = interval(bound, len(found) * N_CANDIDATES)
    assert (np.mean(found, axis=0) <= bound + slack).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("name", DATA)
def test_scores_are_linked_no_more_than_the_estimate_says(name, noise):
    X, y, candidates = split(name)
    rng = np.random.default_rng(0)
    encryptor = HomeomorphicEncryptor(
        leakage="scores", n_preserved=X.shape[1] - 1, linkage_noise=noise
    )
    # Principal directions: no search, and more to link by than labels need.
    found, bounds, errors = [], [], []
    for keyed in with_keys(encryptor, X, None):
        u = keyed._cipher.lattice.round(candidates, Workspace())
        seen = keyed._cipher.view.noisy_coordinates(u)
        known = keyed.preserve(candidates)
        costs = ((seen[:, None] - known) ** 2).sum(axis=2)
        found.append(rates(costs, rng))
        linking = keyed.certificate(candidates).linking
        bounds.append([linking.one_target, linking.one_to_one])
        errors.append(linking.error)
    bound = np.mean(bounds, axis=0)
    slack = np.mean(errors) + interval(bound, len(found) * N_CANDIDATES)
    assert (np.mean(found, axis=0) <= bound + slack).all()
