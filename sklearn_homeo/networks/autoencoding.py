"""Autoencoders, plain and variational, and the loss that both minimise."""

import torch
from torch import nn

__all__ = ["Autoencoder", "FeatureEncoder", "ReconstructionLoss"]

# Floor of a squared error in the loss, whose logarithm is unbounded.
SMALLEST_ERROR = 1e-6
LARGEST_LOG_VARIANCE = 10.0


class Autoencoder(nn.Module):
    """An encoder of rows into codes, and decoders of codes.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps inputs to shape (n, n_components) or, if variational, to shape (n, 2 *
        n_components): means and logarithms of variances.
    decoders : list of torch.nn.Module
        Each maps codes to one of the targets.
    variational : bool
    """

    def __init__(self, encoder, decoders, variational):
        super().__init__()
        self.encoder = encoder
        self.decoders = nn.ModuleList(decoders)
        self.variational = variational

    def forward(self, inputs):
        """Return the reconstructions, a tuple, and the divergence of the codes.

        The divergence is that of Kullback and Leibler between the codes' distribution
        and the standard normal one, in nats a row; zero if not variational.
        """
        if self.variational:
            codes, divergence = _draw(*self.posterior(inputs))
        else:
            codes, divergence = self.encoder(inputs), 0.0
        return tuple(decode(codes) for decode in self.decoders), divergence

    def encode(self, inputs):
        """Return the codes (n, n_components): means, if variational."""
        return self.posterior(inputs)[0] if self.variational else self.encoder(inputs)

    def posterior(self, inputs):
        """Return means and variances (n, n_components) of variational codes."""
        means, logs = self.encoder(inputs).chunk(2, dim=1)
        return means, logs.clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE).exp()


def _draw(means, variances):
    codes = means + variances.sqrt() * torch.randn_like(means)
    divergence = (means**2 + variances - 1 - variances.log()).sum(dim=1).mean() / 2
    return codes, divergence


class FeatureEncoder(nn.Module):
    """Encode features and pixels, which come side by side, by an encoder each.

    Parameters
    ----------
    features : torch.nn.Linear
    pixels : torch.nn.Module or None
    shape : tuple (height, width, channels)
        Shape of the images whose pixels are the last inputs.
    n_parts : int
        2 if each encoder gives means and logarithms of variances, else 1.
    """

    def __init__(self, features, pixels, shape, n_parts):
        super().__init__()
        self._features = features
        self._pixels = pixels
        self._shape = shape
        self._n_parts = n_parts

    def forward(self, inputs):
        """Map inputs (n, n_features + n_pixels) to codes, part by part."""
        n_features = self._features.in_features
        outputs = [self._features(inputs[:, :n_features])]
        if self._pixels is not None:
            outputs.append(self._pixels(inputs[:, n_features:].view(-1, *self._shape)))
        parts = [output.chunk(self._n_parts, dim=1) for output in outputs]
        return torch.cat(
            [part for group in zip(*parts, strict=True) for part in group], 1
        )


class ReconstructionLoss(nn.Module):
    """Negative log likelihood of the targets, plus the weighted divergence, in nats.

    Each target is taken for normal around its reconstruction, with the variance that
    makes the batch most likely. So nothing has to be tuned: several targets weigh by
    the number of their values, and the divergence weighs as in the evidence lower
    bound.

    Parameters
    ----------
    divergence_weight : float, default=1.0
        In training. In evaluation it is 1, so that losses of epochs with different
        weights compare.

    References
    ----------
    .. [1] O. Rybkin, K. Daniilidis, S. Levine, "Simple and Effective VAE Training with
       Calibrated Decoders", ICML 2021, arXiv:2006.13202.

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.networks.autoencoding import ReconstructionLoss
    >>> target = torch.zeros(2, 3)
    >>> loss = ReconstructionLoss()
    >>> loss(((target + 1,), torch.tensor(0.5)), target).item()
    0.5
    """

    def __init__(self, divergence_weight=1.0):
        super().__init__()
        self.divergence_weight = divergence_weight

    def forward(self, outputs, targets):
        """Return the loss of a batch, a scalar."""
        reconstructions, divergence = outputs
        targets = targets if isinstance(targets, (tuple, list)) else (targets,)
        weight = self.divergence_weight if self.training else 1.0
        loss = weight * divergence
        for reconstruction, target in zip(reconstructions, targets, strict=True):
            error = ((reconstruction - target) ** 2).mean().clamp(min=SMALLEST_ERROR)
            loss = loss + target[0].numel() / 2 * error.log()
        return loss
