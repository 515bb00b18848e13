"""Pictures from ciphertexts: a decoder trained on leaked pairs of both."""

from numbers import Integral
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._checks import check_sides, standardise
from sklearn_homeo.audit._result import AttackResult, rate_result
from sklearn_homeo.audit.images._similarity import check_image_pairs, compare_images

_MIN_ROWS = 20
_BATCH = 32
_LEARNING_RATE = 3e-3
_VALIDATION_FRACTION = 0.1
_PATIENCE = 8
_ROUND_OFF = 1e-10


@validate_params(
    {
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def image_decoding_attack(
    Z_leak: ArrayLike,
    images_leak: ArrayLike,
    Z_target: ArrayLike,
    images_target: ArrayLike,
    *,
    X_leak: ArrayLike | None = None,
    X_target: ArrayLike | None = None,
    max_epochs: int = 40,
    device: str = "auto",
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> AttackResult:
    """Train a decoder of ciphertexts into images on leaked pairs.

    A transposed-convolution network sees each ciphertext standardised and whitened,
    so that coordinates that were scaled down do not escape it, and is trained on the
    squared error of pixels with early stopping. The same network, trained on
    unencrypted features, shows what a key holder could see.

    Parameters
    ----------
    Z_leak : array-like of shape (n_leaked, n_outputs)
        Ciphertexts of image features or codes whose images leaked; at least 20.
    images_leak : array-like of shape (n_leaked, height, width[, channels])
        These images, values from 0 to 1.
    Z_target : array-like of shape (n_targets, n_outputs)
        Ciphertexts to decode; at least 2.
    images_target : array-like of shape (n_targets, height, width[, channels])
        Their images; used for the score only.
    X_leak, X_target : array-like of shape (n_leaked or n_targets, n_features), \
            default=None
        Unencrypted features, for `plain_rate`.
    max_epochs : int, default=40
        Passes over the leaked pairs at most.
    device : str, default="auto"
        Where to train: "cpu", "cuda", or "auto" for a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of the network's weights and batches.
    verbose : int, default=0
        Whether to show the progress.

    Returns
    -------
    result : AttackResult
        Its rate is the mean structural similarity (SSIM) of decoded and true images,
        its chance that of the mean leaked image. Details:

        plain_rate : float
            Mean SSIM of what is decoded from unencrypted features; nan without.
        images : ndarray of the shape of `images_target`, dtype float32
            What was decoded.

    Raises
    ------
    ImportError
        If scikit-image is not installed.
    ValueError
        If shapes disagree, there are too few rows or a value is not finite.

    References
    ----------
    A. Dosovitskiy, T. Brox, "Inverting visual representations with convolutional
    networks", CVPR 2016, arXiv:1506.02753.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_homeo.audit import image_decoding_attack
    >>> digits = load_digits()
    >>> Z, images = digits.data, digits.images / 16
    >>> result = image_decoding_attack(
    ...     Z[:500], images[:500], Z[500:600], images[500:600],
    ...     max_epochs=3, random_state=0,
    ... )
    >>> bool(result.rate > result.chance)
    True
    """
    started = perf_counter()
    rng = make_random_state(random_state)
    images_leak = check_real_array(images_leak, allow_nd=True, input_name="images_leak")
    mean = images_leak.mean(axis=0, keepdims=True)
    images_target, guess = check_image_pairs(
        images_target, np.broadcast_to(mean, np.shape(images_target))
    )
    chance = compare_images(images_target, guess)[0].mean()
    options = {
        "max_epochs": max_epochs,
        "device": device,
        "verbose": verbose,
        "seed": int(rng.randint(2**31 - 1)),
    }
    decoded = _decode(Z_leak, images_leak, Z_target, images_target, **options)
    similarity = compare_images(images_target, decoded)[0]
    plain_rate = np.nan
    if X_leak is not None:
        plain = _decode(X_leak, images_leak, X_target, images_target, **options)
        plain_rate = float(compare_images(images_target, plain)[0].mean())
    error = 1.96 * similarity.std(ddof=1) / np.sqrt(len(similarity))
    rate = float(similarity.mean())
    return rate_result(
        "image decoding",
        rate,
        (rate - error, rate + error),
        chance,
        len(similarity),
        started,
        measure="SSIM",
        plain_rate=plain_rate,
        images=decoded.astype(np.float32),
    )


def _decode(
    Z_leak, images_leak, Z_target, images_target, *, max_epochs, device, verbose, seed
):
    """Images of the targets by a decoder that was trained on the leaked pairs."""
    # Loads torch, which the other attacks do without.
    import torch
    from torch import nn

    from sklearn_homeo.networks.convolutional import ConvolutionalDecoder
    from sklearn_homeo.networks.inference import resolve_device
    from sklearn_homeo.networks.training import train_network

    n_leaked, *shape = images_leak.shape
    check_sides(Z_leak, images_leak.reshape(n_leaked, -1), _MIN_ROWS)
    check_sides(Z_target, images_target.reshape(len(images_target), -1), 2)
    shape = (*shape, 1)[:3]
    view = _View(np.asarray(Z_leak, dtype=np.float64))
    pixels = 255 * images_leak.reshape(n_leaked, *shape).astype(np.float32)
    network, _ = train_network(
        lambda: ConvolutionalDecoder(view.n_outputs, shape),
        view(Z_leak),
        pixels,
        nn.MSELoss(),
        max_epochs=max_epochs,
        batch_size=_BATCH,
        learning_rate=_LEARNING_RATE,
        validation_fraction=_VALIDATION_FRACTION,
        n_iter_no_change=_PATIENCE,
        device=resolve_device(device),
        random_state=np.random.RandomState(seed),
        verbose=verbose,
    )
    with torch.inference_mode():
        decoded = network(torch.from_numpy(view(Z_target))) / 255
    return decoded.numpy().astype(np.float64).reshape(images_target.shape)


class _View:
    """Ciphertexts standardised, and the same whitened."""

    def __init__(self, Z):
        self._reference = Z
        _, values, right = np.linalg.svd(standardise(Z), full_matrices=False)
        kept = values > _ROUND_OFF * max(values[0], np.finfo(float).tiny)
        self._whitener = right[kept].T / values[kept] * np.sqrt(len(Z))
        self.n_outputs = Z.shape[1] + int(kept.sum())

    def __call__(self, Z):
        rows = standardise(np.asarray(Z, dtype=np.float64), self._reference)
        return np.hstack([rows, rows @ self._whitener]).astype(np.float32)
