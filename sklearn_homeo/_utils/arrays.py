"""The same arithmetic on NumPy arrays and torch tensors."""

import dataclasses
import sys

import numpy as np

__all__ = ["namespace", "to_device", "to_numpy"]


def namespace(x):
    """Return the module, numpy or torch, whose functions take ``x``."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    return np


def to_device(part, device):
    """Copy an array, or a tree of dataclasses with arrays, to a torch device.

    None leaves everything as it is, in NumPy. An object with a method ``on`` gives
    what does its work there.
    """
    if device is None:
        return part
    if isinstance(part, np.ndarray):
        import torch

        return torch.tensor(part, device=device)
    if namespace(part) is not np:
        return part.to(device)
    if hasattr(part, "on"):
        return part.on(device)
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
