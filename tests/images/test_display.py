"""Encrypted images, their display, and how similar they are to their originals."""

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import KEY, OTHER
from sklearn_homeo import (
    EncryptedImagesDisplay,
    HomeomorphicEncryptor,
    ImageAutoencoder,
    SecretKey,
    encrypt_images,
)
from sklearn_homeo.audit import image_reidentification, image_similarity

matplotlib.use("agg")


@pytest.fixture(scope="module")
def problem():
    digits = load_digits()
    X, y = digits.images / 16, digits.target
    pipeline = make_pipeline(
        ImageAutoencoder(32, max_epochs=20, random_state=0),
        HomeomorphicEncryptor(key=KEY, n_preserved=9),
        LogisticRegression(max_iter=1000),
    )
    return pipeline.fit(X[:1200], y[:1200]), X[1200:], y[1200:]


@pytest.fixture(scope="module")
def images(problem):
    return encrypt_images(problem[0], problem[1])


def test_decrypted_reconstructions_equal_the_plain_ones(images):
    np.testing.assert_allclose(images.decrypted, images.reconstructions, atol=1e-4)


def test_encrypted_images_are_no_more_similar_than_those_of_others(problem, images):
    # A single key may by chance turn a class towards itself: the mean over keys counts.
    autoencoder, digits = problem[0][0], load_digits()
    codes = autoencoder.transform(digits.images[:1200] / 16)
    fitted = HomeomorphicEncryptor(key=KEY, n_preserved=9)
    fitted.fit(codes, digits.target[:1200])
    gains = []
    for number in range(30):
        key = SecretKey.from_bytes(bytes([number] * 32))
        pipeline = make_pipeline(autoencoder, fitted.rekey(key, keep_view=False))
        pictures = encrypt_images(pipeline, problem[1][:200])
        found = image_similarity(pictures.originals, pictures.encrypted, random_state=0)
        gains.append(found.ssim - found.ssim_mismatched)
    assert np.mean(gains) <= 3 * np.std(gains) / 30**0.5
    assert np.std(gains) < 0.1
    plain = image_similarity(images.originals, images.reconstructions, random_state=0)
    assert plain.ssim > 0.8 > plain.ssim_unrelated


def test_encrypted_images_are_not_reidentified(problem, images):
    encoder = problem[0][0]
    features, encrypted, plain = (
        encoder.transform(pictures[..., 0])
        for pictures in (images.originals, images.encrypted, images.reconstructions)
    )
    assert image_reidentification(features, encrypted).rate <= 0.02
    assert image_reidentification(features, plain).rate > 0.8


def test_encrypted_images_differ_as_images_do(problem):
    # The decoder gets ciphertexts in the size of codes, so that pictures of one class
    # vary as much as reconstructions do, whatever little is preserved.
    autoencoder, digits = problem[0][0], load_digits()
    X, is_small = digits.images / 16, digits.target < 5
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=1)
    encryptor.fit(autoencoder.transform(X[:1200]), is_small[:1200])

    def variety(pictures):
        return pictures[is_small[1200:]].std(axis=0).mean()

    images = encrypt_images(make_pipeline(autoencoder, encryptor), X[1200:])
    ratio = variety(images.encrypted) / variety(images.reconstructions)
    assert 0.3 < ratio < 2


def test_an_encrypted_image_does_not_depend_on_others(problem, images):
    alone = encrypt_images(problem[0], problem[1][:1])
    np.testing.assert_allclose(alone.encrypted, images.encrypted[:1], atol=1e-5)


def test_encrypted_codes_are_learnt(problem):
    pipeline, X, y = problem
    assert pipeline.score(X, y) > 0.85


def test_another_key_gives_other_images(problem, images):
    pipeline, X, _ = problem
    other = HomeomorphicEncryptor(key=OTHER, n_preserved=9)
    digits = load_digits()
    autoencoder = pipeline[0]
    other.fit(autoencoder.transform(digits.images[:1200] / 16), digits.target[:1200])
    found = encrypt_images(make_pipeline(autoencoder, other), X)
    assert np.abs(found.encrypted - images.encrypted).mean() > 0.05


def test_steps_between_are_inverted(problem):
    pipeline, X, _ = problem
    digits = load_digits()
    longer = make_pipeline(
        pipeline[0], StandardScaler(), HomeomorphicEncryptor(key=KEY, n_preserved=9)
    )
    longer[1:].fit(
        pipeline[0].transform(digits.images[:1200] / 16), digits.target[:1200]
    )
    found = encrypt_images(longer, X[:5])
    np.testing.assert_allclose(found.decrypted, found.reconstructions, atol=1e-4)


def test_the_display_shows_four_pictures_of_each_image(problem):
    pipeline, X, _ = problem
    display = EncryptedImagesDisplay.from_estimator(pipeline, X[:3])
    assert display.axes_.shape == (3, 4)
    titles = [ax.get_title() for ax in display.axes_[0]]
    assert titles == ["original", "reconstruction", "encrypted", "decrypted"]
    shown = display.axes_[2, 2].images[0].get_array()
    np.testing.assert_array_equal(shown, display.encrypted[2, ..., 0].clip(0, 1))
    figure = matplotlib.figure.Figure()
    assert display.plot(figure=figure).figure_ is figure


def test_pipelines_without_autoencoder_or_encryptor_are_refused(problem):
    pipeline, X, _ = problem
    for wrong in (pipeline[0], pipeline[1:]):
        with pytest.raises(TypeError, match="starts with an ImageAutoencoder"):
            encrypt_images(wrong, X)
    for wrong in (pipeline[:1], make_pipeline(pipeline[0], pipeline[-1])):
        with pytest.raises(TypeError, match="no encryptor"):
            encrypt_images(wrong, X)


# The metrics


def test_similarity_of_images_with_themselves_and_with_noise(images):
    originals = images.originals[:100]
    noise = np.random.default_rng(0).random(originals.shape)
    itself = image_similarity(originals, originals, random_state=0)
    assert itself.ssim == 1 and itself.psnr == np.inf
    assert itself.ssim_mismatched == itself.ssim_unrelated < 0.5
    random = image_similarity(originals, noise, random_state=0)
    assert random.ssim == pytest.approx(random.ssim_mismatched, abs=0.06)
    assert random.n == 100


def test_similarity_of_colour_and_small_images():
    rng = np.random.default_rng(0)
    for shape in ((2, 3, 3), (5, 9, 4, 3), (3, 40, 30, 1)):
        X = rng.random(shape)
        assert image_similarity(X, X).ssim == pytest.approx(1)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((3, 8, 8), (3, 8, 9), "must have the same"),
        ((3, 8), (3, 8), "must have the same"),
        ((1, 8, 8), (1, 8, 8), "one image"),
        ((3, 2, 8), (3, 2, 8), "too small"),
    ],
)
def test_images_that_cannot_be_compared_are_refused(first, second, message):
    with pytest.raises(ValueError, match=message):
        image_similarity(np.zeros(first), np.zeros(second))


def test_reidentification_of_noise_is_at_chance():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(2, 500, 20))
    found = image_reidentification(X, Z)
    assert found.rate <= 0.02
    assert found.chance == 1 / 500
    assert image_reidentification(X, np.zeros_like(X)).rate <= 1 / 500
    with pytest.raises(ValueError, match="must agree"):
        image_reidentification(X, Z[:-1])
