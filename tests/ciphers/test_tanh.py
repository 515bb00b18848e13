import numpy as np
import pytest

from sklearn_homeo import SecretKey
from sklearn_homeo.ciphers.base import RowOutOfRange
from sklearn_homeo.ciphers.tanh import TanhCipher

KEY = SecretKey.from_bytes(bytes(range(32)))


def test_it_is_the_published_layers():
    mean, scale = np.arange(30.0), np.linspace(1, 2, 30)
    cipher = TanhCipher.from_key(KEY, mean, scale, 2, 0.01, b"digest")
    X = mean + scale * np.random.default_rng(0).normal(size=(5, 30))
    Z, back = np.empty_like(X), np.empty_like(X)
    cipher.encrypt(X, Z)
    first, second = (layer.real() for layer in cipher._layers)
    expected = np.tanh(np.tanh((X - mean) / scale @ first) @ second)
    np.testing.assert_allclose(Z, expected, rtol=1e-11)
    assert first.std() == pytest.approx(0.01, rel=0.1)
    assert cipher.decrypt(Z, back).all()
    np.testing.assert_allclose(back, X, atol=1e-4)
    assert not cipher.decrypt(np.full((2, 30), 1.5), back[:2]).any()


def test_saturated_rows_are_refused():
    cipher = TanhCipher.from_key(KEY, np.zeros(5), np.ones(5), 1, 30.0, b"digest")
    with pytest.raises(RowOutOfRange, match="row 0 could not be decrypted"):
        cipher.encrypt(np.ones((2, 5)), np.empty((2, 5)))
    with pytest.raises(RowOutOfRange, match="row 1 holds NaN or infinity in column 3"):
        rows = np.zeros((2, 5))
        rows[1, 3] = np.nan
        cipher.encrypt(rows, np.empty((2, 5)))
