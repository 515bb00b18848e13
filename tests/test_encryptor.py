"""What a data owner relies on, and every way to hold it wrong."""

import pickle
import resource
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError, SecretKey
from sklearn_homeo.exceptions import BrokenCipherWarning, NoProtectionWarning

KEY = SecretKey.from_bytes(bytes(range(32)))
OTHER = SecretKey.from_bytes(bytes(range(1, 33)))
CIPHERS = [
    {"cipher": "coupling"},
    {"cipher": "coupling", "n_preserved": 2},
    {"cipher": "coupling", "linkage_noise": 0.0},
    {"cipher": "smooth"},
]
ignore_no_protection = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.NoProtectionWarning"
)


def wine():
    return load_wine(return_X_y=True)


def error_in_deviations(found, X):
    scale = X.std(axis=0)
    return np.abs(found - X).max(axis=0) / np.where(scale > 0, scale, 1.0)


def correlated(n_samples, n_features, seed=0, scales=(-6, 6)):
    """Rows with mixed scales, and a label in one direction of many."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_features, n_features)) / n_features**0.5
    X = rng.normal(size=(n_samples, n_features)) @ (mixing + 0.3 * np.eye(n_features))
    y = (X[:, 0] > np.median(X[:, 0])).astype(int)
    return X * 10.0 ** rng.uniform(*scales, size=n_features), y


def with_outliers(X, seed=0):
    rng = np.random.default_rng(seed)
    far = X[:20].copy()
    far[:10] = X.mean(axis=0) + 50 * X.std(axis=0) * rng.choice([-1, 1], (10, 1))
    far[10:, 0] = X[:, 0].mean() + 50 * X[:, 0].std()
    return np.vstack([X, far])


# --- Round trips ---


@pytest.mark.parametrize("n_features", [2, 64, 512, 1280])
def test_round_trip_is_the_same_at_all_depths(n_features):
    X, y = correlated(300, n_features)
    rows, errors = with_outliers(X), []
    for depth in (1, 3, 16, 64):
        encryptor = HomeomorphicEncryptor(depth, n_preserved=1, key=KEY).fit(X, y)
        back = encryptor.inverse_transform(encryptor.transform(rows))
        errors.append((np.abs(back - rows) / X.std(axis=0)).max())
    assert max(errors) <= 1e-7
    assert max(errors) <= 3 * min(errors)


@given(
    n_features=st.integers(1, 300),
    depth=st.integers(1, 64),
    exponent=st.floats(-6, 6),
    n_samples=st.integers(4, 40),
    options=st.sampled_from(CIPHERS),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=40, deadline=None)
@ignore_no_protection
def test_round_trip_of_anything_in_range(
    n_features, depth, exponent, n_samples, options, seed
):
    X, y = correlated(n_samples, n_features, seed, (exponent, exponent))
    options = dict(options)
    if options.get("n_preserved", 0) not in (0, "auto"):
        options["n_preserved"] = min(2, n_features)
    encryptor = HomeomorphicEncryptor(depth, key=KEY, **options).fit(X, y)
    rng = np.random.default_rng(seed)
    rows = X.mean(axis=0) + X.std(axis=0) * rng.normal(size=X.shape) * 8
    back = encryptor.inverse_transform(encryptor.transform(rows))
    assert (np.abs(back - rows) / X.std(axis=0)).max() <= 1e-7


@pytest.fixture(scope="module")
def six_features():
    X, y = wine()
    X = StandardScaler().fit_transform(X)[:, :6]
    return HomeomorphicEncryptor(key=KEY, n_preserved=1).fit(X, y)


@given(values=st.lists(st.floats(-1e5, 1e5), min_size=6, max_size=6))
@settings(max_examples=50, deadline=None)
def test_finite_floats_come_back_or_are_refused(six_features, values):
    encryptor = six_features
    row = np.array([values])
    try:
        Z = encryptor.transform(row)
    except ValueError as error:
        assert "Row 0 of X" in str(error)
    else:
        np.testing.assert_allclose(encryptor.inverse_transform(Z), row, atol=1e-7)


@pytest.mark.parametrize("options", CIPHERS)
@pytest.mark.parametrize(
    "case",
    ["constant", "collinear", "all constant but one", "wide", "integer", "float32"],
)
def test_round_trip_of_awkward_columns(case, options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8))
    y = np.arange(60) % 3
    X[:, 0] += y
    if case == "constant":
        X[:, 3], X[:, 4] = 7.0, 0.0
    elif case == "collinear":
        X[:, 5:] = X[:, :1] * [1.0, -2.0, 1e5]
    elif case == "all constant but one":
        X[:, 1:] = 1e6
    elif case == "wide":
        X, y = np.hstack([X, rng.normal(size=(60, 200))])[:20], y[:20]
    elif case == "integer":
        X = np.round(X * 100).astype(np.int32)
    elif case == "float32":
        X = X.astype(np.float32)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    assert Z.dtype == np.float64
    assert error_in_deviations(encryptor.inverse_transform(Z), X).max() <= 1e-6


@ignore_no_protection
@pytest.mark.parametrize("n_features", [1, 2, 3])
@pytest.mark.parametrize("options", CIPHERS[:1] + CIPHERS[2:])
def test_very_few_features(n_features, options):
    X, y = correlated(50, n_features)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    assert error_in_deviations(encryptor.inverse_transform(Z), X).max() <= 1e-7
    assert Z.shape == X.shape


def test_25000_features_fit_into_memory():
    """In a process of its own, so that the peak is this job's."""
    script = """
        import resource, numpy as np
        from sklearn_homeo import HomeomorphicEncryptor, SecretKey
        rng = np.random.default_rng(0)
        y = np.arange(60) % 2
        X = rng.normal(size=(60, 25_000)) + y[:, None] * (rng.random(25_000) < 0.01)
        key = SecretKey.from_bytes(bytes(32))
        encryptor = HomeomorphicEncryptor(2, n_preserved=1, key=key).fit(X, y)
        Z = encryptor.transform(X)
        back = encryptor.inverse_transform(Z)
        assert np.abs(back - X).max() < 1e-6, np.abs(back - X).max()
        one = encryptor.transform(X[7:8])
        assert np.abs(one - Z[7]).max() < 1e-9
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 6, "GiB at the peak"


# --- Keys ---


def residual(Z, S):
    """What of the ciphertexts the preserved coordinates do not explain."""
    S = SplineTransformer(40, knots="quantile").fit_transform(S)
    Z = Z - S @ np.linalg.lstsq(S, Z, rcond=None)[0]
    return (Z - Z.mean(axis=0)) / Z.std(axis=0)


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_keys_share_nothing_but_the_preserved_coordinates(depth):
    X, y = correlated(2000, 30)
    parts = []
    for key in (KEY, OTHER):
        encryptor = HomeomorphicEncryptor(
            depth, n_preserved=1, linkage_noise=0.0, key=key
        ).fit(X, y)
        parts.append(residual(encryptor.transform(X), encryptor.preserve(X)))
    between = parts[0].T @ parts[1] / len(X)
    # The largest of 900 correlations of independent columns is about 0.075.
    assert np.abs(between).max() < 0.11


def test_smooth_keys_differ():
    X, y = correlated(500, 30)
    Z = [
        HomeomorphicEncryptor(cipher="smooth", key=key).fit(X).transform(X)
        for key in (KEY, OTHER)
    ]
    diagonal = (Z[0] * Z[1]).mean(axis=0) / (Z[0].std(axis=0) * Z[1].std(axis=0))
    assert np.abs(diagonal).mean() < 0.5


def test_one_flipped_key_bit_changes_every_value():
    X, y = wine()
    flipped = bytearray(KEY.to_bytes())
    flipped[31] ^= 1
    Z = [
        HomeomorphicEncryptor(key=key).fit(X, y).transform(X)
        for key in (KEY, SecretKey.from_bytes(bytes(flipped)))
    ]
    assert np.mean(np.isclose(Z[0], Z[1], atol=1e-6)) < 0.001


def test_same_key_same_ciphertexts_and_fresh_keys_differ():
    X, y = wine()
    a, b = (HomeomorphicEncryptor(key=KEY).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    first, second = (HomeomorphicEncryptor().fit(X, y) for _ in range(2))
    assert first.key_ != second.key_
    assert first.key is None
    assert first.key_fingerprint_ == first.key_.fingerprint


def test_random_state_of_numpy_is_left_alone_and_does_not_matter():
    X, y = wine()
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    a = HomeomorphicEncryptor(key=KEY).fit(X, y).transform(X)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    b = HomeomorphicEncryptor(key=KEY).fit(X, y).transform(X)
    np.testing.assert_array_equal(a, b)


# --- Rows are independent ---


@pytest.mark.parametrize("options", CIPHERS)
def test_rows_do_not_depend_on_their_batch_or_order(options):
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(10, key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(encryptor.transform(X[order]), Z[order], atol=1e-11)
    np.testing.assert_allclose(encryptor.transform(X[5:6])[0], Z[5], atol=1e-11)
    encryptor.set_params(batch_size=7)
    np.testing.assert_allclose(encryptor.transform(X), Z, atol=1e-11)
    np.testing.assert_allclose(encryptor.transform(np.asfortranarray(X)), Z, atol=1e-11)


def test_lattice_points_do_not_depend_on_threads_batches_or_device():
    from threadpoolctl import threadpool_limits

    X, y = correlated(200, 300)
    cipher = HomeomorphicEncryptor(key=KEY, n_preserved=3).fit(X, y)._cipher

    def points(rows):
        lattice = cipher.frame.forward(rows)
        for lock in cipher.locks:
            lattice = lock.forward(lattice)
        return lattice

    whole = points(X)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(points(X), whole)
    np.testing.assert_array_equal(
        np.vstack([points(X[i : i + 3]) for i in range(0, 200, 3)]), whole
    )


def test_torch_gives_the_same_ciphertexts():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    Z = encryptor.transform(X)
    encryptor.set_params(device="cpu")
    np.testing.assert_allclose(encryptor.transform(X), Z, atol=1e-11)
    np.testing.assert_allclose(encryptor.inverse_transform(Z), X, rtol=1e-6)
    encryptor.set_params(device="no such device")
    with pytest.raises(ValueError, match="device='no such device' cannot be used"):
        encryptor.transform(X)


# --- What is no ciphertext ---


def not_ciphertexts(X, Z):
    rng = np.random.default_rng(0)
    changed = Z.copy()
    changed[3, 2] += 1e-5
    return {
        "plain rows": X,
        "one changed value": changed,
        "float32": Z.astype(np.float32).astype(np.float64),
        "few digits": np.round(Z, 6),
        "synthetic": rng.normal(Z.mean(axis=0), Z.std(axis=0), Z.shape),
        "averages": (Z + np.roll(Z, 1, axis=0)) / 2,
    }


@pytest.mark.parametrize("options", CIPHERS)
@pytest.mark.parametrize(
    "what",
    [
        "plain rows",
        "one changed value",
        "float32",
        "few digits",
        "synthetic",
        "averages",
    ],
)
def test_changed_and_synthetic_rows_are_refused(what, options):
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = not_ciphertexts(X, encryptor.transform(X))[what]
    with pytest.raises(InvalidCiphertextError, match="not ciphertexts") as caught:
        encryptor.inverse_transform(Z)
    expected = [3] if what == "one changed value" else range(len(X))
    np.testing.assert_array_equal(caught.value.rows, expected)


@pytest.mark.parametrize("options", CIPHERS)
def test_another_key_is_refused(options):
    X, y = load_breast_cancer(return_X_y=True)
    Z = HomeomorphicEncryptor(key=OTHER, **options).fit(X, y).transform(X)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    with pytest.raises(InvalidCiphertextError) as caught:
        encryptor.inverse_transform(Z)
    assert len(caught.value.rows) == len(X)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)).rows, np.ndarray)


def test_on_invalid_warns_or_goes_on():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, on_invalid="warn").fit(X, y)
    Z = encryptor.transform(X)
    Z[4] *= 1.5
    with pytest.warns(UserWarning, match="1 of 178 rows are not .* rows 4"):
        back = encryptor.inverse_transform(Z)
    valid = np.arange(len(X)) != 4
    np.testing.assert_allclose(back[valid], X[valid], rtol=1e-6)
    encryptor.set_params(on_invalid="ignore")
    assert np.isfinite(encryptor.inverse_transform(Z)).all()


def test_published_cipher_warns_and_refuses_what_it_cannot_decrypt():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(3, cipher="tanh", key=KEY)
    with pytest.warns(BrokenCipherWarning, match="is broken"):
        encryptor.fit(X, y)
    Z = encryptor.transform(X)
    np.testing.assert_allclose(encryptor.inverse_transform(Z), X, rtol=1e-4)
    with pytest.raises(InvalidCiphertextError):
        encryptor.inverse_transform(Z + 2)
    encryptor.set_params(tanh_scale=30.0)
    with pytest.warns(BrokenCipherWarning):
        encryptor.fit(X, y)
    with pytest.raises(ValueError, match="Row 0 of X could not be decrypted.*tanh"):
        encryptor.transform(X)


# --- Targets ---


@pytest.mark.parametrize("n_preserved", ["auto", 3])
def test_kinds_of_targets(n_preserved):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    number = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=200)
    label = np.where(number > 0, "yes", "no")
    targets = {
        "strings": label,
        "objects": label.astype(object),
        "booleans": number > 0,
        "numbers": number,
        "many integers": np.round(number * 1000).astype(int),
        "many whole floats": np.round(number * 1000),
        "two numbers": np.column_stack([number, X[:, 2]]),
        "two classes columns": np.column_stack([number > 0, X[:, 2] > 0]).astype(int),
        "pandas": pd.Series(label, name="label"),
        "categories": pd.Series(label, dtype="category"),
        "polars": pl.Series("label", label),
        "list": label.tolist(),
    }
    for name, y in targets.items():
        encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=n_preserved).fit(X, y)
        S = encryptor.preserve(X)
        assert S.shape == (200, encryptor.n_preserved_), name
        assert encryptor.n_preserved_ < 10, name
        assert Ridge().fit(S, number).score(S, number) > 0.5, name


def test_target_type_decides_between_classes_and_numbers():
    X, y = wine()
    as_numbers = HomeomorphicEncryptor(
        key=KEY, n_preserved=1, target_type="continuous"
    ).fit(X, y)
    S = as_numbers.preserve(X)
    assert abs(np.corrcoef(S[:, 0], y)[0, 1]) > 0.8
    with pytest.raises(ValueError, match='target_type="continuous" needs numbers'):
        as_numbers.fit(X, y.astype(str))


def test_auto_finds_few_directions_for_easy_labels_and_all_that_curves_need():
    from sklearn.datasets import make_circles

    rng = np.random.default_rng(0)
    rings, y = make_circles(400, noise=0.1, factor=0.4, random_state=0)
    X = np.hstack([rings, 0.1 * rng.normal(size=(400, 4))])
    X = X @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    assert encryptor.n_preserved_ == 2
    S = encryptor.preserve(X)
    assert cross_val_score(KNeighborsClassifier(), S, y).mean() > 0.95
    X, y = load_breast_cancer(return_X_y=True)
    assert HomeomorphicEncryptor(key=KEY).fit(X, y).n_preserved_ <= 3


def test_regression_keeps_its_accuracy():
    X, y = load_diabetes(return_X_y=True)
    plain = cross_val_score(make_pipeline(StandardScaler(), Ridge()), X, y).mean()
    encrypted = cross_val_score(
        make_pipeline(
            StandardScaler(), HomeomorphicEncryptor(key=KEY), StandardScaler(), Ridge()
        ),
        X,
        y,
    ).mean()
    assert encrypted > plain - 0.03


def test_without_labels_the_principal_directions_stay():
    X, _ = wine()
    units = StandardScaler().fit_transform(X)
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=3).fit(X)
    S = encryptor.preserve(X)
    leading = np.linalg.svd(units, full_matrices=False)[0][:, :3]
    captured = np.linalg.norm(leading.T @ (S / np.linalg.norm(S, axis=0)), axis=0)
    assert captured.min() > 0.99
    assert encryptor.preserved_variance_ratio_ > 0.6


def test_everything_preserved_is_the_smooth_map():
    X, y = wine()
    reference = HomeomorphicEncryptor(cipher="smooth", key=KEY).fit(X, y).transform(X)
    whole = HomeomorphicEncryptor(n_preserved=None, key=KEY).fit(X).transform(X)
    np.testing.assert_array_equal(whole, reference)
    with pytest.warns(NoProtectionWarning, match="preserves all 13 features"):
        counted = HomeomorphicEncryptor(n_preserved=13, key=KEY).fit(X, y)
    np.testing.assert_array_equal(counted.transform(X), reference)
    assert counted.n_preserved_ == 13
    assert counted.preserved_variance_ratio_ == 1.0


# --- scikit-learn's habits ---


def test_grid_search_over_depth_in_a_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(
        StandardScaler(), HomeomorphicEncryptor(key=KEY), LogisticRegression()
    )
    grid = {"homeomorphicencryptor__depth": [1, 3, 10]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=3).fit(X, y)
    assert search.best_score_ > 0.95
    assert search.cv_results_["mean_test_score"].min() > 0.94


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
    encryptor = HomeomorphicEncryptor(key=KEY).set_output(transform=kind).fit(X, y)
    Z = encryptor.transform(X)
    assert type(Z) is type(X)
    names = [f"homeomorphicencryptor{i}" for i in range(13)]
    assert list(Z.columns) == names == list(encryptor.get_feature_names_out())
    assert list(encryptor.feature_names_in_) == list(X.columns)
    np.testing.assert_allclose(encryptor.inverse_transform(Z), X, rtol=1e-6)


# --- Bad input ---

BAD_FITS = {
    "nan": (lambda X, y: (np.where(X == X[3, 2], np.nan, X), y), "contains NaN"),
    "inf": (lambda X, y: (np.where(X == X[3, 2], np.inf, X), y), "infinity"),
    "strings": (lambda X, y: (np.full(X.shape, "a"), y), "could not convert string"),
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
        ({"cipher": "aes"}, "'cipher' parameter"),
        ({"n_preserved": 0}, "'n_preserved' parameter"),
        ({"n_preserved": 14}, "n_preserved=14 is more than the 13 directions"),
        ({"frequency": 0}, "'frequency' parameter"),
        ({"frequency": 1e-12}, "exact integers of float64"),
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
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, batch_size=10).fit(X, y)
    far = X.copy()
    far[57, 3] = 1e9
    with pytest.raises(ValueError, match="Row 57 of X lies more than 16384 .*column 3"):
        encryptor.transform(far)
    with pytest.raises(ValueError, match="X has 12 features, but .* expecting 13"):
        encryptor.transform(X[:, :12])
    with pytest.raises(ValueError, match="Z has 12 features, but .* gives"):
        encryptor.inverse_transform(X[:, :12])
    with pytest.raises(ValueError, match="Input Z contains NaN"):
        encryptor.inverse_transform(np.full((1, 13), np.nan))


@ignore_no_protection
def test_rows_beyond_float64_are_refused_not_garbled():
    """Rows that rounding errors would push off the lattice are never encrypted."""
    X, y = wine()
    encryptor = HomeomorphicEncryptor(64, key=KEY, amplitude=1e5).fit(X, y)
    rng = np.random.default_rng(0)
    for size in (10, 100, 1000, 10_000):
        row = X.mean(axis=0) + X.std(axis=0) * size * rng.choice([-1, 1], (1, 13))
        try:
            Z = encryptor.transform(row)
        except ValueError as error:
            assert "Row 0 of X" in str(error)
        else:
            back = encryptor.inverse_transform(Z)
            assert (np.abs(back - row) / X.std(axis=0)).max() < 1e-6


def test_memory_of_a_long_transform_is_bounded():
    """Scratch space follows the batch, not the number of rows."""
    X, y = correlated(300, 200)
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=1, batch_size=100).fit(X, y)
    rows = np.tile(X, (100, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    encryptor.transform(rows)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 2.5 * rows.nbytes
