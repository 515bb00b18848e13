"""The view of label coordinates: codes, noise, and what trees and neighbours see."""

import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, spearmanr

from problems import KEY, OTHER
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo._utils.arrays import to_device
from sklearn_homeo.encryption._cipher_keys import ViewKeys
from sklearn_homeo.encryption.label_space.homeomorphism import Homeomorphism
from sklearn_homeo.encryption.label_space.scores import ScoresView, fit_scores


def view_of(
    n=20, k=3, by_column=None, noise=0.1, key=KEY, width=None, seed=0, softness=None
):
    rng = np.random.default_rng(seed)
    units = rng.normal(size=(500, n))
    directions = rng.normal(size=(n, k)) / n**0.5
    by_column = np.zeros(k, bool) if by_column is None else np.asarray(by_column)
    directions[:, by_column] = np.eye(n)[:, : by_column.sum()]
    width = max(n, 5) if width is None else width
    state = fit_scores(units, directions, by_column, noise, width, softness=softness)
    return ScoresView.from_state(state, n, ViewKeys.from_key(key, "binding")), units


def lattice(units):
    return np.rint(units * 2**27).astype(np.int64)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 300),
    share=st.floats(0, 1),
    columns=st.floats(0, 1),
    noise=st.sampled_from([0.0, 0.1, 3.0]),
    seed=st.integers(0, 1000),
)
def test_codes_have_six_bits_whatever_the_row(n, share, columns, noise, seed):
    k = max(1, round(share * n))
    view, units = view_of(n, k, np.arange(k) < round(columns * k), noise, seed=seed)
    rng = np.random.default_rng(seed)
    far = rng.integers(-(2**40), 2**40, (20, n))
    for u in (lattice(units), far):
        codes = view.codes(u)
        assert codes.dtype == np.int8 and codes.shape == (len(u), max(n, 5))
        assert codes.min() >= -32 and codes.max() <= 31
    used = np.ptp(view.codes(lattice(units)), axis=0)
    assert used.min() > 20


def test_bits_do_not_depend_on_the_batch_and_survive_a_pickle():
    view, units = view_of(64, 9)
    u = lattice(units)
    codes = view.codes(u)
    again = pickle.loads(pickle.dumps(view))
    np.testing.assert_array_equal(again.codes(u), codes)
    parts = [view.codes(u[i : i + 7]) for i in range(0, len(u), 7)]
    np.testing.assert_array_equal(np.vstack(parts), codes)


def test_golden_codes():
    """What a key and a state give is the same on every machine, for ever."""
    view, units = view_of(24, 4, [True, False, False, True])
    codes = view.codes(lattice(units)).astype("<i8")
    assert hashlib.sha256(codes.tobytes()).hexdigest()[:16] == "b9b9330758d68045"


def test_golden_codes_of_a_line():
    view, units = view_of(24, 1, softness=0.3)
    codes = view.codes(lattice(units)).astype("<i8")
    assert hashlib.sha256(codes.tobytes()).hexdigest()[:16] == "a37040f7aa3ae46b"


def test_columns_of_a_line_are_steepest_at_places_of_their_own():
    homeomorphism = Homeomorphism.from_stream(
        KEY.stream("h"), np.zeros(1, bool), np.zeros(1), np.full(1, 1e5), 40, 0.3
    )
    s = np.linspace(-1e5, 1e5, 21).round()[:, None]
    rises = np.abs(np.diff(homeomorphism.codes(s).astype(int), axis=0))
    assert len(np.unique(rises.argmax(axis=0))) > 10
    # A quarter as steep at a distance of .3, up or down all the way.
    assert (rises.max(axis=0) > 2 * np.median(rises, axis=0)).all()
    signs = np.sign(np.diff(homeomorphism.codes(s).astype(int), axis=0))
    assert (np.ptp(signs, axis=0) <= 1).all()


def test_every_column_is_a_monotone_function_of_one_unit_combination():
    rng = np.random.default_rng(0)
    homeomorphism = Homeomorphism.from_stream(
        KEY.stream("h"), np.zeros(3, bool), np.zeros(3), np.full(3, 3e4), 40
    )
    S = np.rint(rng.normal(size=(4000, 3)) * 1e4)
    codes = homeomorphism.codes(S)
    weights = homeomorphism.weights / np.linalg.norm(homeomorphism.weights, axis=0)
    for column, direction in zip(codes.T, weights.T, strict=True):
        assert spearmanr(column, S @ direction).statistic > 0.995


def test_chosen_columns_stay_apart():
    by_column = np.array([True, True, False, False])
    homeomorphism = Homeomorphism.from_stream(
        KEY.stream("h"), by_column, np.zeros(4), np.full(4, 1e5), 40
    )
    single = (homeomorphism.weights[:2] != 0).any(axis=0)
    assert (np.count_nonzero(homeomorphism.weights[:, single], axis=0) == 1).all()
    assert 15 <= single.sum() <= 25
    assert (homeomorphism.weights[:2, single] != 0).any(axis=1).all()


def test_a_step_is_in_another_place_in_each_column():
    """Forty columns of one coordinate resolve much more than 64 levels."""
    homeomorphism = Homeomorphism.from_stream(
        KEY.stream("h"), np.zeros(1, bool), np.zeros(1), np.full(1, 1e5), 40
    )
    s = np.linspace(-1e5, 1e5, 20_000).round()[:, None]
    assert len(np.unique(homeomorphism.codes(s), axis=0)) > 900


def test_noise_is_normal_of_the_right_spread_and_of_the_row_alone():
    view, units = view_of(30, 2, noise=0.3)
    u = lattice(np.vstack([units] * 8) + np.linspace(0, 1, 4000)[:, None])
    noise = view.noisy_coordinates(u) - view.coordinates(u)
    assert noise.std() == pytest.approx(0.3, rel=0.05)
    for column in noise.T:
        assert kstest(column / 0.3, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.06
    np.testing.assert_array_equal(
        view.noisy_coordinates(u[:50]), (view.noisy_coordinates(u)[:50])
    )
    near = u.copy()
    near[:, 17] += 2**15
    other = view.noisy_coordinates(near) - view.coordinates(near)
    assert abs(np.corrcoef(noise[:, 0], other[:, 0])[0, 1]) < 0.06


def test_keys_give_other_noise_and_other_columns():
    views = [view_of(30, 2, noise=0.3, key=key)[0] for key in (KEY, OTHER)]
    u = lattice(view_of(30)[1])
    noises = [view.noisy_coordinates(u) - view.coordinates(u) for view in views]
    assert abs(np.corrcoef(noises[0][:, 0], noises[1][:, 0])[0, 1]) < 0.15
    assert (views[0].codes(u) != views[1].codes(u)).mean() > 0.8
    np.testing.assert_array_equal(views[0].coordinates(u), views[1].coordinates(u))


def test_wide_rows_repeat_codes_not_more():
    view, units = view_of(30, 2, width=5000)
    codes = view.codes(lattice(units[:10]))
    assert codes.shape == (10, 5000)
    np.testing.assert_array_equal(codes[:, :900], codes[:, 2048 : 2048 + 900])


def test_geometry_is_kept():
    """Distances between rows in label space and between their codes go together."""
    view, units = view_of(64, 8, noise=0.0)
    u = lattice(units)
    S, codes = view.coordinates(u), view.codes(u)
    left, right = np.random.default_rng(0).permutation(len(u)).reshape(2, -1)
    plain = np.linalg.norm(S[left] - S[right], axis=1)
    coded = np.linalg.norm(codes[left] - codes[right], axis=1)
    assert np.corrcoef(plain, coded)[0, 1] > 0.97


@pytest.mark.parametrize("constant", [True, False])
def test_nothing_varies(constant):
    units = np.zeros((10, 6)) if constant else np.eye(10)[:, :6]
    state = fit_scores(units, np.zeros((6, 1)), np.zeros(1, bool), 0.0, 6)
    view = ScoresView.from_state(state, 6, ViewKeys.from_key(KEY, "binding"))
    assert np.ptp(view.codes(lattice(units)), axis=0).max() == 0


@pytest.mark.parametrize("by_column", [None, [True, False, True]])
def test_tensors_have_the_same_codes(by_column):
    torch = pytest.importorskip("torch")
    view, units = view_of(20, 3, by_column)
    u = lattice(units)
    moved = to_device(view, torch.device("cpu"))
    np.testing.assert_array_equal(moved.codes(torch.tensor(u)).numpy(), view.codes(u))
    np.testing.assert_array_equal(
        moved.coordinates(torch.tensor(u)).numpy(), view.coordinates(u)
    )


@pytest.mark.parametrize("n, is_numeric", [(1, True), (1, False), (2, True)])
def test_only_numbers_on_one_coordinate_are_a_line(n, is_numeric):
    X = np.random.default_rng(0).normal(size=(40, n))
    options = {"leakage": "scores", "n_preserved": n, "linkage_noise": 0.1}
    encryptor = HomeomorphicEncryptor(key=KEY, **options)
    encryptor.fit(X, X[:, 0] if is_numeric else X[:, 0] > 0)
    assert ("softness" in encryptor._state["view"]) == (is_numeric and n == 1)
