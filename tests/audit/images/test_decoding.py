"""Decoding ciphertexts into images: breaks what is no cipher, not the coupling."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import image_decoding_attack


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:900], y[:900], X[:900].reshape(-1, 8, 8) / 16


def attack(Z, images, **options):
    options = {"max_epochs": 12, "random_state": 0, "device": "cpu"} | options
    return image_decoding_attack(
        Z[:700], images[:700], Z[700:], images[700:], **options
    )


def test_a_rotation_is_decoded_and_the_coupling_shows_the_class_alone(digits):
    X, y, images = digits
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 64)))[0]
    plain = {"X_leak": X[:700], "X_target": X[700:]}
    rotated = attack(X @ turn, images, **plain)
    assert rotated.rate > 0.9
    assert rotated.plain_rate > 0.9
    assert 0.5 < rotated.chance < 0.7  # Margins are dark in all digits.
    encryptor = HomeomorphicEncryptor(n_preserved=1, key=KEY).fit(X, y)
    encrypted = attack(encryptor.transform(X), images)
    assert encrypted.rate - encrypted.chance < 0.3 * (rotated.rate - rotated.chance)
    assert encrypted.images.shape == (200, 8, 8)
    assert np.isnan(encrypted.plain_rate)
    low, high = encrypted.interval
    assert low < encrypted.rate < high


def test_noise_gives_the_mean_image(digits):
    noise = np.random.default_rng(0).normal(size=(900, 16))
    found = attack(noise, digits[2])
    assert found.rate < found.chance + 0.02


def test_it_is_deterministic_and_leaves_global_states_alone(digits):
    X, _, images = digits
    before, torch_before = np.random.get_state(), torch.get_rng_state()
    first, second = (attack(X, images, max_epochs=2).images for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_equal(np.random.get_state(), before)
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_colours_and_wrong_shapes(digits):
    X, _, images = digits
    colours = np.repeat(images[..., None], 3, axis=3)
    assert attack(X, colours, max_epochs=1).images.shape == (200, 8, 8, 3)
    with pytest.raises(ValueError, match="must agree"):
        image_decoding_attack(X[:700], images[:600], X[700:], images[700:])
    with pytest.raises(ValueError, match="needs 20"):
        image_decoding_attack(X[:10], images[:10], X[700:], images[700:])
