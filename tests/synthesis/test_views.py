"""The hybrid: views are learnt, residues drawn afresh."""

import numpy as np
import pytest

from sklearn_homeo import ClassConditionalSynthesizer
from sklearn_homeo.ciphers.packing import is_packed, views_of
from sklearn_homeo.synthesis._views import with_fresh_residues
from sklearn_homeo.synthesis.densities.categorical import fit_categories


def ciphertexts(codes, seed=0):
    return with_fresh_residues(codes / 8, np.random.default_rng(seed))


@pytest.fixture
def cells():
    """Four cells of 50 rows; the first two are mostly of class 0."""
    rng = np.random.default_rng(1)
    names = rng.integers(-32, 32, size=(4, 7))
    cell = np.repeat(np.arange(4), 50)
    y = (cell >= 2) ^ (rng.random(200) < 0.1)
    return names, ciphertexts(names[cell]), y.astype(int)


@pytest.mark.parametrize("code", [-32, -1, 0, 31])
def test_residues_stay_within_a_step_of_the_view(code):
    Z = ciphertexts(np.full((1000, 3), code))
    assert (np.floor(Z * 8) == code).all()
    assert (views_of(Z) == code / 8).all()
    assert is_packed(Z)
    within = Z * 8 - code
    assert abs(within.mean() - 0.5) < 0.03
    assert abs(within.var() - 1 / 12) < 0.005


def test_views_beyond_the_range_are_clipped():
    Z = with_fresh_residues(np.array([[-100.0, 100.0]]), np.random.default_rng(0))
    assert np.floor(Z * 8).tolist() == [[-32, 31]]


def test_synthetic_rows_have_the_cells_of_their_class(cells):
    names, Z, y = cells
    rows, labels = ClassConditionalSynthesizer(random_state=0).fit(Z, y).sample(20_000)
    assert is_packed(rows)
    codes = np.floor(rows * 8)
    drawn = (codes[:, None] == names).all(axis=2)
    assert (drawn.sum(axis=1) == 1).all()
    real = (np.floor(Z * 8)[:, None] == names).all(axis=2)
    for label in (0, 1):
        np.testing.assert_allclose(
            drawn[labels == label].mean(axis=0),
            real[y == label].mean(axis=0),
            atol=0.02,
        )


def test_no_residue_is_drawn_twice_or_taken_from_a_row(cells):
    _, Z, y = cells
    rows, _ = ClassConditionalSynthesizer(random_state=0).fit(Z, y).sample(2_000)
    residues = (np.concatenate([rows, Z]) * 8) % 1
    assert len(np.unique(residues)) == residues.size


def test_a_synthesizer_does_not_depend_on_residues(cells):
    names, Z, y = cells
    others = ciphertexts(np.floor(Z * 8), seed=5)
    first, second = (
        ClassConditionalSynthesizer(random_state=0).fit(rows, y).sample(50)[0]
        for rows in (Z, others)
    )
    assert (first == second).all()


def test_many_views_are_described_by_the_method():
    rng = np.random.default_rng(2)
    y = np.arange(600) % 2
    scores = rng.normal(size=(600, 1)) + 2 * y[:, None]
    Z = ciphertexts(np.rint(8 * (scores - 1) + rng.normal(size=(600, 9))))
    rows, labels = ClassConditionalSynthesizer(random_state=0).fit(Z, y).sample(4000)
    assert is_packed(rows)
    for label in (0, 1):
        real, drawn = views_of(Z[y == label]), views_of(rows[labels == label])
        np.testing.assert_allclose(drawn.mean(axis=0), real.mean(axis=0), atol=0.2)
        np.testing.assert_allclose(drawn.std(axis=0), real.std(axis=0), rtol=0.15)


def test_min_distance_is_refused_for_ciphertexts(cells):
    _, Z, y = cells
    with pytest.raises(ValueError, match="min_distance=0.1 has no meaning"):
        ClassConditionalSynthesizer(min_distance=0.1).fit(Z, y)


def test_plain_rows_are_no_ciphertexts():
    rng = np.random.default_rng(0)
    for X in (
        rng.normal(size=(100, 5)),
        rng.integers(-3, 4, size=(100, 5)).astype(float),
        rng.normal(size=(100, 5)).astype(np.float32).astype(float).clip(-3, 3),
    ):
        assert not is_packed(X)


def test_categories_need_rows_that_are_shared():
    X = np.arange(40.0).reshape(20, 2)
    assert fit_categories(X, np.zeros(20, int)) is None
    shared = fit_categories(np.repeat(X[:2], 10, axis=0), np.zeros(20, int))
    assert shared.shares.tolist() == [[0.5, 0.5]]
