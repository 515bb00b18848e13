"""Validating images that estimators are given: paths, arrays, flattened rows."""

import os
from math import isqrt
from numbers import Integral

import numpy as np
from PIL import Image
from sklearn.utils import check_array
from sklearn.utils.validation import check_non_negative, validate_data

from sklearn_homeo._utils.rows import check_real, check_table
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.images._reading import ArrayImages, FileImages, PictureImages

__all__ = ["check_images", "count_dimensions"]

# A largest value below this share of white means that the scale is not what it seems.
NEARLY_BLACK = 0.1


def check_images(estimator, X, *, reset):
    """Validate the images that `fit` (``reset=True``) or `transform` was given.

    Parameters
    ----------
    estimator : estimator
        Its parameters `image_shape` and `max_pixels` are read. Set on reset:
        `image_shape_` (of files the parameter), `white_level_`, and for numbers
        `n_features_in_`.
    X : array-like
        Paths of shape (n_samples,) or (n_samples, 1); a list of Pillow's images;
        images of shape (n_samples, height, width) or (n_samples, height, width,
        channels); flattened images of shape (n_samples, n_features).
    reset : bool

    Returns
    -------
    images : FileImages, PictureImages or ArrayImages
    """
    shape = _check_image_shape(estimator.image_shape)
    pictures, paths = _as_pictures(X), None
    if pictures is None:
        paths = _as_paths(X)
    if reset:
        for name in ("n_features_in_", "feature_names_in_"):
            estimator.__dict__.pop(name, None)
    if pictures is not None:
        _note_files(estimator, shape, reset)
        return PictureImages(pictures, estimator.max_pixels)
    if paths is not None:
        return _check_files(estimator, X, paths, shape, reset)
    _check_numbers(X, type(estimator).__name__)
    if count_dimensions(X) > 2:
        pixels = _check_pixels(X, shape)
        if reset:
            estimator.n_features_in_ = int(np.prod(pixels.shape[1:]))
    else:
        pixels = _unflatten(estimator, X, shape, reset)
    check_non_negative(pixels, type(estimator).__name__)
    if reset:
        estimator.image_shape_ = pixels.shape[1:]
        estimator.white_level_ = _learn_white_level(pixels)
    images = ArrayImages(pixels, estimator.white_level_)
    _check_range(images, reset)
    return images


def _as_pictures(X):
    """Return Pillow's images as a list, or None if X holds none.

    As arrays, palettes would be indices of colours, and four inks colour and alpha.
    """
    if isinstance(X, Image.Image):
        raise ValueError("X must be a list of images, got a single one: pass [X].")
    if not isinstance(X, list | tuple):
        if getattr(getattr(X, "dtype", None), "kind", "") != "O":
            return None
        X = np.asarray(X).ravel()
    found = [isinstance(item, Image.Image) for item in X]
    if not any(found):
        return None
    if not all(found):
        raise ValueError(f"Row {found.index(False)} of X is not an image; others are.")
    return list(X)


def _as_paths(X):
    """Return file paths as a list, or None if X holds numbers."""
    if isinstance(X, (str, bytes, os.PathLike)):
        raise ValueError(
            "X must be a list or an array of paths, got a single one. The files of a "
            "folder are load_image_folder(folder).filenames."
        )
    if isinstance(X, (list, tuple)):
        if not X or not isinstance(X[0], (str, os.PathLike)):
            return None
        values = np.empty(len(X), dtype=object)
        values[:] = X
    else:
        kind = getattr(getattr(X, "dtype", None), "kind", "O")
        if kind not in "OUT" or not hasattr(X, "__array__"):
            return None
        values = np.asarray(X)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "OUT":
        return None
    wrong = [not isinstance(value, (str, os.PathLike)) for value in values]
    if all(wrong):
        return None
    if any(wrong):
        row = wrong.index(True)
        raise ValueError(
            f"Row {row} of X is of type {type(values[row]).__name__}, not the path of "
            "a file."
        )
    return list(values)


def _check_files(estimator, X, paths, shape, reset):
    if count_dimensions(X) == 2:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    _note_files(estimator, shape, reset)
    return FileImages(paths, estimator.max_pixels)


def _note_files(estimator, shape, reset):
    if reset:
        estimator.image_shape_ = shape
        estimator.white_level_ = 1.0


def count_dimensions(X):
    """Return the number of dimensions of an array-like of images or paths."""
    if hasattr(X, "ndim"):
        return X.ndim
    try:
        return np.asarray(X).ndim
    except ValueError:
        raise ValueError(
            "X holds images of different sizes: pass the paths of their files, or "
            "bring them to one size."
        ) from None


def _check_numbers(X, owner):
    """Refuse what holds no real numbers, without scikit-learn, which would show it."""
    if count_dimensions(X) <= 2:
        check_table(X, "X", owner)
        return
    check_real(X, "X")


def _check_pixels(X, shape):
    pixels = check_array(X, allow_nd=True)
    if pixels.ndim > 4 or 0 in pixels.shape:
        raise ValueError(
            f"Arrays of images have the shape (n_samples, height, width) or "
            f"(n_samples, height, width, channels), got {pixels.shape}."
        )
    if pixels.ndim == 3:
        if shape is None and pixels.shape[2] == 3 and pixels.shape[1] > 3:
            raise ValueError(
                f"An array of shape {pixels.shape} looks like one colour image: pass "
                "X[np.newaxis]. If it holds grey images, set image_shape."
            )
        pixels = pixels[..., np.newaxis]
    if pixels.shape[3] not in (1, 3, 4):
        raise ValueError(
            f"Images have 1, 3 or 4 channels, in the last dimension, got the shape "
            f"{pixels.shape}. If channels come first, pass X.transpose(0, 2, 3, 1)."
        )
    if shape is not None and pixels.shape[1:] != shape:
        raise ValueError(f"image_shape={shape}, but X has the shape {pixels.shape}.")
    return pixels


def _unflatten(estimator, X, shape, reset):
    X = validate_data(estimator, X, reset=reset)
    n_features = X.shape[1]
    if shape is None and not reset:
        shape = estimator.image_shape_
    if shape is None:
        shape = _infer_shape(n_features)
    if np.prod(shape) != n_features:
        raise ValueError(
            f"Images of the shape {tuple(map(int, shape))} have {np.prod(shape)} "
            f"values, but X has {n_features} features."
        )
    return X.reshape(len(X), *shape)


def _infer_shape(n_features):
    for channels in (1, 3):
        side = isqrt(n_features // channels)
        if channels * side**2 == n_features:
            return (side, side, channels)
    warn(
        f"{n_features} features do not make a square image, so each row of X is taken "
        "for one line of grey pixels. Set image_shape.",
    )
    return (1, n_features, 1)


def _check_image_shape(shape):
    if shape is None:
        return None
    shape = tuple(shape)
    valid = len(shape) in (2, 3) and all(
        isinstance(size, Integral) and size > 0 for size in shape
    )
    if not valid or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        # Anything but sizes may be images by mistake.
        sizes = all(isinstance(size, Integral) for size in shape) and len(shape) < 5
        raise ValueError(
            "image_shape must be (height, width) or (height, width, channels) with "
            f"1, 3 or 4 channels, got {shape if sizes else 'something else'}."
        )
    return tuple(map(int, (*shape, 1)[:3]))


def _learn_white_level(pixels):
    return 255.0 if pixels.dtype.kind == "f" and pixels.max() > 1 else 1.0


def _check_range(images, reset):
    is_float = images.pixels.dtype.kind == "f"
    largest, white = images.pixels.max(), images.white_level
    if largest > white:
        hint = ""
        if is_float and white == 1:
            hint = (
                ": floats run from 0 to 1, unless those seen in fit run to 255. Divide "
                "X by its white, or cast it to uint8"
            )
        raise ValueError(f"X has values above white, which is {white:g}{hint}.")
    if 0 < largest < NEARLY_BLACK * white and (reset or (is_float and largest <= 1)):
        warn(
            f"All values of X are below a tenth of white, which is {white:g}: the "
            "images are nearly black. Scale X so that white is 1.",
        )
