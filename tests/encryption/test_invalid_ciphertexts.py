"""What is no ciphertext of this key is refused."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from problems import (
    CIPHERS,
    KEY,
    OTHER,
    wine,
)
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError
from sklearn_homeo.exceptions import BrokenCipherWarning


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


@pytest.mark.parametrize("options", CIPHERS)
@pytest.mark.parametrize("size", [1e2, 1e6, 1e8, 1e10, 1e100, 1e150])
def test_large_numbers_are_refused_although_all_are_integers(size, options):
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = np.random.default_rng(0).normal(size=X.shape) * size
    with pytest.raises(InvalidCiphertextError) as caught:
        encryptor.inverse_transform(Z)
    assert len(caught.value.rows) == len(X)
