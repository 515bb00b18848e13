"""A cipher on a torch device writes the same bits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

from problems import KEY, correlated
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError
from sklearn_homeo.ciphers.tensors import TensorCipher
from sklearn_homeo.encryption._devices import cipher_on

OPTIONS = [{"n_preserved": 3}, {"n_preserved": 3, "linkage_noise": 0.0}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("n_features", [3, 13, 300])
def test_the_cipher_of_an_encryptor_on_tensors(n_features, options):
    X, _ = correlated(200, n_features, scales=(-1, 1))
    X[:, 1] = np.arange(200)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X)
    there = TensorCipher(encryptor._cipher, torch.device("cpu"))
    Z, back = np.empty((200, there.width)), np.empty_like(X)
    there.encrypt(X, Z)
    np.testing.assert_array_equal(Z, encryptor.transform(X))
    assert there.decrypt(Z, back).all()
    np.testing.assert_array_equal(back, encryptor.inverse_transform(Z))


def test_on_the_cpu_the_cipher_stays_what_it_is():
    X, y = load_wine(return_X_y=True)
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=1, device="cpu").fit(X)
    for device in (None, torch.device("cpu")):
        assert cipher_on(encryptor._cipher, device) is encryptor._cipher


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("options", [*OPTIONS, {"leakage": "space"}])
@pytest.mark.parametrize("n_features", [13, 300, 512, 4200])
def test_cuda_gives_the_same_bits(n_features, options):
    X, _ = correlated(300, n_features, scales=(-1, 1))
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X)
    Z, back = (
        encryptor.transform(X),
        encryptor.inverse_transform(encryptor.transform(X)),
    )
    found = encryptor.transform(torch.tensor(X, device="cuda"))
    assert found.is_cuda
    np.testing.assert_array_equal(found.cpu().numpy(), Z)
    opened = encryptor.inverse_transform(found)
    assert opened.is_cuda
    np.testing.assert_array_equal(opened.cpu().numpy(), back)
    encryptor.set_params(device="cuda")
    np.testing.assert_array_equal(encryptor.transform(X), Z)
    found[7, 0] += 2.0**-20
    with pytest.raises(InvalidCiphertextError, match="1 of 300 rows"):
        encryptor.inverse_transform(found)
