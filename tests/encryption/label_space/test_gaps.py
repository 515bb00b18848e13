"""Gaps between classes along a label coordinate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo._utils.arrays import to_device
from sklearn_homeo.encryption._cipher_keys import ViewKeys
from sklearn_homeo.encryption.label_space.gaps import Gaps
from sklearn_homeo.encryption.label_space.scores import ScoresView, fit_scores

ALONE = np.zeros(1, dtype=bool)


def test_only_gaps_between_classes_are_narrowed():
    s = np.array([-9.0, -3.0, -2.0, 1.0, 2.0, 8.0, 8.1, 8.2])
    outputs = np.array([0, 0, 0, 1, 1, 1, 0, 0])[:, None]
    moved = Gaps.from_rows(s, outputs, 0.1).narrowed(s)
    steps = np.array([6.0, 1.0, 0.5, 1.0, 6.0, 0.1, 0.1])
    np.testing.assert_allclose(np.diff(moved), steps, atol=1e-12)
    assert moved[0] == s[0]


def test_no_more_is_taken_than_noise_allows():
    s, outputs = np.array([0.0, 4.0]), np.array([[0], [1]])
    for noise, kept in ((0.0, 0.5), (0.1, 0.5), (0.4, 2.0), (1.0, 4.0)):
        moved = Gaps.from_rows(s, outputs, noise).narrowed(s)
        assert np.diff(moved)[0] == pytest.approx(kept)


@given(
    s=st.lists(st.floats(-50, 50), min_size=2, max_size=20),
    n_classes=st.integers(1, 3),
    noise=st.floats(0, 2),
    seed=st.integers(0, 99),
)
def test_order_is_kept_and_the_state_says_all(s, n_classes, noise, seed):
    s = np.array(s)
    outputs = np.random.default_rng(seed).integers(0, n_classes, (len(s), 2))
    gaps = Gaps.from_rows(s, outputs, noise)
    everywhere = np.linspace(-60, 60, 500)
    moved = gaps.narrowed(everywhere)
    assert (np.diff(moved) > 0).all()
    assert np.diff(moved).max() <= 120 / 499 * (1 + 1e-9)
    np.testing.assert_array_equal(
        Gaps.from_state(gaps.state()).narrowed(everywhere), moved
    )
    assert n_classes > 1 or gaps == Gaps(())


def test_rows_in_the_gap_have_neighbours_of_both_classes():
    """Few rows of many columns, whose classes a direction parts without error."""
    X, y = make_classification(
        160, 200, n_informative=20, class_sep=1.5, n_clusters_per_class=1,
        random_state=1,
    )  # fmt: skip
    X, X_new, y, y_new = train_test_split(X, y, test_size=60, random_state=0)
    direction = LogisticRegression().fit(X, y).coef_.T
    direction /= (X[y == 1] @ direction).std()
    u, u_new = (np.rint(rows * 2**27).astype(np.int64) for rows in (X, X_new))

    def view_of(outputs):
        state = fit_scores(X, direction, ALONE, 0.1, 200, outputs=outputs)
        return ScoresView.from_state(state, 200, ViewKeys.from_key(KEY, "binding"))

    def share_of_both(view):
        """Of rows in the gap, the share whose neighbours are of both classes."""
        s, s_new = view.coordinates(u), view.coordinates(u_new)[:, 0]
        between = (s_new > s[y == 0].max()) & (s_new < s[y == 1].min())
        assert between.sum() >= 10
        model = KNeighborsClassifier(10).fit(view.codes(u), y)
        assert model.score(view.codes(u_new), y_new) > 0.8
        shares = model.predict_proba(view.codes(u_new)[between])
        return (shares > 0).all(axis=1).mean()

    narrowed = view_of(y[:, None])
    assert share_of_both(view_of(None)) < 0.3
    assert share_of_both(narrowed) > 0.7
    # Whoever undoes the homeomorphism sees narrow gaps too: nothing of them is hidden.
    noise = narrowed.noisy_coordinates(u) - narrowed.coordinates(u)
    assert np.std(noise) == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize(
    "kind, n_gaps", [("direction", 1), ("column", 0), ("numbers", 0), ("plane", 0)]
)
def test_gaps_are_narrowed_only_along_a_direction_that_carries_classes(kind, n_gaps):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.repeat([0, 1], 30)
    X += 4 * y[:, None]
    encryptor = HomeomorphicEncryptor(
        key=KEY,
        leakage="scores",
        n_preserved=2 if kind == "plane" else 1,
        linkage_noise=0.1,
    )
    X = X[:, :1] if kind == "column" else X
    encryptor.fit(X, X.sum(axis=1) if kind == "numbers" else y)
    assert len(encryptor._state["view"].get("gaps", ())) == n_gaps


def test_tensors_are_moved_alike():
    torch = pytest.importorskip("torch")
    gaps = Gaps.from_rows(np.array([0.0, 3.0, 7.0]), np.array([[0], [1], [0]]), 0.1)
    s = np.random.default_rng(0).normal(size=(100, 1)) * 5
    moved = to_device(gaps, torch.device("cpu")).narrowed(torch.tensor(s))
    np.testing.assert_array_equal(moved.numpy(), gaps.narrowed(s))
