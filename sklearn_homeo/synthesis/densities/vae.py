"""One variational autoencoder of all classes, told the class."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from sklearn_homeo.networks.class_conditional import (
    ClassConditionalAutoencoder,
    EvidenceLoss,
)
from sklearn_homeo.networks.inference import resolve_device
from sklearn_homeo.networks.training import train_network
from sklearn_homeo.synthesis.densities.gaussian import (
    AMPLE_ROWS,
    Gaussians,
    fit_gaussians,
)

__all__ = ["DEFAULT_EPOCHS", "AutoencoderDensity", "decoded_rows", "fit_autoencoder"]

DEFAULT_EPOCHS = 300
_MAX_COMPONENTS = 32
_N_HIDDEN = 128
_MAX_BATCH, _MIN_BATCH = 128, 16
# Least steps of an epoch that smaller batches provide.
_STEPS = 20
_LEARNING_RATE = 2e-3
_VALIDATION_FRACTION = 0.1
_PATIENCE = 40


@dataclass(frozen=True)
class AutoencoderDensity:
    """A decoder of standard normal codes into rows of a class.

    Parameters
    ----------
    gaussians : Gaussians
        Gaussians of the classes. The network sees rows in coordinates in which each
        class has unit covariance, and only has to learn what is not normal about them.
    network : ClassConditionalAutoencoder
        On the CPU.
    """

    gaussians: Gaussians
    network: ClassConditionalAutoencoder

    @property
    def n_directions(self):
        """Number of directions that are described, others being noise."""
        return self.gaussians.n_directions

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        return self.gaussians.embed(decoded_rows(self.network, code, n, rng), code, rng)


def decoded_rows(network, code, n, rng):
    """Rows (n, n_features) of a class, decoded from normal codes, with their noise."""
    codes = rng.standard_normal((n, network.n_components), dtype=np.float32)
    classes = torch.zeros(n, network.n_classes)
    classes[:, code] = 1
    with torch.inference_mode():
        means, logs = network.decode(torch.from_numpy(codes), classes)
    deviations = (logs / 2).exp().numpy().astype(np.float64)
    return rng.standard_normal(deviations.shape) * deviations + means.numpy()


def fit_autoencoder(X, codes, rng, max_epochs, device, verbose):
    """Train the autoencoder.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    rng : Generator
    max_epochs : int
    device : str
    verbose : int

    Returns
    -------
    density : AutoencoderDensity, or Gaussians if there is no direction to describe

    References
    ----------
    D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
    """
    gaussians = fit_gaussians(X, codes, rng, AMPLE_ROWS)
    if gaussians.n_directions == 0:
        return gaussians
    n_classes = len(gaussians.means)
    whitened = np.empty((len(X), gaussians.n_directions), dtype=np.float32)
    for code in range(n_classes):
        whitened[codes == code] = gaussians.whiten(X[codes == code], code)
    network, _ = train_network(
        partial(
            ClassConditionalAutoencoder,
            gaussians.n_directions,
            n_classes,
            min(gaussians.n_directions, _MAX_COMPONENTS),
            _N_HIDDEN,
        ),
        np.hstack([whitened, np.eye(n_classes, dtype=np.float32)[codes]]),
        whitened,
        EvidenceLoss(),
        max_epochs=max_epochs,
        batch_size=int(np.clip(len(X) // _STEPS, _MIN_BATCH, _MAX_BATCH)),
        learning_rate=_LEARNING_RATE,
        validation_fraction=_VALIDATION_FRACTION,
        n_iter_no_change=_PATIENCE,
        device=resolve_device(device),
        random_state=np.random.RandomState(rng.integers(2**31)),
        verbose=verbose,
    )
    return AutoencoderDensity(gaussians, network)
