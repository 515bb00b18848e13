import warnings

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, views_of
from sklearn_homeo.encryption.label_space.low_bits import warn_of_low_bits
from sklearn_homeo.encryption.label_space.sample import LeadingAxes, Sample
from sklearn_homeo.encryption.label_space.target import Target
from sklearn_homeo.exceptions import LossOfAccuracyWarning


def categories(n_rows, n=30):
    """Flags of categories and three numbers; half of the categories turn the label."""
    rng = np.random.default_rng(0)
    category, numbers = rng.integers(0, n, n_rows), rng.normal(size=(n_rows, 3))
    turn = np.where(category % 2, 1.0, -1.0)
    y = (turn * numbers[:, 0] + 0.3 * numbers[:, 1] > 0).astype(int)
    return np.hstack([np.eye(n)[category], numbers]), y


def caught(X, y, by_column, is_numeric=False):
    target = Target.from_labels(y, is_numeric)
    sample = Sample(X, LeadingAxes.from_rows(X), target)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warn_of_low_bits(sample, X, by_column)
    return [str(one.message) for one in found]


@pytest.mark.parametrize("is_numeric", [False, True])
def test_trees_that_divide_flags_by_their_low_bits_are_reported(is_numeric):
    X, y = categories(2000)
    y = y + 0.1 * X[:, -1] if is_numeric else y
    found = caught(X, y, np.ones(33, dtype=bool), is_numeric)
    assert len(found) == 1
    assert found[0].startswith("30 of 33 leaked columns hold few values.")
    assert "views_of" in found[0]
    assert ("R2" in found[0]) == is_numeric


def test_nothing_is_said_where_trees_lose_nothing_or_rows_are_few():
    X, y = categories(2000)
    assert not caught(X[:99], y[:99], np.ones(33, dtype=bool))
    # Directions are rotated: their coordinates have many values.
    assert not caught(X, y, np.arange(33) >= 30)
    numbers = np.random.default_rng(1).normal(size=(2000, 33))
    assert not caught(numbers, y, np.ones(33, dtype=bool))
    # Of very many columns, some are tried.
    assert not caught(np.tile(numbers, 10), y, np.ones(330, dtype=bool))
    # One flag that says it all.
    assert not caught(np.eye(2)[y], y, np.ones(2, dtype=bool))


def test_the_encryptor_warns_and_views_are_the_remedy():
    X, y = categories(3000)
    encryptor = HomeomorphicEncryptor(
        leakage="scores", n_preserved=33, linkage_noise=0.0, key=SecretKey(bytes(32))
    )
    with pytest.warns(LossOfAccuracyWarning, match="Let trees learn from views_of"):
        encryptor.fit(X[:2000], y[:2000])
    Z = encryptor.transform(X)

    def score(rows):
        model = HistGradientBoostingClassifier(random_state=0)
        return model.fit(rows[:2000], y[:2000]).score(rows[2000:], y[2000:])

    assert score(views_of(Z)) > score(X) - 0.02
    assert score(Z) < score(views_of(Z)) - 0.05
