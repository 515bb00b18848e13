"""Feature vectors of images, by pretrained networks."""

import os
from numbers import Integral

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.validation import Interval, fit_context
from sklearn_homeo.images._backbones import CPU_PIECE, load_backbone
from sklearn_homeo.images._reading import MAX_PIXELS, read_batches
from sklearn_homeo.images._validation import check_images
from sklearn_homeo.networks.inference import resolve_device

__all__ = ["ImageFeatureExtractor"]


class ImageFeatureExtractor(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocLinkMixin, BaseEstimator
):
    """Turn images into feature vectors by a pretrained network.

    Images come as paths of files, as Pillow's images, as arrays, or as rows of
    flattened pixels. Each is
    brought to the size that the network takes and becomes one row of float64.
    Nothing is learnt from the data: `fit` loads the network and notes the images'
    shape and scale.

    Parameters
    ----------
    backbone : str or torch.nn.Module, default="efficientnet-lite0"
        "efficientnet-lite0" comes with ImageNet weights as a package, without network
        access, and has 1280 features. Other names, such as "resnet18" and "vgg11",
        are those of torchvision's classification networks; their classifier is taken
        off and maps are averaged. A module maps float32 of shape (n, channels,
        height, width), values from 0 to 1, to (n, d) or to maps of shape (n, d, h,
        w), which are averaged; it is copied, not changed.

    weights : "default" or path-like, default="default"
        "default" are the published ImageNet weights, downloaded if they are
        torchvision's, or a module's own. A path is that of a state dict, either
        ".safetensors" or as `torch.save` writes it; a classifier in it is passed
        over.

    image_shape : tuple (height, width) or (height, width, channels), default=None
        Layout of rows of flattened images, in C order with channels last. None takes
        square images, of one channel or else of three; if rows have no such length,
        it warns and takes each for one line of pixels. For files and a module, it is
        what images are brought to (its first convolution, if any, decides on grey or
        colour), and None is 224 x 224 in colour. Other networks know their size.

    batch_size : int, default=64
        Images to read at a time; twice as many are in memory. On a CPU at most 4 go
        through the network at a time.

    device : str, default="auto"
        Where the network runs: "cpu", "cuda", "cuda:1", or "auto" for a GPU if there is
        one. It is looked up when `transform` runs, so that what was fitted on a GPU
        works without.

    n_jobs : int or None, default=None
        Threads that decode and resize images, while the network runs on those
        before. None is 1 if the network runs on a CPU, unless in a
        `joblib.parallel_config`, and all processors, as -1, if it runs on a GPU.

    max_pixels : int, default=33554432
        Most pixels of a file's or an opened image's picture, checked before it is
        decoded: a file of some kilobytes can ask for gigabytes. A picture takes up to
        13 bytes a pixel while it is read, of which `n_jobs` are at a time. For
        JPEG files the size at which they are decoded counts; see Notes.

    verbose : bool or int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    image_shape_ : tuple (height, width, channels) or None
        Shape of the images seen during `fit`. For files, the parameter.

    white_level_ : float
        Value of white in images of floats.

    n_features_in_ : int
        Number of values of an image seen during `fit`. Not set for a list of files.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if `fit` saw a data frame whose names all are strings.

    See Also
    --------
    sklearn_homeo.datasets.load_image_folder : Paths and labels of a folder.
    HomeomorphicEncryptor : Encrypts feature vectors.

    Notes
    -----
    Integers run from 0 to 255, uint16 to 65535, booleans to 1. Floats run from 0 to
    1, unless those seen in `fit` exceed 1, which sets them to 255 for good.

    The whole image is resized, so that nothing at its edges is lost; its aspect ratio
    is not kept. Files may differ in size. Their EXIF orientation is applied, pixels
    of 16 bits are scaled to 8, transparent ones are laid on white, and of an
    animation the first frame is taken. JPEG files six times too large or more are
    decoded at a half, a quarter or an eighth of their size, which moves features by
    about 1 %.

    The network computes in float32, in evaluation mode. A row does not depend on the
    others: on a CPU it has the same bits in any company, on a GPU it agrees to 1e-5.
    Pickles contain the weights.

    References
    ----------
    .. [1] M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional
       Neural Networks", ICML 2019, arXiv:1905.11946.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_images
    >>> from sklearn_homeo import ImageFeatureExtractor
    >>> photographs = load_sample_images().images
    >>> photographs[0].shape
    (427, 640, 3)
    >>> extractor = ImageFeatureExtractor()
    >>> extractor.fit_transform(photographs).shape
    (2, 1280)
    """

    _parameter_constraints: dict = {
        "backbone": [str, nn.Module],
        "weights": [str, os.PathLike],
        "image_shape": ["array-like", None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "n_jobs": [Integral, None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        backbone="efficientnet-lite0",
        *,
        weights="default",
        image_shape=None,
        batch_size=64,
        device="auto",
        n_jobs=None,
        max_pixels=MAX_PIXELS,
        verbose=0,
    ):
        self.backbone = backbone
        self.weights = weights
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.device = device
        self.n_jobs = n_jobs
        self.max_pixels = max_pixels
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Load the network and note the images' shape and scale.

        Parameters
        ----------
        X : array-like
            Paths of shape (n_samples,) or (n_samples, 1); a list of Pillow's images;
            images of shape (n_samples, height, width) or (n_samples, height, width,
            channels) with 1, 3 or 4 channels; flattened images of shape (n_samples,
            n_features).

        y : None
            Ignored.

        Returns
        -------
        self : ImageFeatureExtractor

        Raises
        ------
        ImportError
            If an optional package is missing or broken.
        OSError
            If image files are missing, or if weights are neither found nor
            downloaded.
        ValueError
            If X holds no images, or if the backbone or its weights do not work.
        """
        check_images(self, X, reset=True)
        resolve_device(self.device)
        self._backbone = load_backbone(self.backbone, self.weights, self.image_shape_)
        self._n_features_out = self._backbone.count_features()
        return self

    def transform(self, X):
        """Compute feature vectors.

        Parameters
        ----------
        X : array-like
            Images as in `fit`, not necessarily in the same form.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out), dtype float64

        Raises
        ------
        FileNotFoundError
            If files are missing; the message lists rows and paths.
        ValueError
            If a file is broken, empty or truncated, or if features are not finite;
            the message names the row.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        backbone = self._backbone.to(resolve_device(self.device))
        piece = None
        if backbone.device.type == "cpu":
            piece = min(CPU_PIECE, self.batch_size)
        features = np.empty((len(images), self._n_features_out))
        batches = read_batches(
            images,
            backbone.framing,
            self.batch_size,
            n_jobs=self.n_jobs,
            device=backbone.device,
            verbose=self.verbose,
        )
        # A GPU computes on while the features before are fetched from it.
        computed = ((rows, backbone.start(pixels, piece)) for rows, pixels in batches)
        for rows, found in _one_behind(computed):
            features[rows] = found.cpu().numpy()
        _check_finite(features)
        return features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


def _one_behind(items):
    """Yield items, each when the next one exists."""
    last = []
    for item in items:
        yield from last
        last = [item]
    yield from last


def _check_finite(features):
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"The backbone gave features that are not finite for {(~finite).sum()} "
            f"images, the first in row {np.argmin(finite)} of X."
        )
