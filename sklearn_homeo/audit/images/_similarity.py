"""What encrypted images show of their originals, to the eye and to a network."""

from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import validate_params
from sklearn_homeo.audit._checks import standardise
from sklearn_homeo.audit._result import AttackResult, hit_result, rate_result

# The usual window of SSIM is 7 pixels wide.
LARGEST_WINDOW = 7


@validate_params(
    {
        "originals": "no_validation",
        "images": "no_validation",
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def image_similarity(
    originals: ArrayLike,
    images: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Compare images with their originals, and with the originals of others.

    An encrypted image should be no more similar to its original than two unrelated
    images are, nor than an encrypted image is to another's original.

    Parameters
    ----------
    originals : array-like of shape (n_samples, height, width[, channels])
        Values from 0 to 1.
    images : array-like of the same shape
        One for each original, in the same order, values from 0 to 1.
    random_state : int, RandomState instance or None, default=None
        Draws the unrelated pairs.

    Returns
    -------
    result : AttackResult
        Its rate is the mean structural similarity (SSIM) of the images and their
        originals, its chance the greater of those of unrelated and of mismatched pairs.
        Details:

        ssim, psnr : float
            Mean structural similarity, and mean peak signal-to-noise ratio in
            decibels, of the images and their originals.
        ssim_unrelated, psnr_unrelated : float
            The same of each original and another original.
        ssim_mismatched, psnr_mismatched : float
            The same of each original and the image of another.

    Raises
    ------
    ImportError
        If scikit-image is not installed.
    ValueError
        If the shapes disagree, there are fewer than two images, or they are narrower
        than 3 pixels.

    References
    ----------
    .. [1] Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image Quality Assessment: From
       Error Visibility to Structural Similarity", IEEE Transactions on Image
       Processing 13, 2004, doi:10.1109/TIP.2003.819861.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_homeo.audit import image_similarity
    >>> digits = load_digits().images[:50] / 16
    >>> result = image_similarity(digits, digits, random_state=0)
    >>> bool(result.ssim == 1.0 and result.ssim_unrelated < 0.5)
    True
    """
    started = perf_counter()
    originals, images = check_image_pairs(originals, images)
    others = _derange(len(originals), make_random_state(random_state))
    pairs = {
        "": (originals, images),
        "_unrelated": (originals, originals[others]),
        "_mismatched": (originals, images[others]),
    }
    figures = {}
    for name, (first, second) in pairs.items():
        ssim, psnr = compare_images(first, second)
        figures[f"ssim{name}"] = float(ssim.mean())
        figures[f"psnr{name}"] = float(psnr.mean())
        if not name:
            error = 1.96 * ssim.std() / np.sqrt(len(ssim))
    rate = figures["ssim"]
    return rate_result(
        "image similarity",
        rate,
        (rate - error, rate + error),
        max(figures["ssim_unrelated"], figures["ssim_mismatched"]),
        len(originals),
        started,
        measure="SSIM",
        **figures,
    )


def image_reidentification(
    features: ArrayLike, encrypted_features: ArrayLike
) -> AttackResult:
    """Match encrypted images with their originals by features extracted from both.

    Nearest neighbours by Euclidean distance, once of the features as they are and
    once of each side standardised by itself, which undoes a shift between the two
    kinds of images. The greater of the two rates is returned.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the originals.
    encrypted_features : array-like of shape (n_samples, n_features)
        Features of their encrypted images, in the same order.

    Returns
    -------
    result : AttackResult
        Its rate is the share of encrypted images whose nearest original is their own.

    Raises
    ------
    ValueError
        If the shapes disagree or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import image_reidentification
    >>> features = np.random.default_rng(0).normal(size=(100, 5))
    >>> image_reidentification(features, 3 * features + 1).rate
    1.0
    """
    started = perf_counter()
    X = check_real_array(features, dtype=np.float64, input_name="features")
    Z = check_real_array(
        encrypted_features, dtype=np.float64, input_name="encrypted_features"
    )
    if X.shape != Z.shape:
        raise ValueError(
            f"features has the shape {X.shape}, encrypted_features {Z.shape}; they "
            "must agree"
        )
    sides = [(X, Z), (standardise(X), standardise(Z))]
    hits = max(_count_hits(*side) for side in sides)
    return hit_result("image re-identification", hits, len(X), 1 / len(X), started)


def check_image_pairs(originals, images):
    """Check two sets of images that belong together one by one."""
    originals = check_real_array(originals, allow_nd=True, input_name="originals")
    images = check_real_array(images, allow_nd=True, input_name="images")
    if originals.shape != images.shape or originals.ndim not in (3, 4):
        raise ValueError(
            f"originals has the shape {originals.shape}, images {images.shape}; both "
            "must have the same, (n_samples, height, width) or with channels"
        )
    if len(originals) < 2:
        raise ValueError("originals holds one image; unrelated pairs need two")
    if min(originals.shape[1:3]) < 3:
        raise ValueError(f"images of the shape {originals.shape[1:]} are too small")
    return originals.astype(np.float64), images.astype(np.float64)


def _derange(n_rows, rng):
    """Another row for each row."""
    order = rng.permutation(n_rows)
    others = np.empty(n_rows, dtype=int)
    others[order] = np.roll(order, 1)
    return others


def compare_images(first, second):
    """Structural similarity and peak signal-to-noise ratio (n_samples,) of pairs."""
    metrics = _import_metrics()
    side = min(first.shape[1:3])
    options = {
        "data_range": 1.0,
        "win_size": min(LARGEST_WINDOW, side - 1 + side % 2),
        "channel_axis": 2 if first.ndim == 4 else None,
    }
    pairs = list(zip(first, second, strict=True))
    ssim = [metrics.structural_similarity(a, b, **options) for a, b in pairs]
    with np.errstate(divide="ignore"):  # Equal images: infinite.
        psnr = [metrics.peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in pairs]
    return np.array(ssim), np.array(psnr)


def _import_metrics():
    try:
        from skimage import metrics
    except ImportError as error:
        raise ImportError(
            "image_similarity needs scikit-image: pip install scikit-image"
        ) from error
    return metrics


def _count_hits(X, Z):
    distances = euclidean_distances(Z, X, squared=True)
    own = np.diag(distances).copy()
    # A tie is no identification.
    return int(np.sum((distances <= own[:, np.newaxis]).sum(axis=1) == 1))
