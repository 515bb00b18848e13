"""Sealed encryptors: the same ciphertexts from the file, and a file of version 1."""

from pathlib import Path

import numpy as np
import pytest

from problems import KEY, OTHER
from sklearn_homeo import HomeomorphicEncryptor, SealedFileError, SecretKey

GOLDEN = Path(__file__).parent.parent / "data" / "encryptor_v1.sealed"
FAST = {"n_preserved": 1, "linkage_noise": 0.1}


def rows():
    """Return the rows that the golden file was fitted on; never to be changed."""
    i = np.arange(60)[:, np.newaxis]
    X = (i * np.array([7, 11, 13, 17, 19, 23]) % 97) / 8.0
    return X, (X[:, 0] > 6).astype(int)


@pytest.mark.parametrize("params", [
    FAST, FAST | {"randomized": True}, {"leakage": "space"}, FAST | {"depth": 1},
])  # fmt: skip
def test_the_file_encrypts_and_decrypts_the_same(params, tmp_path):
    X, y = rows()
    encryptor = HomeomorphicEncryptor(key=KEY, **params).fit(X, y)
    encryptor.save(tmp_path / "encryptor.sealed")
    loaded = HomeomorphicEncryptor.load(tmp_path / "encryptor.sealed", KEY)
    Z = encryptor.transform(X)
    if not params.get("randomized"):
        np.testing.assert_array_equal(loaded.transform(X), Z)
    np.testing.assert_array_equal(
        loaded.inverse_transform(Z), encryptor.inverse_transform(Z)
    )
    assert loaded.get_params() == encryptor.get_params()
    for name, value in vars(encryptor).items():
        if name.endswith("_") and not name.startswith("_"):
            assert repr(getattr(loaded, name)) == repr(value)


def test_shares_open_it_too(tmp_path):
    X, y = rows()
    key = SecretKey.generate()
    HomeomorphicEncryptor(key=key, **FAST).fit(X, y).save(tmp_path / "e.sealed")
    combined = SecretKey.combine(key.split(3, threshold=2)[:2])
    loaded = HomeomorphicEncryptor.load(tmp_path / "e.sealed", combined)
    assert loaded.transform(X).shape[0] == len(X)
    with pytest.raises(SealedFileError, match="not under the given one"):
        HomeomorphicEncryptor.load(tmp_path / "e.sealed", OTHER)
    with pytest.raises(FileExistsError):
        loaded.save(tmp_path / "e.sealed")
    assert key.to_bytes() not in (tmp_path / "e.sealed").read_bytes()


def test_a_file_of_the_first_version_decrypts():
    loaded = HomeomorphicEncryptor.load(GOLDEN, KEY)
    Z = np.load(GOLDEN.with_suffix(".npy"), allow_pickle=False)
    X, _ = rows()
    np.testing.assert_allclose(loaded.inverse_transform(Z), X, atol=1e-7)
    np.testing.assert_array_equal(loaded.transform(X), Z)
