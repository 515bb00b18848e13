"""Another fit under the same key refuses, whatever the data; the same fit opens.

Nothing searches for labels here; ``benchmarks/portability.py`` does the same with them.
"""

import numpy as np
import pytest
from sklearn import datasets

from problems import KEY, axes_of_falling_variance, correlated, two_classes
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError

rng = np.random.default_rng(0)
N = 60
normal = rng.normal(size=(N, 6))


def some(data):
    X, y = data[:2]
    return X[:: max(len(X) // N, 1)][:N], y[:: max(len(X) // N, 1)][:N]


def bundled(name):
    return some(getattr(datasets, f"load_{name}")(return_X_y=True))


def made(name, *args, **options):
    return some(getattr(datasets, f"make_{name}")(*args, random_state=0, **options))


def no_y(X):
    return X, None


# 38 kinds of data.
KINDS = {
    **{
        name: bundled(name)
        for name in ("digits", "breast_cancer", "wine", "iris", "diabetes", "linnerud")
    },
    "classification": made("classification", N, 20),
    "two classes, many columns": made("classification", N, 200),
    "many classes": made("classification", N, 20, n_classes=5, n_informative=8),
    "rare class": made("classification", N, 20, weights=[0.9]),
    "regression": made("regression", N, 10),
    "several numbers": made("regression", N, 10, n_targets=3),
    "blobs": made("blobs", N),
    "moons": made("moons", N, noise=0.1),
    "circles": made("circles", N),
    "quantiles": made("gaussian_quantiles", n_samples=N),
    "hastie": made("hastie_10_2", N),
    "friedman1": made("friedman1", N),
    "friedman2": made("friedman2", N),
    "friedman3": made("friedman3", N),
    "counts": made("multilabel_classification", N, n_classes=1),
    "swiss roll": made("swiss_roll", N),
    "s curve": made("s_curve", N),
    "sparse uncorrelated": made("sparse_uncorrelated", N, 10),
    "low rank": no_y(datasets.make_low_rank_matrix(N, 30, random_state=0)),
    "positive definite": no_y(datasets.make_spd_matrix(N, random_state=0)),
    "correlated": correlated(N, 12),
    "falling variance": no_y(axes_of_falling_variance(N, 128)),
    "wide": two_classes(N, 300),
    "one column": (normal[:, :1], (normal[:, 0] > 0).astype(int)),
    "two columns": no_y(normal[:, :2]),
    "four columns": no_y(normal[:, :4]),
    "integers": no_y(rng.integers(0, 9, size=(N, 8)).astype(float)),
    "flags": no_y((normal > 0).astype(float)),
    "constant column": no_y(np.column_stack([normal, np.ones(N)])),
    "equal rows": no_y(np.repeat(normal[:6], N // 6, axis=0)),
    "heavy tails": no_y(rng.standard_cauchy(size=(N, 5))),
    "far from zero": no_y(1e9 + 1e-3 * normal),
}
SETTINGS = {
    "space": {"leakage": "space"},
    "scores": {"n_preserved": 1},
}


def changed(X):
    """Rows that a fit must tell from X."""
    one = X.copy()
    one[3, 0] += (X[:, 0].std() or 1.0) / 100
    yield "half", X[::2], slice(None, None, 2)
    yield "scaled", X * 1000, slice(None)
    yield "shifted", X + X.std(axis=0) / 1000 + (X.std(axis=0) == 0), slice(None)
    yield "one value", one, slice(None)


def test_there_are_38_kinds():
    assert len(KINDS) == 38


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_other_fit_is_refused(kind, settings):
    X, _ = KINDS[kind]
    encryptor = HomeomorphicEncryptor(key=KEY, **SETTINGS[settings])
    Z = encryptor.fit(X).transform(X)
    again = HomeomorphicEncryptor(key=KEY, **SETTINGS[settings]).fit(X)
    np.testing.assert_array_equal(again.transform(X), Z)
    for name, other, _ in changed(X):
        encryptor.fit(other)
        with pytest.raises(InvalidCiphertextError) as caught:
            encryptor.inverse_transform(Z)
        assert len(caught.value.rows) == len(X), name
