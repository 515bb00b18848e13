"""Training networks: reproducible, stopped early, with a learning curve."""

from contextlib import contextmanager

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch.utils.data import Subset
from tqdm import tqdm

from sklearn_homeo._utils.random import make_random_state

__all__ = ["isolated_random_state", "train_network"]

# Fewer rows than these for validation would stop training by chance.
LEAST_VALIDATION = 5
LARGEST_GRADIENT = 5.0
WEIGHT_DECAY = 1e-4


@contextmanager
def isolated_random_state(random_state):
    """Seed torch for a block and restore its global state afterwards.

    Parameters
    ----------
    random_state : RandomState instance
        One number is drawn from it.
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(random_state.randint(np.iinfo(np.int32).max))
        yield


def train_network(
    make_network,
    inputs,
    targets,
    criterion,
    *,
    max_epochs,
    batch_size,
    learning_rate,
    validation_fraction,
    n_iter_no_change,
    device,
    random_state=None,
    verbose=0,
    callbacks=(),
):
    """Train a network by AdamW under a one-cycle schedule, with early stopping.

    Parameters
    ----------
    make_network : callable
        Returns a new torch module, which maps a batch of `inputs` to outputs.
    inputs, targets : ndarray of shape (n_samples, ...)
        `targets` may be a tuple of arrays. Batches keep the dtypes.
    criterion : torch.nn.Module
        Maps outputs and targets to a loss. What it minimises while it is in
        evaluation mode decides when to stop.
    max_epochs, batch_size : int
    learning_rate : float
        Greatest of the schedule.
    validation_fraction : float
        Share of the rows that are held out. Of too few rows none are, and the
        training loss decides.
    n_iter_no_change : int
        Epochs without improvement after which training stops. The best epoch's
        weights are kept in any case.
    device : torch.device
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, batches and held-out rows. torch's global state is left
        as it was.
    verbose : int, default=0
        Whether to show a progress bar.
    callbacks : sequence of skorch.callbacks.Callback, default=()

    Returns
    -------
    network : torch.nn.Module
        On the CPU, in evaluation mode.
    history : list of dict
        Learning curve. Every epoch has "epoch", "train_loss", "valid_loss" (if rows are
        held out) and "seconds".

    Raises
    ------
    ValueError
        If the loss is not finite.
    """
    rng = make_random_state(random_state)
    targets = targets if isinstance(targets, tuple) else (targets,)
    rows = Dataset(inputs, targets[0] if len(targets) == 1 else targets)
    train, held_out = _split(rows, validation_fraction, rng)
    monitor = "train_loss" if held_out is None else "valid_loss"
    with isolated_random_state(rng):
        net = NeuralNet(
            make_network,
            criterion,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=WEIGHT_DECAY,
            lr=learning_rate,
            max_epochs=max_epochs,
            batch_size=batch_size,
            iterator_train__shuffle=True,
            train_split=held_out and predefined_split(held_out),
            callbacks=[
                *callbacks,
                _one_cycle(len(train), batch_size, max_epochs, learning_rate),
                GradientNormClipping(LARGEST_GRADIENT),
                _Progress(monitor, verbose),
                EarlyStopping(monitor, n_iter_no_change, sink=_silence, load_best=True),
            ],
            device=device,
            verbose=0,
        )
        net.fit(train, None)
    return net.module_.cpu().eval(), _curve(net.history)


def _split(rows, validation_fraction, rng):
    order = rng.permutation(len(rows)).tolist()
    n_held_out = round(validation_fraction * len(rows))
    if n_held_out < LEAST_VALIDATION:
        return Subset(rows, order), None
    return Subset(rows, order[n_held_out:]), Subset(rows, order[:n_held_out])


def _one_cycle(n_rows, batch_size, max_epochs, learning_rate):
    return LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        step_every="batch",
        max_lr=learning_rate,
        total_steps=max_epochs * -(-n_rows // batch_size),
    )


class _Progress(Callback):
    """A progress bar, and an end to training that diverged."""

    def __init__(self, monitor, verbose):
        self.monitor = monitor
        self.verbose = verbose

    def on_train_begin(self, net, **kwargs):
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", disable=not self.verbose)

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1, self.monitor]
        self.bar_.set_postfix({self.monitor: f"{loss:.4g}"})
        self.bar_.update()
        if not np.isfinite(loss):
            raise ValueError(
                f"The training diverged: {self.monitor} is {loss} in epoch "
                f"{len(net.history)}. Set a smaller learning_rate."
            )

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


def _silence(message):
    """What skorch would print."""


def _curve(history):
    names = {"dur": "seconds"}
    wanted = ("epoch", "train_loss", "valid_loss", "dur")
    return [
        {names.get(key, key): row[key] for key in wanted if key in row}
        for row in history
    ]
