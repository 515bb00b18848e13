"""T4: linkage by what is left of a stretched coordinate on either side."""

import numpy as np
import pytest

from problems import KEY, two_classes
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import forward_linkage_attack, two_sided_linkage_attack


def split(attack, Z, X, n):
    return attack(Z[:n], X[:n], Z[n:], X[n:], random_state=0)


@pytest.fixture(scope="module")
def ciphertexts():
    X, y = two_classes(2400, 64, gap=2.0)
    return X, {
        noise: HomeomorphicEncryptor(
            n_preserved=1, linkage_noise=noise, key=KEY
        ).fit_transform(X, y)
        for noise in (0.0, 0.1, 1.0)
    }


def test_what_is_left_on_the_sides_is_linked():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(2, 900, 20))
    margins = X @ rng.normal(size=20)
    Z[:, 0] = 10 * margins + 500 * np.clip(margins, -0.5, 0.5)
    two_sided = split(two_sided_linkage_attack, Z, X, 800)
    forward = split(forward_linkage_attack, Z, X, 800)
    assert two_sided.rate > 0.4
    assert two_sided.rate > 2 * forward.rate
    assert two_sided.validation > 0.2


def test_noise_stops_it(ciphertexts):
    X, Z = ciphertexts
    rates = [split(two_sided_linkage_attack, Z[noise], X, 2200).rate for noise in Z]
    assert rates[0] > rates[1] >= rates[2]
    assert rates[2] <= 0.03


def test_fields_are_those_of_the_other_linkage(ciphertexts):
    X, Z = ciphertexts
    found = split(two_sided_linkage_attack, Z[0.1], X, 2200)
    other = split(forward_linkage_attack, Z[0.1], X, 2200)
    assert set(found.details) == set(other.details)
    assert found.name == "two-sided ridge"
    assert (found.n, found.chance) == (200, 1 / 200)
    assert np.isnan(found.r2)


def test_noise_is_at_chance_and_degenerate_ciphertexts_teach_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 20))
    found = split(two_sided_linkage_attack, rng.normal(size=(600, 20)), X, 400)
    assert found.interval[0] <= found.chance
    constant = split(two_sided_linkage_attack, np.ones((600, 2)), X, 400)
    assert constant.rate == constant.chance
    # Two values only, and more columns than rows.
    sides = np.repeat([[0.0], [1.0]], 300, axis=0)[rng.permutation(600)]
    assert split(two_sided_linkage_attack, sides, X, 400).rate <= 0.02
    wide = rng.normal(size=(40, 60))
    assert 0 <= split(two_sided_linkage_attack, wide, wide, 25).rate <= 1


def test_copies_of_a_candidate_are_that_candidate():
    X = np.random.default_rng(0).normal(size=(400, 3))
    X[350:] = X[300:350]
    found = split(two_sided_linkage_attack, 100 * X[:, :1] + X[:, 1:2], X, 300)
    assert found.chance == 0.02
    assert found.rate > 0.5
