"""ImageAutoencoder: shapes, learning, reproducibility, files, bad input."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits, load_sample_images
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from sklearn_homeo import ImageAutoencoder
from sklearn_homeo.exceptions import PoorReconstructionWarning


@pytest.fixture(scope="module")
def digits():
    return load_digits().images[:600] / 16


@pytest.fixture(scope="module")
def fitted(digits):
    return ImageAutoencoder(16, max_epochs=15, random_state=0).fit(digits[:500])


@pytest.fixture(scope="module")
def variational(digits):
    return ImageAutoencoder(
        8, variational=True, max_epochs=15, learning_rate=5e-3, random_state=0
    ).fit(digits)


def tiny(**options):
    return ImageAutoencoder(2, max_epochs=1, random_state=0, **options)


def tiles(n_images, side=16):
    """Pieces of real photographs."""
    photograph = load_sample_images().images[0]
    rng = np.random.default_rng(0)
    corners = rng.integers(0, (427 - side, 640 - side), (n_images, 2))
    return np.stack([photograph[i : i + side, j : j + side] for i, j in corners])


# scikit-learn's contract

INSTANCES = [
    ImageAutoencoder(max_epochs=2),
    ImageAutoencoder(max_epochs=2, variational=True, batch_size=7, device="cpu"),
]


@pytest.mark.filterwarnings("ignore:.*nearly black:UserWarning")
@pytest.mark.filterwarnings("ignore:.*a square image:UserWarning")
@parametrize_with_checks(INSTANCES)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:.*nearly black:UserWarning")
@pytest.mark.filterwarnings("ignore:.*a square image:UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        "check_dataframe_column_names_consistency",
        "check_get_feature_names_out_error",
        "check_global_output_transform_pandas",
        "check_param_validation",
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
    ],
)
def test_checks_that_check_estimator_leaves_out(name):
    getattr(estimator_checks, name)("ImageAutoencoder", clone(INSTANCES[0]))


# What it learns


def test_reconstructions_are_better_than_the_mean_image(fitted, digits):
    spread = np.mean((digits[500:] - digits[:500].mean(axis=0)) ** 2)
    assert -fitted.score(digits[500:]) < 0.35 * spread


def test_score_is_the_negative_mean_squared_error(fitted, digits):
    X = digits[500:540]
    found = fitted.inverse_transform(fitted.transform(X))
    assert fitted.score(X) == pytest.approx(-np.mean((found - X) ** 2), rel=1e-5)


def test_score_does_not_depend_on_the_scale_of_the_pixels(digits):
    scores = []
    for X in (digits, 255 * digits, np.rint(255 * digits).astype(np.uint8)):
        scores.append(tiny().fit(X[:50]).score(X[:50]))
    np.testing.assert_allclose(scores, scores[0], rtol=1e-2)


def test_codes_have_unit_variance(fitted, digits):
    codes = fitted.transform(digits[:500])
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(codes.std(axis=0), 1, rtol=1e-9)


def test_colour_photographs_are_learnt():
    X = tiles(80)
    autoencoder = ImageAutoencoder(8, max_epochs=25, random_state=0).fit(X)
    spread = np.mean((X / 255 - X.mean(axis=0) / 255) ** 2)
    assert -autoencoder.score(X) < 0.5 * spread


def test_history_has_an_entry_for_every_epoch(fitted):
    assert [row["epoch"] for row in fitted.history_] == list(
        range(1, fitted.n_epochs_ + 1)
    )
    losses = [row["valid_loss"] for row in fitted.history_]
    assert losses[-1] < losses[0]
    assert all(row["seconds"] > 0 for row in fitted.history_)


def test_training_stops_early_and_keeps_the_best_epoch():
    X = np.random.default_rng(0).random((60, 6, 6))  # Nothing can be learnt.
    autoencoder = ImageAutoencoder(
        30, max_epochs=200, n_iter_no_change=3, learning_rate=0.01, random_state=0
    ).fit(X)
    losses = [row["valid_loss"] for row in autoencoder.history_]
    assert len(losses) < 200
    assert np.argmin(losses) < len(losses) - 1


def test_few_images_are_all_trained_on(digits):
    history = tiny().fit(digits[:20]).history_
    assert "valid_loss" not in history[0]


def test_training_that_diverges_is_an_error(digits):
    with pytest.raises(ValueError, match="diverged.*smaller learning_rate"):
        ImageAutoencoder(2, max_epochs=5, learning_rate=1e30).fit(digits[:100])


# The variational one


def test_samples_look_like_the_data(variational, digits):
    samples = variational.sample(300, random_state=0)
    assert samples.shape == (300, 8, 8)
    distance = np.abs(samples.mean(axis=0) - digits.mean(axis=0)).mean()
    assert distance < 0.08
    assert samples.std(axis=0).mean() > 0.4 * digits.std(axis=0).mean()


def test_samples_are_reproducible(variational):
    first, again = (variational.sample(3, random_state=1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, variational.sample(3, random_state=2))


def test_the_latent_does_not_collapse(variational):
    assert 4 <= variational.n_active_units_ <= 8


def test_a_heavy_divergence_switches_units_off(digits):
    heavy = ImageAutoencoder(
        8, variational=True, kl_weight=1000.0, max_epochs=8, random_state=0
    )
    assert heavy.fit(digits).n_active_units_ < 4


def test_a_plain_autoencoder_does_not_sample(fitted):
    assert not hasattr(fitted, "sample")
    with pytest.raises(AttributeError, match="has no attribute 'sample'"):
        fitted.sample(3)


# Shapes and scales


@pytest.mark.parametrize(
    ("shape", "decoded"),
    [
        ((9, 7), (9, 7)),
        ((9, 7, 1), (9, 7, 1)),
        ((5, 12, 3), (5, 12, 3)),
        ((5, 12, 4), (5, 12, 3)),
        ((1, 1), (1, 1)),
        ((33, 2, 3), (33, 2, 3)),
    ],
)
def test_images_come_back_in_their_shape(shape, decoded):
    X = np.random.default_rng(0).random((12, *shape))
    autoencoder = tiny().fit(X)
    found = autoencoder.inverse_transform(autoencoder.transform(X))
    assert found.shape == (12, *decoded)
    assert found.dtype == np.float32


def test_rows_come_back_as_rows(digits):
    X = digits[:40].reshape(40, -1)
    autoencoder = tiny().fit(X)
    found = autoencoder.inverse_transform(autoencoder.transform(X))
    assert found.shape == X.shape
    assert autoencoder.image_shape_ == (8, 8, 1)
    images = tiny().fit(digits[:40])
    np.testing.assert_allclose(
        found.reshape(-1, 8, 8), images.inverse_transform(images.transform(digits[:40]))
    )


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_reconstructions_have_the_scale_of_the_images(digits, white):
    X = white * digits[:100]
    autoencoder = ImageAutoencoder(4, max_epochs=5, random_state=0).fit(X)
    found = autoencoder.inverse_transform(autoencoder.transform(X))
    assert 0.5 * white < found.max() <= white


def test_files_of_mixed_sizes_become_one(tmp_path):
    paths = []
    for number, side in enumerate((10, 30, 17, 24)):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(tiles(1, side)[0]).save(paths[-1])
    autoencoder = tiny().fit(paths)
    assert autoencoder.image_shape_ == (64, 64, 3)
    found = autoencoder.inverse_transform(autoencoder.transform(paths))
    assert found.shape == (4, 64, 64, 3)
    assert found.max() <= 1
    grey = tiny(image_shape=(12, 10)).fit(paths)
    assert grey.inverse_transform(grey.transform(paths)).shape == (4, 12, 10, 1)


def test_a_broken_file_is_named(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.fromarray(tiles(1)[0]).save(good)
    bad.write_bytes(b"no image")
    autoencoder = tiny().fit([good, good])
    for method in (autoencoder.transform, autoencoder.score, tiny().fit):
        with pytest.raises(ValueError, match=r"Row 1 .*bad.png"):
            method([good, bad])


def test_codes_of_another_width_are_refused(fitted):
    with pytest.raises(ValueError, match="Z has 3 columns, .* have 16"):
        fitted.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        fitted.inverse_transform(np.full((2, 16), np.nan))


def test_far_codes_are_still_images(fitted):
    found = fitted.inverse_transform(1e6 * np.ones((1, 16)))
    assert np.isfinite(found).all()
    assert 0 <= found.min() and found.max() <= 1


# A pretrained encoder


def test_a_pretrained_encoder_starts_at_principal_components():
    X = tiles(60)
    module = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.ReLU())
    autoencoder = ImageAutoencoder(4, encoder=module, max_epochs=20, random_state=0)
    codes = autoencoder.fit_transform(X)
    assert codes.shape == (60, 4)
    spread = np.mean((X / 255 - X.mean(axis=0) / 255) ** 2)
    assert -autoencoder.score(X) < 0.9 * spread


def test_the_embedded_encoder(tmp_path):
    autoencoder = ImageAutoencoder(
        6, encoder="efficientnet-lite0", max_epochs=2, random_state=0
    )
    X = tiles(30, side=32)
    codes = autoencoder.fit_transform(X)
    assert codes.shape == (30, 6)
    assert autoencoder.inverse_transform(codes).shape == (30, 32, 32, 3)
    # The network itself is not trained: the same features give the same codes.
    again = pickle.loads(pickle.dumps(autoencoder))
    np.testing.assert_array_equal(again.transform(X[:3]), codes[:3])


def test_more_components_than_features_or_images():
    module = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4))
    autoencoder = ImageAutoencoder(20, encoder=module, max_epochs=1, random_state=0)
    assert autoencoder.fit_transform(tiles(12)).shape == (12, 20)
    variational = clone(autoencoder).set_params(variational=True)
    assert variational.fit_transform(tiles(12)).shape == (12, 20)


# Reproducibility


@pytest.mark.parametrize("variational", [False, True])
def test_random_state_decides_everything(digits, variational):
    models = [
        tiny(variational=variational).fit(digits[:60]).transform(digits[:60])
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*models)
    other = tiny(variational=variational).set_params(random_state=1).fit(digits[:60])
    assert not np.allclose(models[0], other.transform(digits[:60]))


def test_global_random_states_stay(digits):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    autoencoder = ImageAutoencoder(2, variational=True, max_epochs=1).fit(digits[:50])
    autoencoder.sample(2)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_equal(np.random.get_state(), numpy_state)


def test_a_row_does_not_depend_on_the_others(fitted, digits):
    X = digits[500:537]
    codes, images = fitted.transform(X), fitted.inverse_transform(fitted.transform(X))
    few = clone(fitted)
    few.__dict__ |= fitted.__dict__ | {"batch_size": 5}
    np.testing.assert_allclose(few.transform(X), codes, atol=1e-6)
    np.testing.assert_allclose(few.inverse_transform(codes), images, atol=1e-6)
    np.testing.assert_allclose(few.transform(X[3:4])[0], codes[3], atol=1e-6)


def test_pickles_and_clones(fitted, digits):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.transform(digits[:5]), fitted.transform(digits[:5])
    )
    assert not hasattr(clone(fitted), "history_")


def test_progress_is_shown(digits, capsys):
    tiny(verbose=1).fit(digits[:30])
    assert "epoch" in capsys.readouterr().err
    tiny().fit(digits[:30])
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
def test_what_a_gpu_trained_works_without(digits):
    on_gpu = ImageAutoencoder(4, max_epochs=2, device="cuda", random_state=0).fit(
        digits
    )
    codes = on_gpu.transform(digits)
    moved = pickle.loads(pickle.dumps(on_gpu)).set_params(device="cpu")
    np.testing.assert_allclose(moved.transform(digits), codes, atol=1e-4)
    np.testing.assert_allclose(
        moved.inverse_transform(codes), on_gpu.inverse_transform(codes), atol=1e-4
    )


@pytest.mark.parametrize("n_images", [1, 2])
@pytest.mark.parametrize("params", [{}, {"variational": True}, {"n_components": 1}])
def test_very_few_images(n_images, params):
    X = np.random.default_rng(0).random((n_images, 8, 8))
    autoencoder = ImageAutoencoder(max_epochs=1, random_state=0, **params)
    if n_images == 1:
        with pytest.raises(ValueError, match="n_samples=1, .* at least 2"):
            autoencoder.fit(X)
    else:
        with warnings.catch_warnings(action="ignore"):
            assert autoencoder.fit_transform(X).shape[0] == 2


def test_reconstructions_are_compared_with_the_mean_image():
    X = load_digits().images[:200] / 16
    with pytest.warns(PoorReconstructionWarning, match="mean squared error") as caught:
        poor = ImageAutoencoder(max_epochs=1, random_state=0).fit(X)
    assert caught[0].filename == __file__
    for error in (poor.reconstruction_error_, poor.mean_image_error_):
        assert f"{error:.2g}" in str(caught[0].message)
    assert poor.mean_image_error_ == pytest.approx(np.mean((X - X.mean(axis=0)) ** 2))
    assert poor.reconstruction_error_ == pytest.approx(-poor.score(X), rel=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PoorReconstructionWarning)
        good = ImageAutoencoder(max_epochs=30, random_state=0).fit(X)
    assert good.reconstruction_error_ < good.mean_image_error_ / 3


def test_equal_images_are_no_reason_to_warn():
    X = np.full((20, 8, 8), 0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PoorReconstructionWarning)
        assert ImageAutoencoder(max_epochs=1).fit(X).mean_image_error_ < 1e-12
