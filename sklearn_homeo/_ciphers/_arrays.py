"""The same arithmetic on NumPy arrays and torch tensors."""

import dataclasses
import sys

import numpy as np

__all__ = [
    "copy_rows",
    "empty",
    "namespace",
    "take_columns",
    "take_rows",
    "to_device",
    "to_numpy",
]


def namespace(x):
    """Return the module, numpy or torch, whose functions take ``x``."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    return np


def take_columns(x, order):
    """Return a copy of ``x`` with its columns in another order."""
    if isinstance(x, np.ndarray):
        return np.take(x, order, axis=1)  # several times as fast as x[:, order]
    return x[:, order]


def take_rows(x, order):
    """Return a copy of ``x`` with its rows in another order."""
    return np.take(x, order, axis=0) if isinstance(x, np.ndarray) else x[order]


def empty(x, shape):
    """Return an array of the kind and place of ``x``, not filled."""
    return np.empty(shape) if isinstance(x, np.ndarray) else x.new_empty(shape)


def copy_rows(x):
    """Return a copy of ``x``."""
    return x.copy() if isinstance(x, np.ndarray) else x.clone()


def to_device(part, device):
    """Copy an array, or a tree of dataclasses with arrays, to a torch device.

    None leaves everything as it is, in NumPy.
    """
    if device is None:
        return part
    if isinstance(part, np.ndarray):
        import torch

        return torch.tensor(part, device=device)
    if namespace(part) is not np:
        return part.to(device)
    if isinstance(part, (tuple, list)):
        return type(part)(to_device(item, device) for item in part)
    if dataclasses.is_dataclass(part):
        fields = {
            field.name: to_device(getattr(part, field.name), device)
            for field in dataclasses.fields(part)
        }
        return type(part)(**fields)
    return part


def to_numpy(array):
    """Return a NumPy array or a tensor as a NumPy array."""
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()
