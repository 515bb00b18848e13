import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sklearn_homeo.encryption.label_space.bench import JOINT, Bench
from sklearn_homeo.encryption.label_space.classifiers import (
    LATTICE_STEP,
    SCORE_STEP,
    UNSEEN,
)
from sklearn_homeo.encryption.label_space.linear_scores import (
    CERTAINTY,
    MOST_COLUMNS,
    find_penalties,
    fit_joint_scores,
    joint_does_better,
)


def on_lattice(X):
    return np.rint(StandardScaler().fit_transform(X) * 2**27).astype(np.int64)


def centred(logits):
    return logits - logits.mean(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def normal():
    """Few rows of normal classes with a covariance in common."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    X = rng.normal(size=(3, 6))[labels] * 1.5 + rng.normal(size=(90, 6))
    return on_lattice(X), labels[:, None]


def test_joint_scores_are_the_mean_of_two_models(normal):
    u, outputs = normal
    X, labels = u * LATTICE_STEP, outputs[:, 0]
    logistic = LogisticRegression(C=0.1, max_iter=1000, tol=1e-8).fit(X, labels)
    discriminant = LinearDiscriminantAnalysis().fit(X, labels)
    expected = logistic.decision_function(X) + discriminant.decision_function(X)
    scores = fit_joint_scores(u, outputs, (3,), [0.1]).scores(u) * SCORE_STEP
    expected *= CERTAINTY / 2
    assert centred(scores) == pytest.approx(centred(expected), abs=0.02)


def test_joint_scores_of_two_classes_and_of_several_outputs(normal):
    u, outputs = normal
    two = (outputs > 0).astype(int)
    both = fit_joint_scores(u, np.hstack([outputs, two]), (3, 2), [0.1, 1.0])
    alone = fit_joint_scores(u, two, (2,), [1.0])
    assert (both.scores(u)[:, 3:] == alone.scores(u)).all()
    X = u * LATTICE_STEP
    discriminant = LinearDiscriminantAnalysis().fit(X, two[:, 0])
    logistic = LogisticRegression(max_iter=1000, tol=1e-8).fit(X, two[:, 0])
    expected = logistic.decision_function(X) + discriminant.decision_function(X)
    found = np.diff(alone.scores(u) * SCORE_STEP)[:, 0]
    assert found == pytest.approx(expected * CERTAINTY / 2, abs=0.02)


def test_classes_without_rows_are_out_of_the_question(normal):
    u, outputs = normal
    some = outputs[:, 0] != 1
    scores = fit_joint_scores(u[some], outputs[some], (3,), [0.1])
    assert scores.offsets[1] == UNSEEN / SCORE_STEP
    one = fit_joint_scores(u[:30], outputs[:30], (3,), [0.1]).scores(u[:30])
    assert (one.argmax(axis=1) == 0).all()


@pytest.mark.parametrize(
    ("load", "is_better"),
    [(load_wine, True), (load_iris, True), (load_breast_cancer, False)],
)
def test_discriminants_join_where_they_lower_the_log_loss(load, is_better):
    X, y = load(return_X_y=True)
    u, outputs, sizes = on_lattice(X), y[:, None], (len(np.unique(y)),)
    penalties = find_penalties(u, outputs, sizes)
    assert joint_does_better(u, outputs, sizes, penalties) == is_better
    families = set(Bench(u, outputs, sizes, 10, is_part=False).families)
    assert (JOINT in families) == is_better
    # On few rows the luckiest of several linear families would be taken.
    assert ({"linear", "linear, shrunk"} <= families) == (not is_better)


def test_discriminants_are_not_tried_on_too_few_rows_or_too_many_columns(normal):
    u, outputs = normal
    assert joint_does_better(u, outputs, (3,), [0.1])
    assert not joint_does_better(np.tile(u, 6), outputs, (3,), [0.1])
    rare = outputs.copy()
    rare[2:30] = 1
    assert not joint_does_better(u, rare, (3,), [0.1])
    many = np.tile(u, (20, MOST_COLUMNS // 6 + 1))
    assert not joint_does_better(many, np.tile(outputs, (20, 1)), (3,), [0.1])


def test_columns_that_are_constant_or_alike_do_no_harm(normal):
    u, outputs = normal
    more = np.hstack([u, u[:, :2], np.zeros((90, 1), dtype=np.int64)])
    plain = fit_joint_scores(u, outputs, (3,), [0.1]).scores(u)
    scores = fit_joint_scores(more, outputs, (3,), [0.1]).scores(more)
    assert np.isfinite(scores).all()
    # Logistic regression alone shrinks two equal columns less than one.
    assert (scores.argmax(axis=1) == plain.argmax(axis=1)).mean() > 0.97
