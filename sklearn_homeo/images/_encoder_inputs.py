"""What an autoencoder's encoder sees of images: their pixels or pretrained features."""

import copy

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional

from sklearn_homeo.images._backbones import CPU_PIECE, load_backbone
from sklearn_homeo.networks.autoencoding import FeatureEncoder
from sklearn_homeo.networks.convolutional import ConvolutionalEncoder

__all__ = ["FeatureInputs", "PixelInputs"]


class PixelInputs:
    """The pixels, which a convolutional encoder reduces to codes.

    Parameters
    ----------
    framing : Framing
        Size and channels of the images.
    """

    reconstructs_features = False

    def __init__(self, framing):
        self.framing = framing

    def on(self, device):
        """Return the same for a device; pixels need none."""
        return self

    def compute(self, pixels):
        """Return the encoder's inputs for images (n, height, width, channels)."""
        return pixels

    def learn(self, inputs, n_components, random_state):
        """Learn nothing from the training inputs."""

    def make_encoder(self, n_components, n_parts):
        """Return an untrained encoder with `n_parts` outputs a component."""
        framing = self.framing
        shape = (framing.height, framing.width, framing.channels)
        return ConvolutionalEncoder(shape, n_parts * n_components)

    def make_decoders(self, n_components):
        """Return the decoders of anything but the pixels: none."""
        return []


class FeatureInputs:
    """Standardised features of a pretrained network, and the pixels, side by side.

    The network is not trained further. A linear encoder, which starts at the
    principal components, reduces its features to half of the code; a convolutional one
    reduces the pixels to the other half. Features say what an image shows, but
    hardly where; pixels the reverse.

    Parameters
    ----------
    backbone : str or torch.nn.Module
    framing : Framing
        Size and channels of the images that the convolutional encoder sees, and, for
        a module, of those that the backbone sees.
    """

    reconstructs_features = True

    def __init__(self, backbone, framing):
        shape = (framing.height, framing.width, framing.channels)
        self._backbone = load_backbone(backbone, "default", shape)
        self._n_features = self._backbone.count_features()
        self._shape = shape
        self.framing = self._backbone.framing

    def on(self, device):
        """Return the same with the network on a device."""
        moved = copy.copy(self)
        moved._backbone = self._backbone.to(device)
        return moved

    def compute(self, pixels):
        """Return features and small pixels (n, d + height * width * channels).

        As float32; the features are standardised once `learn` was called.
        """
        piece = CPU_PIECE if self._backbone.device.type == "cpu" else None
        features = self._backbone.compute(pixels, piece)
        if hasattr(self, "_scaler"):
            features = self._scaler.transform(features)
        return np.hstack(
            [features, shrink(pixels, self._shape).reshape(len(pixels), -1)]
        )

    def learn(self, inputs, n_components, random_state):
        """Standardise the training features, in place, and find their main axes."""
        features = inputs[:, : self._n_features]
        self._scaler = StandardScaler().fit(features)
        features[:] = self._scaler.transform(features)
        n_axes = min(-(-n_components // 2), *features.shape)
        pca = PCA(n_axes, svd_solver="randomized", random_state=random_state)
        pca.fit(features)
        self._spread = np.sqrt(np.maximum(pca.explained_variance_, 1e-6))
        self._axes = pca.components_

    def features(self, inputs):
        """Return the features among the inputs: they are reconstructed too."""
        return inputs[:, : self._n_features]

    def make_encoder(self, n_components, n_parts):
        """Return an encoder whose first outputs are principal components."""
        n_linear = -(-n_components // 2)
        linear = nn.Linear(self._n_features, n_parts * n_linear)
        _start(linear, self._axes / self._spread[:, np.newaxis])
        n_left = n_components - n_linear
        if n_left == 0:
            return FeatureEncoder(linear, None, self._shape, n_parts)
        pixels = ConvolutionalEncoder(self._shape, n_parts * n_left)
        return FeatureEncoder(linear, pixels, self._shape, n_parts)

    def make_decoders(self, n_components):
        """Return a linear map that rebuilds the features from their components."""
        layer = nn.Linear(n_components, self._n_features)
        _start(layer, (self._axes * self._spread[:, np.newaxis]).T)
        return [layer]


def shrink(pixels, shape):
    """Bring framed images (n, height, width, channels) to another size, as float32."""
    height, width, channels = shape
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    if tuple(images.shape[2:]) != (height, width):
        images = functional.interpolate(
            images, (height, width), mode="bilinear", antialias=True
        )
    images = images.permute(0, 2, 3, 1).numpy()
    return images if channels == images.shape[3] else images.mean(axis=3, keepdims=True)


def _start(layer, weights):
    with torch.no_grad():
        n_out, n_in = weights.shape
        layer.weight[:n_out, :n_in] = torch.from_numpy(weights)
        layer.bias.zero_()
