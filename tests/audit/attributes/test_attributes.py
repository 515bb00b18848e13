"""T5: attributes of records, learnt from labelled ciphertexts."""

import numpy as np
import pytest
from attacked import check_fields, encrypted, features, within_chance
from sklearn.datasets import load_iris

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.audit import attribute_inference_attack, hidden_attribute


@pytest.mark.parametrize("cipher", ["identity", "rotation", "smooth"])
def test_attributes_survive_geometry(cipher):
    X, y = features(400)
    attribute = hidden_attribute(X, y)
    result = attribute_inference_attack(
        encrypted(cipher, X), attribute, X, random_state=0
    )
    check_fields(result)
    assert result.rate > 0.9
    assert result.plain_rate > 0.95


def test_attributes_of_small_directions_are_found():
    X, y = features(400, 6)
    Z = (X @ np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]) * 1e-6
    Z = np.column_stack([Z, np.random.default_rng(1).normal(size=(400, 6))])
    assert (
        attribute_inference_attack(Z, hidden_attribute(X, y), random_state=0).rate > 0.9
    )


def test_curved_attributes_are_found():
    X, _ = features(600, 3)
    inside = np.abs(X[:, 0] - np.median(X[:, 0]))
    attribute = inside < np.median(inside)
    assert attribute_inference_attack(X, attribute, random_state=0).rate > 0.9


def test_noise_is_at_chance():
    X, y = features(400)
    result = attribute_inference_attack(
        encrypted("noise", X), hidden_attribute(X, y), X, random_state=0
    )
    assert within_chance(result)
    assert result.plain_rate > 0.95


def test_hidden_attributes_are_balanced_in_every_class():
    X, y = features(400)
    for component in (1, 2, 12):
        attribute = hidden_attribute(X, y, component=component)
        assert [attribute[y == label].mean() for label in (0, 1)] == [0.5, 0.5]
    assert abs(np.corrcoef(attribute, hidden_attribute(X, y, component=1))[0, 1]) < 0.3


def test_it_is_deterministic_and_leaves_the_global_state_alone():
    X, y = features(100)
    before = np.random.get_state()
    first, second = (
        attribute_inference_attack(X, hidden_attribute(X, y), random_state=1)
        for _ in range(2)
    )
    np.testing.assert_equal(np.random.get_state(), before)
    assert (first.rate, first.interval) == (second.rate, second.interval)


def test_values_of_any_kind_and_boundary_sizes():
    X, y = features(20)
    names = np.where(hidden_attribute(X, y) == 1, "yes", "no")
    assert attribute_inference_attack(X, names, random_state=0).n == 10
    with pytest.raises(ValueError, match="Z has 19 rows; the attack needs 20"):
        attribute_inference_attack(X[:19], names[:19])
    with pytest.raises(ValueError, match="attribute has 3 different values"):
        attribute_inference_attack(X, np.arange(20) % 3)
    with pytest.raises(ValueError, match="attribute has 5 values for 20 rows"):
        attribute_inference_attack(X, names[:5])
    with pytest.raises(ValueError, match="too few to be split"):
        attribute_inference_attack(X, np.arange(20) < 3)
    with pytest.raises(ValueError, match="component=13 is more than"):
        hidden_attribute(X, y, component=13)


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LeakageWarning")
def test_few_cells_of_a_small_table_tell_little_of_attributes():
    X, y = load_iris(return_X_y=True)
    keys = [SecretKey(bytes([i]) * 32) for i in range(4)]
    Z = [HomeomorphicEncryptor(key=key).fit(X, y).transform(X) for key in keys]
    # The component that goes with the label's probability: .60 when more rows lay
    # between classes. A single split of so few records is off by .06 on average.
    attribute = hidden_attribute(X, y, component=3)
    rates = [
        attribute_inference_attack(rows, attribute, random_state=seed).rate
        for rows in Z
        for seed in range(5)
    ]
    assert np.mean(rates) <= 0.55
