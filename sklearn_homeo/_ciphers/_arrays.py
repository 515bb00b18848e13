"""The same arithmetic on NumPy arrays and torch tensors."""

import dataclasses
import sys

import numpy as np

__all__ = ["namespace", "to_device"]


def namespace(x):
    """Return the module, numpy or torch, whose functions take ``x``."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    return np


def to_device(part, device):
    """Copy a tree of frozen dataclasses with its arrays as tensors on ``device``."""
    import torch

    if isinstance(part, np.ndarray):
        return torch.as_tensor(part, device=device)
    if isinstance(part, (tuple, list)):
        return type(part)(to_device(item, device) for item in part)
    if dataclasses.is_dataclass(part):
        fields = {
            field.name: to_device(getattr(part, field.name), device)
            for field in dataclasses.fields(part)
        }
        return type(part)(**fields)
    return part
