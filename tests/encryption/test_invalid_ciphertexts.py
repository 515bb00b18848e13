"""What is no ciphertext of this key is refused."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from problems import (
    CIPHERS,
    KEY,
    OTHER,
    correlated,
    wine,
)
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError


def not_ciphertexts(X, Z, options):
    rng = np.random.default_rng(0)
    changed = Z.copy()
    # Beyond rounding errors, where the cipher is smooth, else in the last bit.
    changed[3, 2] += 1e-5 if "leakage" in options else 2.0**-50
    return {
        "plain rows": np.hstack([X, X])[:, : Z.shape[1]],
        "one changed value": changed,
        "float32": Z.astype(np.float32).astype(np.float64),
        "few digits": np.round(Z, 6),
        "synthetic": rng.normal(Z.mean(axis=0), Z.std(axis=0), Z.shape),
        "averages": (Z + np.roll(Z, 1, axis=0)) / 2,
        "zeros": np.zeros_like(Z),
        "doubled": 2 * Z,
        "halved": Z / 2,
        "negated": -Z,
        "sums": Z + Z[::-1],
        "swapped columns": Z[:, ::-1],
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
        "zeros",
        "doubled",
        "halved",
        "negated",
        "sums",
        "swapped columns",
    ],
)
def test_changed_and_synthetic_rows_are_refused(what, options):
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = not_ciphertexts(X, encryptor.transform(X), options)[what]
    with pytest.raises(InvalidCiphertextError, match="not ciphertexts") as caught:
        encryptor.inverse_transform(Z)
    expected = [3] if what == "one changed value" else range(len(X))
    np.testing.assert_array_equal(caught.value.rows, expected)


OTHER_FITS = {
    "half": lambda X, y: (X[::2], y[::2]),
    "scaled": lambda X, y: (X * 1000, y),
    "one value": lambda X, y: (np.where(X == X[3, 2], X[3, 2] * 1.001, X), y),
    "order": lambda X, y: (X[::-1], y[::-1]),
}


@pytest.mark.parametrize("options", CIPHERS)
@pytest.mark.parametrize("change", OTHER_FITS)
def test_another_fit_with_the_same_key_is_refused(options, change):
    X, y = load_breast_cancer(return_X_y=True)
    Z = HomeomorphicEncryptor(key=KEY, **options).fit(X, y).transform(X)
    other = HomeomorphicEncryptor(key=KEY, **options).fit(*OTHER_FITS[change](X, y))
    with pytest.raises(InvalidCiphertextError) as caught:
        other.inverse_transform(Z)
    assert len(caught.value.rows) == len(X)


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 2},
        {"n_preserved": 2},
        {"linkage_noise": 0.2},
        {"leakage": "space"},
        {"target_type": "continuous"},
    ],
)
def test_other_settings_are_refused(settings):
    X, y = load_breast_cancer(return_X_y=True)
    scores = {"leakage": "scores"}
    Z = HomeomorphicEncryptor(key=KEY, **scores).fit(X, y).transform(X)
    other = HomeomorphicEncryptor(key=KEY, **{**scores, **settings}).fit(X, y)
    with pytest.raises(InvalidCiphertextError) as caught:
        other.inverse_transform(Z)
    assert len(caught.value.rows) == len(X)


@pytest.mark.parametrize("target_type", ["discrete", "continuous"])
@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 5, 20, 300])
def test_other_fits_of_generated_data_are_refused(n_features, target_type):
    X, y = correlated(60, n_features)
    for options in ({"n_preserved": 1}, {"leakage": "space"}):
        options = {"target_type": target_type, "key": KEY, **options}
        Z = HomeomorphicEncryptor(**options).fit(X[:40], y[:40]).transform(X)
        other = HomeomorphicEncryptor(**options).fit(X[20:], y[20:])
        with pytest.raises(InvalidCiphertextError) as caught:
            other.inverse_transform(Z)
        assert len(caught.value.rows) == len(X)


def test_a_context_binds_rows():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    Z = encryptor.transform(X, context=b"2026-11")
    back = encryptor.inverse_transform(Z, context=b"2026-11")
    np.testing.assert_allclose(back, X, rtol=1e-6)
    for other in (None, b"", b"2026-12"):
        with pytest.raises(InvalidCiphertextError, match="178 of 178"):
            encryptor.inverse_transform(Z, context=other)
    with pytest.raises(TypeError, match="context must be bytes or None, got str"):
        encryptor.transform(X, context="2026-11")
    out = np.empty_like(X)
    np.testing.assert_array_equal(encryptor.encrypt_into(X, out, b"2026-11"), Z)
    np.testing.assert_array_equal(encryptor.decrypt_into(Z, out, b"2026-11"), back)
    (batch,) = encryptor.encrypt_batches(X, b"2026-11")
    np.testing.assert_array_equal(batch, Z)


def test_randomized_rows_differ_and_come_back():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, randomized=True).fit(X, y)
    Z, again = encryptor.transform(X), encryptor.transform(X)
    assert Z.shape == (178, 15)
    residues = np.mod(Z * 2**50, 2**47), np.mod(again * 2**50, 2**47)
    assert (residues[0] != residues[1]).all()
    # The view is the same: noise is a function of the row.
    np.testing.assert_array_equal(np.floor(Z * 8), np.floor(again * 8))
    np.testing.assert_array_equal(
        encryptor.inverse_transform(Z), encryptor.inverse_transform(again)
    )


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
    Z[4, 0] += 2.0**-50
    with pytest.warns(UserWarning, match="1 of 178 rows are not .* rows 4"):
        back = encryptor.inverse_transform(Z)
    valid = np.arange(len(X)) != 4
    assert np.abs(back[4] - X[4]).max() > 1
    np.testing.assert_allclose(back[valid], X[valid], rtol=1e-6)
    encryptor.set_params(on_invalid="ignore")
    assert np.isfinite(encryptor.inverse_transform(Z)).all()
    encryptor.set_params(on_invalid="Raise")
    with pytest.raises(InvalidCiphertextError):
        encryptor.inverse_transform(Z)


@pytest.mark.parametrize("options", CIPHERS)
@pytest.mark.parametrize("size", [1e2, 1e6, 1e8, 1e10, 1e100, 1e150])
def test_large_numbers_are_refused_although_all_are_integers(size, options):
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    width = encryptor.transform(X[:1]).shape[1]
    Z = np.random.default_rng(0).normal(size=(len(X), width)) * size
    with pytest.raises(InvalidCiphertextError) as caught:
        encryptor.inverse_transform(Z)
    assert len(caught.value.rows) == len(X)
