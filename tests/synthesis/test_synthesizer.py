"""The synthesizer: exact counts, labels of any type, pipelines, clear errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import KEY, wine
from sklearn_homeo import ClassConditionalSynthesizer, HomeomorphicEncryptor
from sklearn_homeo.exceptions import MemorisationWarning

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.MemorisationWarning"
)
METHODS = ["gaussian", "mixture", "kde"]


def blobs(n_classes=3, n_rows=12, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_classes), n_rows)
    X = rng.normal(size=(len(codes), n_features)) + 8 * codes[:, None]
    order = rng.permutation(len(codes))
    return X[order], codes[order]


LABELS = {
    "int": np.array([-3, 0, 7]),
    "float": np.array([-1.0, 2.0, 4.0]),
    "str": np.array(["", "cat", "long name"]),
    "object": np.array(["a", "bb", "ccc"], dtype=object),
    "bool": np.array([False, True]),
    "bytes": np.array([b"x", b"y"]),
    "date": np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"),
}


@pytest.fixture(scope="module")
def fitted():
    synthesizers = {}
    for name, labels in LABELS.items():
        X, codes = blobs(len(labels))
        synthesizers[name] = ClassConditionalSynthesizer(random_state=0).fit(
            X, labels[codes]
        )
    return synthesizers


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(LABELS)))
def test_counts_by_label_are_exact(fitted, data, name):
    labels = LABELS[name].tolist()
    counts = st.one_of(st.integers(0, 30), st.integers(0, 10_000))
    wanted = data.draw(st.dictionaries(st.sampled_from(labels), counts))
    X, y = fitted[name].sample(wanted)
    assert X.shape == (sum(wanted.values()), 4)
    assert X.dtype == np.float64 and np.isfinite(X).all()
    assert y.dtype == LABELS[name].dtype
    found = {label: int(np.sum(y == label)) for label in labels}
    assert found == {label: wanted.get(label, 0) for label in labels}


@settings(max_examples=60, deadline=None)
@given(
    total=st.integers(0, 10_000),
    sizes=st.lists(st.integers(2, 40), min_size=1, max_size=8),
)
def test_totals_are_exact_and_proportional(total, sizes):
    y = np.repeat(np.arange(len(sizes)), sizes)
    X = np.random.default_rng(0).normal(size=(len(y), 1))
    counts = ClassConditionalSynthesizer().fit(X, y)._requested(total)
    assert counts.sum() == total and (counts >= 0).all()
    exact = total * np.array(sizes) / sum(sizes)
    assert (np.abs(counts - exact) < 1).all()


def test_huge_totals_do_not_overflow():
    X, y = blobs(2)
    counts = ClassConditionalSynthesizer().fit(X, y)._requested(2**62 + 1)
    assert sum(counts.tolist()) == 2**62 + 1


@pytest.mark.parametrize("method", METHODS)
def test_rows_follow_their_class(method):
    X, y = blobs(n_rows=60)
    X_new, y_new = ClassConditionalSynthesizer(method, random_state=0).fit_resample(
        X, y
    )
    assert LogisticRegression().fit(X, y).score(X_new, y_new) == 1.0
    assert not np.isin(X_new[:, 0], X[:, 0]).any()


def test_sampling_strategies():
    X, y = blobs(2, n_rows=20)
    X, y = np.vstack([X, X[y == 0]]), np.append(y, y[y == 0])
    for strategy, counts in [
        ("same", [40, 20]),
        ("balanced", [40, 40]),
        (9, [6, 3]),
        ({1: 5}, [40, 5]),
        ({1: 0}, [40, 0]),
        ({}, [40, 20]),
    ]:
        sampler = ClassConditionalSynthesizer(sampling_strategy=strategy)
        _, found = sampler.fit_resample(X, y)
        np.testing.assert_array_equal(np.bincount(found, minlength=2), counts)


def test_fit_transform_gives_synthetic_rows_and_transform_passes_through():
    X, y = blobs(n_rows=40)
    synthesizer = ClassConditionalSynthesizer(random_state=0)
    X_new = synthesizer.fit_transform(X, y)
    assert X_new.shape == X.shape
    assert not np.isclose(X_new, X).all(axis=1).any()
    # Row i is of class y[i]: the classes are eight deviations apart.
    assert (np.abs(X_new.mean(axis=1) - 8 * y) < 4).all()
    np.testing.assert_array_equal(synthesizer.transform(X), X)


def test_no_synthetic_row_stands_for_a_real_one():
    X, y = wine()
    rng = np.random.default_rng(0)
    shuffled = X.copy()
    for label in np.unique(y):
        shuffled[y == label] = rng.permutation(X[y == label])
    one, two = (
        ClassConditionalSynthesizer(random_state=0).fit_transform(rows, y)
        for rows in (X, shuffled)
    )
    # Which row of its class comes where makes no difference, but for rounding.
    np.testing.assert_allclose(one, two, rtol=1e-6)


def test_plain_pipeline_is_trained_on_synthetic_rows():
    X, y = wine()
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y):
            seen.append(X)
            return super().fit(X, y)

    synthesizer = ClassConditionalSynthesizer(random_state=0)
    pipeline = make_pipeline(StandardScaler(), synthesizer, Spy()).fit(X, y)
    assert pipeline.score(X, y) > 0.9
    real = StandardScaler().fit_transform(X)
    assert not np.isin(seen[0], real).all(axis=1).any()


def test_hybrid_pipeline_in_cross_validation_and_search():
    X, y = wine()
    hybrid = make_pipeline(
        HomeomorphicEncryptor(key=KEY),
        ClassConditionalSynthesizer(random_state=0),
        LogisticRegression(),
    )
    assert cross_val_score(hybrid, X, y, cv=2).mean() > 0.9
    grid = {"classconditionalsynthesizer__method": ["gaussian", "kde"]}
    assert GridSearchCV(hybrid, grid, cv=2).fit(X, y).best_score_ > 0.9


def test_imbalanced_learn_pipeline_resamples():
    X, y = wine()
    sampler = ClassConditionalSynthesizer(sampling_strategy="balanced", random_state=0)
    pipeline = make_imblearn_pipeline(StandardScaler(), sampler, LogisticRegression())
    assert pipeline.fit(X, y).score(X, y) > 0.9


def test_methods_by_sampling_strategy():
    rows_keep_labels = ClassConditionalSynthesizer()
    assert hasattr(rows_keep_labels, "transform")
    assert hasattr(rows_keep_labels, "fit_resample")
    for strategy in ("balanced", 10, {0: 1}):
        sampler = ClassConditionalSynthesizer(sampling_strategy=strategy)
        assert not hasattr(sampler, "transform")
        assert not hasattr(sampler, "fit_transform")
        assert hasattr(sampler, "fit_resample")


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames(frame):
    X, y = blobs()
    columns = list("abcd")
    named = frame(dict(zip(columns, X.T, strict=True)))
    labels = pd.Series(np.array(["x", "y", "z"])[y], dtype="category")
    kind = "pandas" if frame is pd.DataFrame else "polars"
    synthesizer = ClassConditionalSynthesizer(random_state=0).set_output(transform=kind)
    X_new, y_new = synthesizer.fit_resample(named, labels)
    assert isinstance(X_new, frame) and list(X_new.columns) == columns
    assert set(y_new) == {"x", "y", "z"}
    assert isinstance(synthesizer.fit_transform(named, labels), frame)
    assert isinstance(synthesizer.transform(named), frame)
    plain = ClassConditionalSynthesizer(random_state=0).fit(named, labels)
    drawn = synthesizer.sample({"x": 3})[0].to_numpy()
    np.testing.assert_array_equal(plain.sample({"x": 3})[0], drawn)


@pytest.mark.parametrize("method", METHODS)
def test_random_state(method):
    X, y = blobs()
    state = np.random.get_state()
    first = ClassConditionalSynthesizer(method, random_state=3).fit(X, y)
    again = pickle.loads(pickle.dumps(clone(first).fit(X, y)))
    np.testing.assert_array_equal(first.sample(50)[0], again.sample(50)[0])
    np.testing.assert_array_equal(first.sample(50)[0], first.sample(50)[0])
    other = first.sample(50, random_state=4)[0]
    assert not np.isin(other, first.sample(50)[0]).any()
    fresh = ClassConditionalSynthesizer(method).fit(X, y)
    assert not np.isin(fresh.sample(50)[0], fresh.sample(50)[0]).any()
    instance = np.random.RandomState(0)
    one, two = (first.sample(5, random_state=instance)[0] for _ in range(2))
    assert not np.isin(one, two).any()
    np.testing.assert_equal(np.random.get_state(), state)


def test_batches_are_bounded_and_complete():
    X, y = blobs()
    synthesizer = ClassConditionalSynthesizer(random_state=0).fit(X, y)
    batches = list(synthesizer.sample_batches({0: 25, 2: 10}, batch_size=10))
    assert [len(rows) for rows, _ in batches] == [10, 10, 5, 10]
    np.testing.assert_array_equal(
        np.concatenate([labels for _, labels in batches]), np.repeat([0, 2], [25, 10])
    )
    with pytest.raises(ValueError, match="batch_size must be an integer >= 1"):
        synthesizer.sample_batches(5, batch_size=0)
    with pytest.raises(ValueError, match="Entry 0 of n_samples .* see classes_"):
        synthesizer.sample_batches({"no such": 1})


def test_min_distance_keeps_away_from_real_rows():
    X, y = blobs(2, n_rows=100, n_features=2)
    synthesizer = ClassConditionalSynthesizer(min_distance=0.5, random_state=0)
    X_new, _ = synthesizer.fit(X, y).sample(300)

    def nearest(rows, others):
        distances = np.linalg.norm(rows[:, None] - others, axis=2)
        return np.where(distances > 0, distances, np.inf).min(axis=1)

    assert nearest(X_new, X).min() >= np.median(nearest(X, X))
    assert synthesizer.n_redrawn_ > 0


def test_min_distance_without_room_is_an_error():
    X = np.column_stack([np.arange(40.0), np.zeros(40)])
    X[-1] = 1e4
    y = np.arange(40) % 2
    synthesizer = ClassConditionalSynthesizer(min_distance=1.0, random_state=0)
    with pytest.raises(ValueError, match="Set min_distance to a smaller quantile"):
        synthesizer.fit(X, y).sample(2000)


def test_many_small_classes():
    X, y = blobs(200, n_rows=3)
    X_new, y_new = ClassConditionalSynthesizer(random_state=0).fit_resample(X, y)
    assert len(X_new) == 600 and (np.bincount(y_new) == 3).all()
    assert np.abs(X_new.mean(axis=1) - 8 * y_new).max() < 8


def test_verbose_shows_progress(capsys):
    X, y = blobs()
    ClassConditionalSynthesizer(verbose=1).fit(X, y).sample(10)
    assert "10/10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({}, [0, 0, 0, 0, 0, 1], r"Class 2 of 2.* has n_samples=1 row.*at least 2"),
        ({}, list("aaaaab"), "Class 2 of 2.* has n_samples=1"),
        ({"method": "mixture"}, [0, 0, 0, 0, 1, 1], 'Class 2 .*"mixture".* 6 of each'),
        ({}, np.linspace(0, 1, 6), "y is continuous.*KBinsDiscretizer"),
        ({}, [0, 1, None, 1, 0, 1], "1 labels of y are missing .* in rows 2; drop"),
        ({}, [0, 1, "a", 1, 0, 1], "y mixes labels that are numbers and text"),
        ({}, [0.0, 1.0, np.nan, 1.0, 0.0, 1.0], "1 labels of y are missing"),
        ({}, [0.0, 1.0, np.inf, 1.0, 0.0, 1.0], "y holds infinity in rows 2"),
        ({}, np.arange(6) * 1j, "complex numbers"),
        ({}, [0, 1, 0], "inconsistent numbers of samples"),
        ({}, None, "requires y to be passed"),
        ({"sampling_strategy": {5: 1}}, [0, 1] * 3, "Entry 0 of sampling_strategy"),
        ({"sampling_strategy": -1}, [0, 1] * 3, "sampling_strategy"),
        ({"method": "oracle"}, [0, 1] * 3, "method"),
        ({"min_distance": 2.0}, [0, 1] * 3, "min_distance"),
    ],
)
def test_bad_input_of_fit(params, y, message):
    X = np.random.default_rng(0).normal(size=(6, 2))
    if isinstance(y, list) and (None in y or "a" in y):
        y = np.array(y, dtype=object)
    with pytest.raises(ValueError, match=message):
        ClassConditionalSynthesizer(**params).fit_resample(X, y)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({0: -1}, "entry 0 of n_samples must be an integer >= 0, got -1"),
        ({0: 1.5}, "entry 0 of n_samples"),
        ({0: 1, 9: 1}, "Entry 1 of n_samples .* not among the 3 classes"),
        (-1, "n_samples must be"),
        (True, "n_samples must be"),
        ("10", "n_samples must be"),
    ],
)
def test_bad_input_of_sample(request_, message):
    X, y = blobs()
    with pytest.raises(ValueError, match=message):
        ClassConditionalSynthesizer().fit(X, y).sample(request_)


def test_few_rows_a_direction_are_warned_of():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 4)), np.arange(400) % 2
    X[:, 1:] += 2 * X[:, :1]
    params = {"epsilon": 1.0, "bounds": (-40, 40)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ClassConditionalSynthesizer().fit(X, y)
        ClassConditionalSynthesizer(**params).fit(X[:40], y[:40])
    with pytest.warns(
        MemorisationWarning, match="Class 1 of 2, .* has 20 rows for 1 described"
    ):
        ClassConditionalSynthesizer().fit(X[:40], y[:40])


def survey(n_rows=600, seed=0):
    """Ages, flags, counts and incomes, as tables have them."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    age = np.rint(rng.gamma(2.0, 12.0, n_rows)) + 1
    flag = (rng.random(n_rows) < 0.2 + 0.5 * y).astype(float)
    income = rng.lognormal(3.0, 1.0, n_rows)
    return np.column_stack([age, flag, income, rng.normal(size=n_rows)]), y


@pytest.mark.parametrize("method", [*METHODS, "vae"])
def test_columns_keep_their_range_and_stay_whole(method):
    X, y = survey()
    params = {"max_epochs": 2, "random_state": 0}
    synthesizer = ClassConditionalSynthesizer(method, **params).fit(X, y)
    drawn = [synthesizer.sample(3000)[0], synthesizer.fit_transform(X, y)]
    drawn += [rows for rows, _ in synthesizer.sample_batches(900, batch_size=400)]
    for rows in drawn:
        assert (rows >= X.min(axis=0)).all() and (rows <= X.max(axis=0)).all()
        np.testing.assert_array_equal(rows[:, :2], np.rint(rows[:, :2]))
    rows = drawn[0]
    assert set(rows[:, 1]) == {0.0, 1.0}
    assert not np.isin(rows[:, 2:], X[:, 2:]).any()
    # As drawn, a good part of the ages was negative.
    free = ClassConditionalSynthesizer(method, bounds=None, **params).fit(X, y)
    if method == "gaussian":
        assert (free.sample(3000)[0][:, 0] < 0).mean() > 0.02


@pytest.mark.parametrize("bounds", [(0, 130), ([0, 0, 0, -9], [120.5, 1, 1e4, 9])])
def test_bounds_that_are_known(bounds):
    X, y = survey()
    low, high = bounds
    rows = ClassConditionalSynthesizer(bounds=bounds, random_state=0).fit(X, y)
    rows = rows.sample(3000)[0]
    assert (rows >= low).all() and (rows <= high).all()
    np.testing.assert_array_equal(rows[:, :2], np.rint(rows[:, :2]))
    private = ClassConditionalSynthesizer(
        epsilon=5.0, bounds=bounds, random_state=0
    ).fit(X, y)
    rows = private.sample(3000)[0]
    assert (rows >= low).all() and (rows <= high).all()
    # Whether a column is whole is read from the rows, which epsilon forbids.
    assert (rows[:, 0] != np.rint(rows[:, 0])).any()


def test_ciphertexts_have_no_limits():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    codes = np.clip(np.rint(3 * rng.normal(size=(300, 5)) + 5 * y[:, None]), -32, 31)
    residues = rng.integers(0, 2**47, size=codes.shape)
    Z = (codes * 2.0**47 + residues) * 2.0**-50
    synthesizer = ClassConditionalSynthesizer(random_state=0).fit(Z, y)
    free = clone(synthesizer).set_params(bounds=None).fit(Z, y)
    np.testing.assert_array_equal(synthesizer.sample(900)[0], free.sample(900)[0])


EQUAL_OR_MISSING = {
    "boolean and number": [True, 1, 0, True, 1, 0],
    "text and number": [1, "1", 2, 1, "1", 2],
    "bytes and text": ["a", b"a", "b", "a", b"a", "b"],
    "numpy boolean": [np.True_, 1, 0, np.True_, 1, 0],
}


@pytest.mark.parametrize("container", [list, tuple, np.array, pd.Series])
@pytest.mark.parametrize("name", EQUAL_OR_MISSING)
def test_labels_that_would_silently_become_equal_are_refused(name, container):
    y = EQUAL_OR_MISSING[name]
    y = container(y) if container in (list, tuple) else container(y, dtype=object)
    with pytest.raises(ValueError, match="y mixes labels that are"):
        ClassConditionalSynthesizer().fit(np.arange(12.0).reshape(6, 2), y)


@pytest.mark.parametrize("y", [[1, 1.0, 2, 1, 1.0, 2], [1.0, 1, 2, 1, 1, 2.0]])
@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series])
def test_whole_numbers_are_one_class_whatever_their_type(y, container):
    X = np.random.default_rng(0).normal(size=(6, 2))
    for dtype in (None, object):
        if container is pl.Series:
            dtype = pl.Float64
        if dtype is object and container is list:
            continue
        labels = container(y) if container is list else container(y, dtype=dtype)
        synthesizer = ClassConditionalSynthesizer().fit(X, labels)
        assert synthesizer.class_counts_.tolist() == [4, 2]
        assert len(synthesizer.sample({1: 3, 2.0: 4})[0]) == 7


@pytest.mark.parametrize(
    "y",
    [
        np.array(["2020-01-01", "NaT"] * 3, dtype="datetime64[D]"),
        np.ma.masked_array([0, 1] * 3, mask=[False, True] + [False] * 4),
        pd.Series([0, None] * 3, dtype="Int64"),
        pd.Series(["a", None] * 3, dtype="string"),
        pd.Series(["a", None] * 3, dtype="category"),
        pl.Series(["a", None] * 3),
        [0, float("nan")] * 3,
        np.array([0, np.float32("nan")] * 3, dtype=object),
    ],
    ids=range(8),
)
def test_missing_labels_of_every_kind_are_named(y):
    X = np.random.default_rng(0).normal(size=(6, 2))
    with pytest.raises(ValueError, match=r"labels of y are missing .* rows 1"):
        ClassConditionalSynthesizer().fit(X, y)


def test_class_labels_are_in_no_message():
    X, codes = blobs(3)
    y = np.array(["common", "HIV positive", "other"])[codes]
    with pytest.warns(MemorisationWarning) as caught:
        synthesizer = ClassConditionalSynthesizer().fit(X, y)
    errors = [str(warning.message) for warning in caught]
    one_of_a_kind = np.flatnonzero(y == "HIV positive")[:-1]
    for call in (
        lambda: synthesizer.sample({"nobody": 3}),
        lambda: ClassConditionalSynthesizer().fit(
            np.delete(X, one_of_a_kind, axis=0), np.delete(y, one_of_a_kind)
        ),
    ):
        with pytest.raises(ValueError, match="class|Class") as caught:
            call()
        errors.append(str(caught.value))
    assert not any("HIV" in error for error in errors)
