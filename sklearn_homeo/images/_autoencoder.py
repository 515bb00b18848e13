"""Codes of images that can be turned into images again."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array, gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from torch import nn

from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.messages import check_count
from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import as_float_rows, check_finite
from sklearn_homeo._utils.validation import Interval, fit_context
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.exceptions import PoorReconstructionWarning
from sklearn_homeo.images._codec import ImageCodec, gather
from sklearn_homeo.images._encoder_inputs import FeatureInputs, PixelInputs
from sklearn_homeo.images._reading import MAX_PIXELS, Framing, read_batches
from sklearn_homeo.images._validation import check_images, count_dimensions
from sklearn_homeo.networks.autoencoding import Autoencoder, ReconstructionLoss
from sklearn_homeo.networks.convolutional import ConvolutionalDecoder
from sklearn_homeo.networks.inference import resolve_device
from sklearn_homeo.networks.training import train_network

__all__ = ["ImageAutoencoder"]

DEFAULT_SHAPE = (64, 64, 3)
# Share of the epochs over which the divergence comes to its full weight.
WARM_UP = 0.25
# Images on which reconstructions are compared with the mean image, and the share of its
# error from which on they are blurred, as seen on photographs.
N_COMPARED = 512
POOR_SHARE = 1 / 3
SMALLEST_ERROR = 1e-6
# Least variance of a unit's posterior mean for the unit to count as active.
ACTIVE_VARIANCE = 0.01


class ImageAutoencoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocLinkMixin, BaseEstimator
):
    """Turn images into codes by a convolutional autoencoder, and codes into images.

    `transform` encodes, `inverse_transform` decodes. Decoded, encrypted codes are
    *encrypted images*.

    Parameters
    ----------
    n_components : int, default=128
        Length of the code.

    variational : bool, default=False
        Whether codes are pressed into a standard normal distribution, so that
        `sample` draws new images. `transform` then gives posterior means.

    image_shape : tuple (height, width) or (height, width, channels), default=None
        Layout of rows of flattened images, in C order with channels last; None takes
        square images. For files, the shape to which they are brought; None is 64 x 64
        in colour. An alpha channel is laid on white.

    encoder : str, torch.nn.Module or None, default=None
        None trains a convolutional encoder from scratch. Otherwise the backbone of an
        :class:`ImageFeatureExtractor`, such as "efficientnet-lite0": a linear map
        reduces its features to half of the code, which they are reconstructed
        from, and a convolutional encoder the pixels to the other half. The backbone
        itself is not trained.

    max_epochs : int, default=50
        Most passes over the training images.

    batch_size : int, default=64
        Images of a training step, and images to read at a time.

    learning_rate : float, default=2e-3
        Greatest of the one-cycle schedule.

    validation_fraction : float, default=0.1
        Share of the images that are held out to decide when to stop, if that is at
        least five.

    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which training stops. The best
        epoch's weights are kept.

    kl_weight : float, default=1.0
        Weight of the divergence of variational codes from the normal distribution. It
        is reached after a quarter of the epochs, lest codes collapse at the start.
        1 is the evidence lower bound.

    device : str, default="auto"
        Where the networks run: "cpu", "cuda", "cuda:1", or "auto" for a GPU if there is
        one. Looked up at each call, so that what was fitted on a GPU works without.

    n_jobs : int or None, default=None
        Threads that decode and resize images. None is 1 if the networks run on a CPU,
        and all processors, as -1, if they run on a GPU.

    max_pixels : int, default=33554432
        Most pixels of a picture in a file, as in :class:`ImageFeatureExtractor`.

    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, batches and held-out images. torch's global state is
        left as it was.

    verbose : bool or int, default=0
        Whether to show progress bars.

    Attributes
    ----------
    history_ : list of dict
        The learning curve: "epoch", "train_loss", "valid_loss" and "seconds" of
        every epoch. Losses are negative log likelihoods in nats an image, of
        pixels from 0 to 255, up to a constant.

    n_epochs_ : int
        Number of epochs trained.

    n_active_units_ : int
        Number of components of a variational code whose posterior mean varies over
        the training images by a variance of more than 0.01. The others carry nothing.

    reconstruction_error_ : float
        Mean squared error of the reconstructions of training images (512 of them, if
        there are more), of values from 0 (black) to 1 (white).

    mean_image_error_ : float
        The same if each were replaced by their mean. `fit` gives a
        `PoorReconstructionWarning` if the former is more than a third of it.

    image_shape_ : tuple (height, width, channels)
        Shape of the images seen during `fit`; of files, that to which they are brought.

    white_level_ : float
        Value of white in images of floats.

    n_features_in_ : int
        Number of values of an image seen during `fit`. Not set for a list of files.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if `fit` saw a data frame whose names all are strings.

    See Also
    --------
    ImageFeatureExtractor : Features that classify better, but cannot be decoded.
    EncryptedImagesDisplay : Pictures of original, encrypted and decrypted images.

    Notes
    -----
    Codes of a plain autoencoder have mean 0 and variance 1 over the training images.
    Ciphertexts may be much smaller; :func:`encrypt_images` brings them to that size
    before it decodes them.

    Each target, pixels and features, is taken for normal around its reconstruction
    with the variance that makes a batch most likely [2]_; minimising the negative
    logarithm of that needs no weights. All training images are in memory, as one byte a
    value if they are files or integers; a pretrained encoder's features and pixels
    besides, as four.

    References
    ----------
    .. [1] D. Kingma, M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014,
       arXiv:1312.6114.
    .. [2] O. Rybkin, K. Daniilidis, S. Levine, "Simple and Effective VAE Training with
       Calibrated Decoders", ICML 2021, arXiv:2006.13202.
    .. [3] Y. Burda, R. Grosse, R. Salakhutdinov, "Importance Weighted Autoencoders",
       ICLR 2016, arXiv:1509.00519 (active units).
    .. [4] P. Ghosh, M. Sajjadi, A. Vergari, M. Black, B. Schölkopf, "From Variational
       to Deterministic Autoencoders", ICLR 2020, arXiv:1903.12436 (`sample`).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_homeo import ImageAutoencoder
    >>> X = load_digits().images / 16
    >>> X.shape
    (1797, 8, 8)
    >>> autoencoder = ImageAutoencoder(n_components=16, max_epochs=3, random_state=0)
    >>> codes = autoencoder.fit_transform(X)
    >>> codes.shape
    (1797, 16)
    >>> autoencoder.inverse_transform(codes).shape
    (1797, 8, 8)
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "variational": ["boolean"],
        "image_shape": ["array-like", None],
        "encoder": [str, nn.Module, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "device": [str],
        "n_jobs": [Integral, None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components=128,
        *,
        variational=False,
        image_shape=None,
        encoder=None,
        max_epochs=50,
        batch_size=64,
        learning_rate=2e-3,
        validation_fraction=0.1,
        n_iter_no_change=10,
        kl_weight=1.0,
        device="auto",
        n_jobs=None,
        max_pixels=MAX_PIXELS,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.variational = variational
        self.image_shape = image_shape
        self.encoder = encoder
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.kl_weight = kl_weight
        self.device = device
        self.n_jobs = n_jobs
        self.max_pixels = max_pixels
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the networks.

        Parameters
        ----------
        X : array-like
            Paths of shape (n_samples,) or (n_samples, 1); a list of Pillow's images;
            images of shape (n_samples, height, width) or (n_samples, height, width,
            channels) with 1, 3 or 4 channels; flattened images of shape (n_samples,
            n_features). At least two images.

        y : None
            Ignored.

        Returns
        -------
        self : ImageAutoencoder

        Raises
        ------
        ImportError
            If an optional package is missing or broken.
        FileNotFoundError
            If files are missing; the message lists rows and paths.
        ValueError
            If X holds no images, a file is broken, the encoder does not work, or the
            training diverges.
        """
        images = check_images(self, X, reset=True)
        if len(images) < 2:
            raise ValueError(
                "X has n_samples=1, but an autoencoder learns what images have in "
                "common: it needs at least 2, and better some hundreds."
            )
        self._note_layout(X, images)
        device = resolve_device(self.device)
        rng = make_random_state(self.random_state)
        source = self._choose_inputs()
        inputs = self._gather_inputs(images, source.on(device))
        source.learn(inputs, self.n_components, rng)
        targets = inputs
        if source.reconstructs_features:
            targets = (self._gather_pixels(images), source.features(inputs))
        network, self.history_ = self._train(source, inputs, targets, device, rng)
        self.n_epochs_ = len(self.history_)
        self._codec = ImageCodec(source, network)
        codes = self._learn_codes(inputs, device)
        pixels = targets[0] if source.reconstructs_features else targets
        self._compare_with_mean_image(pixels, codes)
        self._n_features_out = self.n_components
        return self

    def transform(self, X):
        """Encode images.

        Parameters
        ----------
        X : array-like
            Images as in `fit`, not necessarily in the same form.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components), dtype float64

        Raises
        ------
        FileNotFoundError
            If files are missing; the message lists rows and paths.
        ValueError
            If a file is broken, empty or truncated; the message names it.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        codec = self._codec.on(resolve_device(self.device))
        codes = np.empty((len(images), self.n_components))
        for rows, pixels in self._read(images, codec.framing):
            codes[rows] = codec.encode(pixels)
        return codes

    def inverse_transform(self, Z):
        """Decode codes into images.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        images : ndarray, dtype float32
            Flattened, of shape (n_samples, n_features), if `fit` saw rows; else of
            shape (n_samples, height, width) or (n_samples, height, width, channels).
            White is what it was in `fit`, and 1 if `fit` saw files.

        Raises
        ------
        ValueError
            If Z has another number of columns.
        """
        check_is_fitted(self)
        owner = type(self).__name__
        Z = check_array(as_float_rows(Z, "Z", owner), ensure_all_finite=False)
        check_finite(Z, "Z", owner)
        if Z.shape[1] != self.n_components:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but the codes of this "
                f"{type(self).__name__} have {self.n_components}."
            )
        images = self._decode(Z)
        images *= np.float32(self._white)
        return images.reshape(len(Z), *self._layout)

    @available_if(lambda self: self._check_variational())
    def sample(self, n_samples=1, random_state=None):
        """Draw new images; of a variational autoencoder only.

        Codes are drawn from the normal distribution with the mean and the covariance
        of the training images' codes, which a short training leaves some way from
        the standard normal one.

        Parameters
        ----------
        n_samples : int, default=1
            How many.

        random_state : int, RandomState instance or None, default=None
            Seed of the draw.

        Returns
        -------
        images : ndarray, dtype float32
            As those of `inverse_transform`.
        """
        check_is_fitted(self)
        n_samples = check_count(n_samples, "n_samples")
        rng = make_random_state(random_state)
        return self.inverse_transform(self._draw_codes(n_samples, rng))

    def score(self, X, y=None):
        """Return the negative mean squared error of the reconstructions.

        Parameters
        ----------
        X : array-like
            Images as in `fit`.

        y : None
            Ignored.

        Returns
        -------
        score : float
            Negative error of values between 0 (black) and 1 (white).
        """
        codes = self.transform(X)
        images = check_images(self, X, reset=False)
        total = 0.0
        for rows, pixels in self._read(images, self._framing()):
            total += np.sum((self._decode(codes[rows]) - pixels / 255.0) ** 2)
        return -float(total / (len(images) * np.prod(self._framed_shape())))

    def _check_variational(self):
        if self.variational:
            return True
        raise AttributeError("sample draws images only if variational=True.")

    def _frame(self, X):
        """Images as they are reconstructed: (n, height, width, channels), 0 to 1."""
        images = check_images(self, X, reset=False)
        return (self._gather_pixels(images) / 255).astype(np.float32)

    def _decode(self, codes):
        """The like of `_frame`, from codes."""
        codec = self._codec.on(resolve_device(self.device))
        images = np.empty((len(codes), *self._framed_shape()), dtype=np.float32)
        for rows in gen_batches(len(codes), self.batch_size):
            images[rows] = codec.decode(codes[rows])
        return images

    def _draw_codes(self, n_samples, rng):
        """Normal codes with the moments of the training images' codes."""
        return rng.multivariate_normal(
            self._code_mean, self._code_covariance, size=n_samples
        )

    def _note_layout(self, X, images):
        if self.image_shape_ is None:
            self.image_shape_ = DEFAULT_SHAPE
        self._white = getattr(images, "white_level", 1.0)
        shape = self._framed_shape()
        n_dimensions = count_dimensions(X) if hasattr(images, "pixels") else 4
        self._layout = {2: (-1,), 3: shape[:2]}.get(n_dimensions, shape)

    def _framing(self):
        return Framing(*self._framed_shape())

    def _framed_shape(self):
        height, width, channels = self.image_shape_
        return height, width, min(channels, 3)

    def _choose_inputs(self):
        if self.encoder is None:
            return PixelInputs(self._framing())
        return FeatureInputs(self.encoder, self._framing())

    def _read(self, images, framing):
        return read_batches(
            images,
            framing,
            self.batch_size,
            n_jobs=self.n_jobs,
            device=resolve_device(self.device),
            verbose=self.verbose,
        )

    def _gather_inputs(self, images, source):
        batches = self._read(images, source.framing)
        computed = ((rows, source.compute(pixels)) for rows, pixels in batches)
        return gather(len(images), computed)

    def _gather_pixels(self, images):
        return gather(len(images), self._read(images, self._framing()))

    def _train(self, source, inputs, targets, device, rng):
        return train_network(
            lambda: self._make_network(source),
            inputs,
            targets,
            ReconstructionLoss(self.kl_weight),
            callbacks=[_WarmUp(self.kl_weight)] if self.variational else [],
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            validation_fraction=self.validation_fraction,
            n_iter_no_change=self.n_iter_no_change,
            device=device,
            random_state=rng,
            verbose=self.verbose,
        )

    def _make_network(self, source):
        decoders = [
            ConvolutionalDecoder(self.n_components, self._framed_shape()),
            *source.make_decoders(self.n_components),
        ]
        encoder = source.make_encoder(self.n_components, 1 + self.variational)
        return Autoencoder(encoder, decoders, self.variational)

    def _learn_codes(self, inputs, device):
        codec = self._codec.on(device)
        codes = self._by_batches(codec.encode_inputs, inputs)
        spread = np.zeros(self.n_components)
        if self.variational:
            self.n_active_units_ = int((codes.var(axis=0) > ACTIVE_VARIANCE).sum())
            spread = self._by_batches(codec.posterior_variances, inputs).mean(axis=0)
        else:
            codes = self._codec.standardise(codes)
        self._code_mean = codes.mean(axis=0)
        covariance = np.cov(codes, rowvar=False, bias=True).reshape(len(codes.T), -1)
        self._code_covariance = covariance + np.diag(spread)
        return codes

    def _compare_with_mean_image(self, pixels, codes):
        """Say how well images are reconstructed, and warn where nothing was learnt."""
        chosen = np.linspace(0, len(pixels) - 1, min(len(pixels), N_COMPARED))
        chosen = np.unique(chosen.astype(int))
        images = pixels[chosen] / np.float32(255)
        errors = (
            np.mean((self._decode(codes[chosen]) - images) ** 2),
            np.mean((images.mean(axis=0) - images) ** 2),
        )
        self.reconstruction_error_, self.mean_image_error_ = map(float, errors)
        if self.mean_image_error_ < SMALLEST_ERROR:
            return  # All images are the same.
        if self.reconstruction_error_ > POOR_SHARE * self.mean_image_error_:
            warn(
                "The autoencoder has learnt little of what tells the images apart: the "
                "mean squared error of its reconstructions is "
                f"{self.reconstruction_error_:.2g}, and that of the mean image in "
                f"place of each {self.mean_image_error_:.2g}. What is decoded from its "
                f"codes, encrypted or not, is blurred. {len(pixels)} images were seen "
                f"for {self.n_epochs_} epochs: take more images, more max_epochs "
                "with a larger n_iter_no_change, or a larger n_components.",
                PoorReconstructionWarning,
            )

    def _by_batches(self, function, inputs):
        batches = gen_batches(len(inputs), self.batch_size)
        return np.concatenate([function(inputs[rows]) for rows in batches])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


class _WarmUp(Callback):
    """Raise the weight of the divergence from nearly nothing."""

    def __init__(self, weight):
        self.weight = weight

    def on_epoch_begin(self, net, **kwargs):
        share = len(net.history) / max(1, WARM_UP * net.max_epochs)
        net.criterion_.divergence_weight = self.weight * min(1.0, share)
