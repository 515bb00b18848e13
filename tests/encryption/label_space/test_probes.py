"""Scores of single rows add up to scikit-learn's metrics."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score

from sklearn_homeo.encryption.label_space.probes import (
    PROBES,
    _auc_of_rows,
    _balanced_accuracy_of_rows,
    _r2_of_rows,
    metrics_of,
    probe_rows,
)
from sklearn_homeo.encryption.label_space.target import Target


@pytest.mark.parametrize("n_classes", [2, 5])
def test_parts_of_rows_average_to_the_metrics(n_classes):
    rng = np.random.default_rng(0)
    true = rng.integers(0, n_classes, 300)
    # Ties too.
    evidence = np.round(rng.normal(size=(300, n_classes)), 1)
    evidence[np.arange(300), true] += 1.0
    predicted = evidence.argmax(axis=1)
    assert _balanced_accuracy_of_rows(true, evidence).mean() == pytest.approx(
        balanced_accuracy_score(true, predicted)
    )
    areas = [roc_auc_score(true == c, evidence[:, c]) for c in range(n_classes)]
    assert _auc_of_rows(true, evidence).mean() == pytest.approx(np.mean(areas))
    numbers = rng.normal(size=300)
    guesses = numbers + 0.3 * rng.normal(size=300)
    assert _r2_of_rows(numbers, guesses).mean() == pytest.approx(
        r2_score(numbers, guesses)
    )


def test_parts_of_rows_tell_the_standard_error_of_the_area():
    rng = np.random.default_rng(0)
    areas, errors = [], []
    for _ in range(300):
        true = np.repeat([0, 1], [150, 50])
        evidence = np.zeros((200, 2))
        evidence[:, 1] = rng.normal(size=200) + true
        evidence[:, 0] = -evidence[:, 1]
        parts = _auc_of_rows(true, evidence)
        areas.append(parts.mean())
        errors.append(parts.std() / np.sqrt(200))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.1)


@pytest.mark.parametrize("probe", PROBES)
def test_all_probes_learn_classes_and_numbers(probe):
    rng = np.random.default_rng(0)
    S = rng.normal(size=(300, 2))
    train, test = np.arange(200), np.arange(200, 300)
    numbers = Target.from_labels(S[:, 0] + 0.1 * rng.normal(size=300), True)
    assert probe_rows(probe, numbers, S, train, test).mean() > 0.8
    several = np.column_stack([S[:, 0] > 0, np.digitize(S[:, 1], [-0.5, 0.5])])
    classes = Target.from_labels(several, False)
    scores = probe_rows(probe, classes, S, train, test)
    assert scores.shape == (100, 4)
    assert len(metrics_of(classes)) == 4
    assert (scores.mean(axis=0) > 0.7).all()


@pytest.mark.parametrize("probe", PROBES)
def test_a_rare_class_counts_as_much_as_any(probe):
    rng = np.random.default_rng(0)
    y = (np.arange(1000) % 25 == 0).astype(int)
    S = rng.normal(size=(1000, 1)) + 2.5 * y[:, None]
    order = rng.permutation(1000)
    scores = probe_rows(
        probe, Target.from_labels(y, False), S, order[:600], order[600:]
    )
    # One that names the frequent class only gets 0.5.
    assert scores.mean(axis=0)[0] > 0.7


def test_a_class_without_known_rows_is_never_named():
    S = np.arange(20.0)[:, None]
    target = Target.from_labels(np.repeat([0, 1, 2], [8, 8, 4]), False)
    scores = probe_rows("forest", target, S, np.arange(16), np.arange(16, 20))
    assert scores.mean(axis=0)[0] == 0.0
    only = probe_rows("linear", target, S, np.arange(8), np.arange(8, 20))
    assert np.isfinite(only).all()
