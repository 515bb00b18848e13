"""T0: neighbours, distances, clusters and duplicates that ciphertexts show."""

import numpy as np
import pytest
from attacked import check_fields, encrypted, features, within_chance

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import duplicate_detection, structure_attack


@pytest.mark.parametrize("cipher", ["identity", "rotation"])
def test_isometries_show_every_neighbour(cipher):
    X, y = features()
    result = structure_attack(encrypted(cipher, X), X, y, random_state=0)
    check_fields(result)
    assert result.rate > 0.999
    assert result.distance_correlation > 0.999
    assert result.chance == pytest.approx(10 / 299)


def test_noise_shows_nothing():
    X, y = features()
    result = structure_attack(encrypted("noise", X), X, y, random_state=0)
    assert within_chance(result)
    assert abs(result.distance_correlation) < 0.1
    assert abs(result.cluster_agreement) < 0.1


def test_scaled_down_neighbours_are_found_by_whitening():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    Z = X * np.logspace(0, -8, 4) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    result = structure_attack(Z, X, random_state=0)
    assert result.choice == "whitened"
    assert result.rate > 0.8


def test_clusters_of_separate_classes():
    X, y = features()
    X = X + 20 * y[:, None]
    assert structure_attack(X, X, y, random_state=0).cluster_agreement > 0.99
    assert np.isnan(structure_attack(X, X, random_state=0).cluster_agreement)


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LeakageWarning")
@pytest.mark.parametrize("leakage", ["scores", "space"])
def test_deterministic_ciphers_show_duplicates(leakage):
    X, y = features()
    X, y = np.vstack([X, X[:30]]), np.append(y, y[:30])
    Z = HomeomorphicEncryptor(leakage=leakage, n_preserved=2).fit(X, y).transform(X)
    result = duplicate_detection(Z, X)
    assert (result.rate, result.chance, result.n) == (1.0, 0.0, 60)


def test_duplicates_are_not_seen_where_there_are_none():
    X, _ = features()
    noise = np.random.default_rng(0).normal(size=(330, 3))
    assert np.isnan(duplicate_detection(X, X).rate)
    assert duplicate_detection(noise, np.vstack([X, X[:30]])).rate == 0.0


def test_boundary_sizes_and_bad_input():
    X, y = features(12)
    assert structure_attack(X, X, y, random_state=0).n == 12
    assert structure_attack(X[:4], X[:4], n_neighbors=2).rate == 1.0
    with pytest.raises(ValueError, match="Z has 11 rows; the attack needs 12"):
        structure_attack(X[:11], X[:11])
    with pytest.raises(ValueError, match="Z has 12 rows, X has 11"):
        structure_attack(X, X[:11], n_neighbors=2)
    with pytest.raises(ValueError, match="y has 3 labels for 12 rows"):
        structure_attack(X, X, y[:3])
    with pytest.raises(ValueError, match="no column that varies"):
        structure_attack(X, np.ones_like(X))
    with pytest.raises(ValueError, match="n_neighbors"):
        structure_attack(X, X, n_neighbors=0)


def test_constant_ciphertexts_are_no_error():
    X, y = features(60)
    assert np.isfinite(structure_attack(np.ones((60, 2)), X, random_state=0).rate)
