"""Encrypted images: decoded ciphertexts of codes, and a display of them."""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo.images._autoencoder import ImageAutoencoder

__all__ = ["EncryptedImagesDisplay", "encrypt_images"]

COLUMNS = {
    "originals": "original",
    "reconstructions": "reconstruction",
    "encrypted": "encrypted",
    "decrypted": "decrypted",
}
INCHES = 1.5
# Codes from which the size of ciphertexts is estimated.
N_DRAWN = 2000


def encrypt_images(pipeline: Pipeline, X: Any) -> Bunch:
    """Encode images, encrypt the codes, and decode them, with and without the key.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted. An :class:`ImageAutoencoder` first, then a
        :class:`HomeomorphicEncryptor`, or several transformers that can be inverted;
        a predictor at the end is skipped.
    X : array-like
        Images, as the autoencoder takes them.

    Returns
    -------
    images : Bunch
        originals : ndarray of shape (n_samples, height, width, channels)
            As the autoencoder sees them. All four are float32, from 0 to 1.
        reconstructions : ndarray of the same shape
            Decoded codes.
        encrypted : ndarray of the same shape
            Decoded ciphertexts: what anyone sees who has the decoder, but not the
            key. They are brought to the mean and the variance of codes first, column
            by column: where little is preserved they are much smaller, and would all
            decode to faint pictures of their classes.
        decrypted : ndarray of the same shape
            Decoded after decrypting.

    Raises
    ------
    TypeError
        If the pipeline does not start with an autoencoder, or if nothing in it
        encrypts.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_homeo import HomeomorphicEncryptor, ImageAutoencoder
    >>> from sklearn_homeo import encrypt_images
    >>> X, y = load_digits(return_X_y=True)
    >>> autoencoder = ImageAutoencoder(n_components=16, max_epochs=2, random_state=0)
    >>> encryptor = HomeomorphicEncryptor(n_preserved=9)
    >>> pipeline = make_pipeline(autoencoder, encryptor).fit(X / 16, y)
    >>> images = encrypt_images(pipeline, X[:10] / 16)
    >>> images.encrypted.shape
    (10, 8, 8, 1)
    >>> bool(abs(images.decrypted - images.reconstructions).max() < 1e-4)
    True
    """
    autoencoder, encryptor = _split_pipeline(pipeline)
    codes = autoencoder.transform(X)
    ciphertexts = encryptor.transform(codes)
    return Bunch(
        originals=autoencoder._frame(X),
        reconstructions=autoencoder._decode(codes),
        encrypted=autoencoder._decode(
            _bring_to_size(ciphertexts, autoencoder, encryptor)
        ),
        decrypted=autoencoder._decode(encryptor.inverse_transform(ciphertexts)),
    )


class EncryptedImagesDisplay:
    """Pictures of images, their reconstructions, and both encrypted and decrypted.

    Make it by :meth:`from_estimator`.

    Parameters
    ----------
    originals, reconstructions, encrypted, decrypted : ndarray of shape \
            (n_images, height, width, channels)
        Values from 0 to 1, as :func:`encrypt_images` returns them.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After `plot`.

    axes_ : ndarray of shape (n_images, 4) of matplotlib.axes.Axes
        After `plot`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_homeo import EncryptedImagesDisplay, HomeomorphicEncryptor
    >>> from sklearn_homeo import ImageAutoencoder
    >>> X, y = load_digits(return_X_y=True)
    >>> autoencoder = ImageAutoencoder(n_components=16, max_epochs=2, random_state=0)
    >>> encryptor = HomeomorphicEncryptor(n_preserved=9)
    >>> pipeline = make_pipeline(autoencoder, encryptor).fit(X / 16, y)
    >>> display = EncryptedImagesDisplay.from_estimator(pipeline, X[:3] / 16)
    >>> display.axes_.shape
    (3, 4)
    """

    def __init__(self, *, originals, reconstructions, encrypted, decrypted):
        self.originals = originals
        self.reconstructions = reconstructions
        self.encrypted = encrypted
        self.decrypted = decrypted

    @classmethod
    def from_estimator(cls, estimator, X, *, figure=None):
        """Encrypt images and plot them.

        Parameters
        ----------
        estimator : Pipeline
            Fitted; see :func:`encrypt_images`.
        X : array-like
            A few images: each is a row of the picture.
        figure : matplotlib.figure.Figure or None, default=None
            None makes one.

        Returns
        -------
        display : EncryptedImagesDisplay
        """
        return cls(**encrypt_images(estimator, X)).plot(figure=figure)

    def plot(self, *, figure=None):
        """Plot a row of four pictures for each image.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or None, default=None
            To draw in; None makes one.

        Returns
        -------
        display : EncryptedImagesDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_images = len(self.originals)
        if figure is None:
            size = (INCHES * len(COLUMNS), INCHES * n_images + 0.4)
            figure = _new_figure(size)
        axes = figure.subplots(n_images, len(COLUMNS), squeeze=False)
        for column, (name, title) in zip(axes.T, COLUMNS.items(), strict=True):
            column[0].set_title(title, fontsize=10)
            for ax, image in zip(column, getattr(self, name), strict=True):
                ax.imshow(np.clip(image, 0, 1).squeeze(), "gray", vmin=0, vmax=1)
                ax.set_axis_off()
        self.figure_, self.axes_ = figure, axes
        return self


def _split_pipeline(pipeline):
    if not isinstance(pipeline, Pipeline) or not isinstance(
        pipeline[0], ImageAutoencoder
    ):
        raise TypeError(
            "estimator must be a Pipeline that starts with an ImageAutoencoder, got "
            f"{type(pipeline).__name__}."
        )
    check_is_fitted(pipeline[0])
    rest = pipeline[1:]
    if len(rest) and not hasattr(rest[-1], "transform"):
        rest = rest[:-1]
    if not len(rest):
        raise TypeError("The Pipeline has no encryptor after its ImageAutoencoder.")
    return pipeline[0], rest


def _bring_to_size(ciphertexts, autoencoder, encryptor):
    """Give the columns of ciphertexts the mean and the variance of codes.

    Both are estimated from drawn codes: a picture does not depend on the images that
    are encrypted with it.
    """
    drawn = autoencoder._draw_codes(N_DRAWN, make_random_state(0))
    encrypted = encryptor.transform(drawn)
    units = (ciphertexts - encrypted.mean(axis=0)) / encrypted.std(axis=0)
    return drawn.mean(axis=0) + units * drawn.std(axis=0)


def _new_figure(size):
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "EncryptedImagesDisplay needs matplotlib: pip install matplotlib"
        ) from error
    return pyplot.figure(figsize=size, layout="constrained")
