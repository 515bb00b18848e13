"""A variational autoencoder of rows, given their class."""

import math

import torch
from torch import nn
from torch.nn import functional

__all__ = ["ClassConditionalAutoencoder", "EvidenceLoss"]

_LARGEST_LOG = 10.0
_FIRST_LOG_VARIANCE = -4.0


class ClassConditionalAutoencoder(nn.Module):
    """Encoder and decoder that are told the class, and the decoder's noise.

    Parameters
    ----------
    n_features, n_classes : int
    n_components : int
        Length of the code.
    n_hidden : int
        Units of each of the two hidden layers on either side.

    References
    ----------
    K. Sohn, H. Lee, X. Yan, "Learning structured output representation using deep
    conditional generative models", NeurIPS 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.networks.class_conditional import (
    ...     ClassConditionalAutoencoder,
    ... )
    >>> network = ClassConditionalAutoencoder(5, 3, 2, 16)
    >>> rows = torch.cat([torch.zeros(7, 5), torch.eye(3)[[0] * 7]], dim=1)
    >>> means, log_variances, divergences = network(rows)
    >>> means.shape, log_variances.shape, divergences.shape
    (torch.Size([7, 5]), torch.Size([7, 5]), torch.Size([7]))
    """

    def __init__(self, n_features, n_classes, n_components, n_hidden):
        super().__init__()
        self.n_classes = n_classes
        self.n_components = n_components
        self.encoder = _perceptron(n_features + n_classes, n_hidden, 2 * n_components)
        self.decoder = _perceptron(n_components + n_classes, n_hidden, n_features)
        self.log_variances = nn.Linear(n_classes, n_features, bias=False)
        # Little noise at first, or the codes would be given up before they are used.
        nn.init.constant_(self.log_variances.weight, _FIRST_LOG_VARIANCE)

    def forward(self, inputs):
        """Reconstruct rows of shape (n, n_features + n_classes), classes one-hot.

        Returns
        -------
        means, log_variances : Tensor of shape (n, n_features)
            Parameters of the normal distributions of the rows, given their codes.
        divergences : Tensor of shape (n,)
            Divergence of the codes' distributions from the standard normal one, in
            nats.
        """
        classes = inputs[:, -self.n_classes :]
        centres, logs = self.encoder(inputs).chunk(2, dim=1)
        logs = logs.clamp(-_LARGEST_LOG, _LARGEST_LOG)
        codes = centres + (logs / 2).exp() * torch.randn_like(centres)
        divergences = (centres**2 + logs.exp() - 1 - logs).sum(dim=1) / 2
        return *self.decode(codes, classes), divergences

    def decode(self, codes, classes):
        """Means and log variances (n, n_features) of rows with the codes."""
        log_variances = self.log_variances(classes).clamp(-_LARGEST_LOG, _LARGEST_LOG)
        return self.decoder(torch.cat([codes, classes], dim=1)), log_variances


def _perceptron(n_inputs, n_hidden, n_outputs):
    return nn.Sequential(
        nn.Linear(n_inputs, n_hidden),
        nn.SiLU(),
        nn.Linear(n_hidden, n_hidden),
        nn.SiLU(),
        nn.Linear(n_hidden, n_outputs),
    )


class EvidenceLoss(nn.Module):
    """Negative evidence lower bound, in nats a row."""

    def forward(self, outputs, targets):
        """Return the mean over a batch, a scalar."""
        means, log_variances, divergences = outputs
        likelihood = functional.gaussian_nll_loss(
            means, targets, log_variances.exp(), reduction="none"
        ).sum(dim=1)
        constant = means.shape[1] / 2 * math.log(2 * math.pi)
        return (likelihood + divergences).mean() + constant
