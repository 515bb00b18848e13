"""Encoding images and decoding codes with trained networks."""

import copy

import numpy as np
import torch

from sklearn_homeo.networks.inference import compute_in_pieces, plain_inference

__all__ = ["ImageCodec", "gather"]

# Rows that go through a network at a time.
PIECE = 16
# Components that vary less are left as they are.
SMALLEST_SCALE = 1e-6


class ImageCodec:
    """A trained autoencoder, with the scale of its codes.

    Parameters
    ----------
    inputs : PixelInputs or FeatureInputs
        What the encoder sees of images.
    network : Autoencoder
    """

    def __init__(self, inputs, network):
        self._inputs = inputs
        self._network = network
        self._mean, self._scale = 0.0, 1.0
        self._device = torch.device("cpu")

    @property
    def framing(self):
        """Size and channels of the images to encode."""
        return self._inputs.framing

    def on(self, device):
        """Return the codec on a device; this one stays where it is."""
        if device == self._device:
            return self
        moved = copy.copy(self)
        moved._inputs = self._inputs.on(device)
        moved._network = copy.deepcopy(self._network).to(device)
        moved._device = device
        return moved

    def standardise(self, codes):
        """Give these codes, and all from now on, mean 0 and variance 1."""
        self._mean, scale = codes.mean(axis=0), codes.std(axis=0)
        self._scale = np.where(scale > SMALLEST_SCALE, scale, 1.0)
        return (codes - self._mean) / self._scale

    def encode(self, pixels):
        """Map pixels (n, height, width, channels) to codes (n, n_components)."""
        return self.encode_inputs(self._inputs.compute(pixels))

    def encode_inputs(self, inputs):
        """Map what the encoder sees to codes (n, n_components), as float64."""
        codes = self._compute(self._network.encode, inputs).astype(np.float64)
        return (codes - self._mean) / self._scale

    def posterior_variances(self, inputs):
        """Variances of variational codes (n, n_components), as float64."""
        variances = self._compute(lambda x: self._network.posterior(x)[1], inputs)
        return variances.astype(np.float64)

    def decode(self, codes):
        """Map codes (n, n_components) to pixels from 0 to 1, as float32."""
        codes = codes * self._scale + self._mean
        pixels = self._compute(self._network.decoders[0], codes.astype(np.float32))
        return pixels / 255

    def _compute(self, function, rows):
        rows = torch.from_numpy(rows).to(self._device)
        with plain_inference():
            return compute_in_pieces(function, rows, PIECE).cpu().numpy()


def gather(n_rows, batches):
    """Put batches, pairs of a slice and values, into one array."""
    gathered = None
    for rows, values in batches:
        if gathered is None:
            gathered = np.empty((n_rows, *values.shape[1:]), dtype=values.dtype)
        gathered[rows] = values
    return gathered
