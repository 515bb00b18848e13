"""The class-conditional autoencoder, trained under differential privacy."""

import secrets
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from sklearn_homeo.networks.class_conditional import (
    ClassConditionalAutoencoder,
    EvidenceLoss,
)
from sklearn_homeo.networks.inference import resolve_device
from sklearn_homeo.networks.training import isolated_random_state
from sklearn_homeo.privacy.box import Box
from sklearn_homeo.privacy.ledger import (
    NOT_COVERED,
    PUBLIC,
    Mechanism,
    PrivacyLedger,
)
from sklearn_homeo.synthesis.densities.vae import decoded_rows

__all__ = ["DEFAULT_EPOCHS", "fit_private_autoencoder", "plan_training"]

# More steps want more noise each.
DEFAULT_EPOCHS = 20
# Bounds are typically so many standard deviations from the middle.
_DEVIATIONS = 4.0
_MAX_COMPONENTS = 16
_N_HIDDEN = 64
_BATCH = 256
_LEARNING_RATE = 1e-2
_CLIPPED_NORM = 1.0


def plan_training(epsilon, delta):
    """Say what the budget buys, without any data.

    Parameters
    ----------
    epsilon, delta : float

    Returns
    -------
    ledger : PrivacyLedger

    Examples
    --------
    >>> from sklearn_homeo.synthesis.densities.private_vae import plan_training
    >>> plan_training(1.0, 1e-5).neighbours
    'one row added or removed'
    """
    return PrivacyLedger(
        epsilon=float(epsilon),
        delta=float(delta),
        rho=None,
        neighbours="one row added or removed",
        mechanisms=(
            Mechanism(
                f"sum of gradients clipped to norm {_CLIPPED_NORM:g}, at each step",
                "DP-SGD on Poisson-sampled batches, its noise set by Opacus's PRV "
                "accountant from epsilon, delta, number of rows and max_epochs",
                f"{_CLIPPED_NORM:g}",
                None,
            ),
        ),
        public=(*PUBLIC, "max_epochs"),
        not_covered=(
            *NOT_COVERED,
            "attacks on the random numbers of torch, whose noise is not cryptographic",
        ),
    )


@dataclass(frozen=True)
class PrivateAutoencoder:
    """A decoder of standard normal codes into rows of a class.

    Parameters
    ----------
    box : Box
    network : ClassConditionalAutoencoder
        On the CPU.
    noise_multiplier : float
        Standard deviation of the noise on gradients, relative to their clipped norm.
    """

    box: Box
    network: ClassConditionalAutoencoder
    noise_multiplier: float

    @property
    def n_directions(self):
        """Number of directions that are described, others being noise."""
        return len(self.box.middle)

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        rows = decoded_rows(self.network, code, n, rng)
        rows /= _DEVIATIONS
        return self.box.embed(rows)


def fit_private_autoencoder(
    X, codes, ledger, box, rng, *, max_epochs, device, verbose, seeded
):
    """Train the autoencoder by DP-SGD.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    ledger : PrivacyLedger
    box : Box
    rng : Generator
        Generator of initial weights.
    max_epochs : int
    device : str
    verbose : int
    seeded : bool
        Whether the noise comes from `rng`, too, to repeat a run; otherwise it is
        seeded by the operating system.

    Returns
    -------
    density : PrivateAutoencoder

    Raises
    ------
    ImportError
        If Opacus is not installed.

    References
    ----------
    M. Abadi et al., "Deep learning with differential privacy", CCS 2016; S. Gopi, Y.
    Lee, L. Wutschitz, "Numerical composition of differential privacy", NeurIPS 2021
    (the accountant).
    """
    engine = _import_engine()
    device = resolve_device(device)
    n_classes = int(codes.max()) + 1
    rows = (_DEVIATIONS * box.scale(X)).astype(np.float32)
    inputs = np.hstack([rows, np.eye(n_classes, dtype=np.float32)[codes]])
    data = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(rows))
    with isolated_random_state(np.random.RandomState(rng.integers(2**31))):
        network = ClassConditionalAutoencoder(
            X.shape[1], n_classes, min(X.shape[1], _MAX_COMPONENTS), _N_HIDDEN
        ).to(device)
        # Of the size of typical rows: far from it, steps would be spent on that alone.
        torch.nn.init.zeros_(network.log_variances.weight)
        seed = int(rng.integers(2**63)) if seeded else secrets.randbits(63)
        generator = torch.Generator(device).manual_seed(seed)
        with warnings.catch_warnings():
            # Opacus warns that its noise is not cryptographic, as the ledger says, and
            # of hooks of its own.
            warnings.simplefilter("ignore")
            private, optimizer, loader = engine(
                accountant="prv"
            ).make_private_with_epsilon(
                module=network.train(),
                optimizer=torch.optim.Adam(network.parameters(), _LEARNING_RATE),
                data_loader=DataLoader(data, batch_size=min(_BATCH, len(X))),
                target_epsilon=ledger.epsilon,
                target_delta=ledger.delta,
                epochs=max_epochs,
                max_grad_norm=_CLIPPED_NORM,
                noise_generator=generator,
            )
            _train(private, optimizer, loader, max_epochs, device, verbose)
    private.to_standard_module()
    return PrivateAutoencoder(
        box, network.cpu().eval(), float(optimizer.noise_multiplier)
    )


def _import_engine():
    try:
        from opacus import PrivacyEngine
    except ImportError as error:
        raise ImportError(
            'epsilon with method="vae" needs Opacus: pip install "sklearn-homeo[dp]"'
        ) from error
    return PrivacyEngine


def _train(network, optimizer, loader, max_epochs, device, verbose):
    criterion = EvidenceLoss()
    for _ in tqdm(range(max_epochs), unit="epoch", disable=not verbose):
        for inputs, targets in loader:
            optimizer.zero_grad()
            # Poisson sampling leaves a batch empty now and then: pure noise is added.
            loss = criterion(network(inputs.to(device)), targets.to(device))
            loss.backward()
            optimizer.step()
