"""The same arithmetic on NumPy arrays and torch tensors."""

import dataclasses
import sys

import numpy as np

__all__ = ["namespace", "resolve_device", "to_device", "to_numpy"]


def namespace(x):
    """Return the module, numpy or torch, whose functions take ``x``."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    return np


def resolve_device(device):
    """Return the torch device that a user names, or None for NumPy.

    Parameters
    ----------
    device : str or None
        None for NumPy, "auto" for a GPU if there is one, or a torch device.

    Raises
    ------
    ValueError
        If torch cannot put float64 numbers there.
    """
    if device is None:
        return None
    import torch

    if device == "auto":
        return torch.device("cuda") if torch.cuda.is_available() else None
    try:
        return torch.empty(0, dtype=torch.float64, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device={device!r} cannot be used: {error}. Use None, 'auto', 'cpu' or a "
            "torch device that has float64."
        ) from error


def to_device(part, device):
    """Copy an array, or a tree of dataclasses with arrays, to a torch device.

    None leaves everything as it is, in NumPy.
    """
    if device is None:
        return part
    if isinstance(part, np.ndarray):
        import torch

        return torch.tensor(part, device=device)
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
