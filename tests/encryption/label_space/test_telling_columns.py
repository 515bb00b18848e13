"""Of many columns, trees learn from those that boosting splits by most."""

import numpy as np

from sklearn_homeo.encryption.label_space import columns
from sklearn_homeo.encryption.label_space.columns import telling_columns
from sklearn_homeo.encryption.label_space.probes import TREES, probe_rows
from sklearn_homeo.encryption.label_space.sample import LeadingAxes, Sample
from sklearn_homeo.encryption.label_space.target import Target


def _sample(n, labels_of, is_numeric=False, n_rows=700):
    X = np.random.default_rng(0).normal(size=(n_rows, n))
    axes = LeadingAxes(np.eye(n), np.ones(n))
    return Sample(X, axes, Target.from_labels(labels_of(X), is_numeric))


def _curved(X):
    return np.abs(X[:, 70]) + X[:, 3] ** 2 + 2 * np.abs(X[:, 90] - 0.5)


def test_few_columns_are_all_told_in_their_order():
    sample = _sample(48, lambda X: X[:, 0] > 0)
    np.testing.assert_array_equal(telling_columns(sample), np.arange(48))


def test_the_columns_of_classes_and_numbers_come_first():
    for labels_of, is_numeric in (
        (lambda X: _curved(X) > 2.4, False),
        (_curved, True),
        (lambda X: np.column_stack([X[:, 3] > 0, np.digitize(X[:, 70], [-1, 1])]), 0),
    ):
        found = telling_columns(_sample(100, labels_of, bool(is_numeric)))
        assert len(found) == columns.TELLING_COLUMNS
        assert {3, 70} <= set(found[:3])


def test_an_output_of_one_class_tells_nothing():
    sample = _sample(60, lambda X: X[:, 55] > 0)
    target = Target(np.column_stack([np.zeros(700, int), sample.target.outputs]), False)
    assert telling_columns(Sample(sample.X, sample.axes, target))[0] == 55


def test_trees_see_more_in_the_telling_columns_than_in_all():
    sample = _sample(300, lambda X: _curved(X) > 2.4, n_rows=1000)
    train, test = np.arange(600), np.arange(600, 1000)
    telling = sample.X[:, telling_columns(sample.take(train))]
    for kind in TREES:
        whole, part = (
            probe_rows(kind, sample.target, S, train, test).mean(axis=0)
            for S in (sample.X, telling)
        )
        assert (part > whole).all()
