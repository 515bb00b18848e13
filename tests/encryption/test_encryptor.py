"""scikit-learn's habits, and every way to hold the encryptor wrong."""

import resource
import traceback

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import KEY, correlated, wine
from sklearn_homeo import (
    ClassConditionalSynthesizer,
    HomeomorphicEncryptor,
    InvalidCiphertextError,
    ResolutionWarning,
    SecretKey,
)


def test_grid_search_over_depth_in_a_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(n_preserved=2, key=KEY)
    pipeline = make_pipeline(StandardScaler(), encryptor, LogisticRegression())
    grid = {"homeomorphicencryptor__depth": [1, 10]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=2).fit(X, y)
    assert search.best_score_ > 0.95
    assert search.cv_results_["mean_test_score"].min() > 0.94


@pytest.mark.parametrize("depths", [[1, 10], [10, 1]])
def test_depths_tie_at_cells_and_the_first_is_taken(depths):
    X, y = load_wine(return_X_y=True)
    cells = HomeomorphicEncryptor(leakage="cells", n_cells=6, key=KEY)
    pipeline = make_pipeline(cells, LogisticRegression())
    grid = {"homeomorphicencryptor__depth": depths}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 1
    assert search.best_params_ == {"homeomorphicencryptor__depth": depths[0]}
    # One lock is complete, so whatever is taken is refused to others alike.
    found = search.best_estimator_[0]
    other = clone(found).set_params(key=SecretKey.from_bytes(bytes(32))).fit(X, y)
    with pytest.raises(InvalidCiphertextError) as caught:
        other.inverse_transform(found.transform(X))
    assert len(caught.value.rows) == len(X)


def test_fitted_pipeline_survives_joblib_and_clone(tmp_path):
    X, y = wine()
    pipeline = make_pipeline(
        StandardScaler(), HomeomorphicEncryptor(), LogisticRegression()
    ).fit(X, y)
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    loaded = joblib.load(tmp_path / "pipeline.joblib")
    np.testing.assert_array_equal(loaded.predict(X), pipeline.predict(X))
    Z = pipeline[:2].transform(X)
    np.testing.assert_allclose(loaded[:2].inverse_transform(Z), X, rtol=1e-6)
    fresh = clone(pipeline).fit(X, y)
    assert fresh[1].key_ != pipeline[1].key_


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_data_frames_in_and_out(kind):
    X, y = load_wine(return_X_y=True, as_frame=True)
    if kind == "polars":
        X, y = pl.from_pandas(X), pl.from_pandas(y)
    else:
        X.index = y.index = [f"row {i}" for i in range(len(X))]
    encryptor = HomeomorphicEncryptor(key=KEY).set_output(transform=kind).fit(X, y)
    Z = encryptor.transform(X)
    assert type(Z) is type(X)
    names = [f"homeomorphicencryptor{i}" for i in range(13)]
    assert list(Z.columns) == names == list(encryptor.get_feature_names_out())
    assert list(encryptor.feature_names_in_) == list(X.columns)
    back = encryptor.inverse_transform(Z)
    assert type(back) is type(X)
    assert list(back.columns) == list(X.columns)
    np.testing.assert_allclose(back, X, rtol=1e-6)
    if kind == "pandas":
        assert list(Z.index) == list(back.index) == list(X.index)
    shuffled = Z[names[::-1]]
    with pytest.raises(ValueError, match="those of ciphertexts, but in another order"):
        encryptor.inverse_transform(shuffled)
    encryptor.set_output(transform="default")
    assert isinstance(encryptor.inverse_transform(Z), np.ndarray)


@pytest.mark.parametrize("kind", ["object", "string", "category", "polars"])
@pytest.mark.parametrize("estimator", [
    HomeomorphicEncryptor(key=KEY), ClassConditionalSynthesizer()
])  # fmt: skip
def test_columns_of_text_are_named_and_no_value_is_shown(kind, estimator):
    X, y = load_wine(return_X_y=True, as_frame=True)
    text = X.assign(colour="dark red")
    if kind == "polars":
        text = pl.from_pandas(text)
    else:
        text = text.astype({"colour": kind})
    with pytest.raises(ValueError, match="hold text.*'colour'") as caught:
        clone(estimator).fit(text, y)
    assert "dark red" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ValueError, match="hold text.*: 2[.]"):
        clone(estimator).fit(np.where(np.arange(13) == 2, "dark red", X), y)


BAD_FITS = {
    "nan": (
        lambda X, y: (np.where(X == X[3, 2], np.nan, X), y),
        "contains NaN in row 3",
    ),
    "inf": (lambda X, y: (np.where(X == X[3, 2], np.inf, X), y), "infinity"),
    "strings": (lambda X, y: (np.full(X.shape, "a"), y), "these columns hold text"),
    "empty": (lambda X, y: (X[:0], y[:0]), "0 sample"),
    "one row": (lambda X, y: (X[:1], y[:1]), "1 sample|minimum of 2"),
    "one dimension": (lambda X, y: (X[:, 0], y), "Expected 2D array"),
    "no y": (lambda X, y: (X, None), "requires y to be passed"),
    "short y": (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
    "one class": (lambda X, y: (X, np.zeros(len(X), int)), "1 class"),
    "nan in y": (lambda X, y: (X, np.where(y == 0, np.nan, y)), "Input y contains NaN"),
    "none in y": (
        lambda X, y: (X, np.where(y == 0, None, "a")),
        "y contains missing values",
    ),
    "pandas NA in y": (
        lambda X, y: (X, pd.Series(["a", None] * 89, dtype="string")),
        "y contains missing values",
    ),
    "mixed y": (
        lambda X, y: (X, np.array(["a", 1] * 89, dtype=object)),
        "y mixes labels",
    ),
    "dates in y": (
        lambda X, y: (X, np.full(len(X), "2026-01-01", dtype="datetime64[D]")),
        "y must hold classes or numbers",
    ),
    "cube y": (lambda X, y: (X, np.zeros((len(X), 2, 2))), "one or two dimensions"),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_fits_say_what_is_wrong(case):
    change, message = BAD_FITS[case]
    with pytest.raises(ValueError, match=message):
        HomeomorphicEncryptor(key=KEY).fit(*change(*wine()))


@pytest.mark.parametrize(
    "params, message",
    [
        ({"depth": 0}, "'depth' parameter"),
        ({"depth": 10**400}, "'depth' parameter"),
        ({"leakage": "none"}, "'leakage' parameter"),
        ({"n_preserved": 0}, "'n_preserved' parameter"),
        ({"n_preserved": 14}, "n_preserved=14 is more than the 13 features"),
        ({"linkage_noise": -1.0}, "'linkage_noise' parameter"),
        ({"randomized": 2}, "'randomized' parameter"),
        ({"randomized": True, "leakage": "space"}, "randomized=True has no place"),
        ({"key": b"0" * 32}, "'key' parameter"),
        ({"on_invalid": "skip"}, "'on_invalid' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"device": "no such device"}, "device='no such device'"),
    ],
)
def test_bad_parameters_say_what_is_wrong(params, message):
    with pytest.raises(ValueError, match=message):
        HomeomorphicEncryptor(**{"key": KEY, **params}).fit(*wine())


def test_bad_rows_say_which():
    X, y = load_wine(return_X_y=True, as_frame=True)
    encryptor = HomeomorphicEncryptor(key=KEY, batch_size=10).fit(X, y)
    far = X.copy()
    far.iloc[57, 3] = 1e9
    message = r"Row 57 of X lies more than 8192 .* in column 3 \('alcalinity_of_ash'\)"
    for method in (encryptor.transform, encryptor.preserve):
        with pytest.raises(ValueError, match=message):
            method(far)
    with pytest.raises(ValueError, match="X has 12 features, but .* expecting 13"):
        encryptor.transform(X.to_numpy()[:, :12])
    with pytest.raises(ValueError, match="Z has 12 features, but .* gives"):
        encryptor.inverse_transform(X.to_numpy()[:, :12])


@pytest.mark.parametrize("value, kind", [(np.nan, "NaN"), (np.inf, "infinity")])
def test_missing_values_are_named_and_what_to_do_is_said(value, kind):
    X, y = load_wine(return_X_y=True, as_frame=True)
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    X.iloc[5, 2] = value
    with pytest.raises(
        ValueError, match=rf"contains {kind} in row 5, column 2 \('ash'"
    ):
        encryptor.fit(X, y)
    with pytest.raises(ValueError, match=r"Row 5 of X holds NaN or .* 2 \('ash'\)"):
        encryptor.transform(X)


def test_huge_values_are_refused_by_name():
    X, y = wine()
    X[5, 2] = 1e308
    with pytest.raises(ValueError, match="a value beyond 1e[+]300.* row 5, column 2"):
        HomeomorphicEncryptor(key=KEY).fit(X, y)
    X[5, 2] = 1e299
    with pytest.warns(ResolutionWarning, match="2: 5.6e"):
        encryptor = HomeomorphicEncryptor(n_preserved=2, key=KEY).fit(X, y)
    back = encryptor.inverse_transform(encryptor.transform(X))
    np.testing.assert_allclose(np.delete(back, 2, 1), np.delete(X, 2, 1), rtol=1e-6)


def test_rows_beyond_float64_are_refused_not_garbled():
    """Rows that rounding errors would push off the lattice are never encrypted."""
    X, y = wine()
    encryptor = HomeomorphicEncryptor(64, leakage="space", key=KEY).fit(X, y)
    rng = np.random.default_rng(0)
    refused = 0
    for size in (10, 100, 1000, 8000, 20_000):
        row = X.mean(axis=0) + X.std(axis=0) * size * rng.choice([-1, 1], (1, 13))
        try:
            Z = encryptor.transform(row)
        except ValueError as error:
            assert "Row 0 of X" in str(error)
            refused += 1
        else:
            back = encryptor.inverse_transform(Z)
            assert (np.abs(back - row) / X.std(axis=0)).max() < 1e-6
    assert refused in (1, 2)


def test_memory_of_a_long_transform_is_bounded():
    """Scratch space follows the batch, not the number of rows."""
    X, y = correlated(300, 200)
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=1, batch_size=100).fit(X, y)
    rows = np.tile(X, (100, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    encryptor.transform(rows)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 2.5 * rows.nbytes
