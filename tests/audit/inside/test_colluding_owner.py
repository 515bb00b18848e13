"""An owner who sees another's ciphertexts gets the view, and nothing else."""

import numpy as np
import pytest

from problems import KEY, wine
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import colluding_owner_attack

SCORES = {"leakage": "scores", "n_preserved": 2, "linkage_noise": 0.1}


def owners(**options):
    X, y = wine()
    y = y if options["leakage"] == "cells" else None
    whole = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    return whole.for_owner("north"), whole.for_owner("south")


def test_cells_bound_what_he_links():
    X, _ = wine()
    north, south = owners(leakage="cells", n_cells=6)
    results = [
        colluding_owner_attack(south, north.transform(X), X, random_state=i)
        for i in range(40)
    ]
    bound = results[0].bound
    assert bound <= 6 / len(X)
    rates = np.array([result.rate for result in results])
    assert abs(rates.mean() - bound) < 4 * rates.std() / len(rates) ** 0.5
    assert {result.n_decrypted for result in results} == {0}


def test_noise_of_each_owners_own_hides_rows_from_the_others():
    X, _ = wine()
    rates = {}
    for noise in (0.0, 0.1, 1.0):
        north, south = owners(**SCORES | {"linkage_noise": noise})
        result = colluding_owner_attack(south, north.transform(X), X, random_state=0)
        assert result.rate <= result.bound + 0.05
        assert result.n_decrypted == 0
        rates[noise] = result.rate
    assert rates[0.0] > 0.9 > rates[0.1] > rates[1.0]


def test_his_own_rows_he_decrypts():
    X, _ = wine()
    north, _ = owners(**SCORES)
    assert colluding_owner_attack(north, north.transform(X), X).n_decrypted == len(X)


def test_a_target_that_was_added_tells_more():
    X, y = (part[:60] for part in wine())
    X = X[:, :3]
    options = SCORES | {"n_preserved": 1, "linkage_noise": 1.0}
    one = HomeomorphicEncryptor(key=KEY, **options).fit(X)
    rates = []
    for whole in (one, one.add_target(X, y == 0)):
        Z = whole.for_owner("north").transform(X)
        found = [
            colluding_owner_attack(whole.for_owner(f"{i}"), Z, X, random_state=i).rate
            for i in range(5)
        ]
        rates.append(np.mean(found))
    assert rates[1] > rates[0] > 1 / 60


def test_bad_input_is_refused():
    X, _ = wine()
    north, south = owners(**SCORES)
    Z = north.transform(X)
    with pytest.raises(ValueError, match=r"Z has shape \(178, 12\), expected"):
        colluding_owner_attack(south, Z[:, 1:], X)
    with pytest.raises(ValueError, match="encryptor has no owners"):
        colluding_owner_attack(HomeomorphicEncryptor(leakage="space").fit(X), Z, X)
