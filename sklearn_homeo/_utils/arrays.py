"""The same arithmetic on NumPy arrays and torch tensors."""

import dataclasses
import sys
from functools import partial

import numpy as np

from sklearn_homeo._utils.scratch import empty_array

__all__ = [
    "copy_rows",
    "divide",
    "empty",
    "matmul",
    "multiply",
    "namespace",
    "nearest",
    "subtract",
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
        # Several times as fast as x[:, order]; other modes than "raise" need no copy.
        out = empty_array((len(x), len(order)))
        return np.take(x, order, axis=1, out=out, mode="clip")
    return x[:, order]


def take_rows(x, order):
    """Return a copy of ``x`` with its rows in another order."""
    if isinstance(x, np.ndarray):
        out = empty_array((len(order), x.shape[1]))
        return np.take(x, order, axis=0, out=out, mode="clip")
    return x[order]


def empty(x, shape):
    """Return an array of the kind and place of ``x``, not filled."""
    return empty_array(shape) if namespace(x) is np else x.new_empty(shape)


def copy_rows(x):
    """Return a copy of ``x``."""
    copy = empty(x, x.shape)
    copy[:] = x
    return copy


def _compute(name, x, *others):
    if namespace(x) is np:
        return getattr(np, name)(x, *others, out=empty_array(x.shape))
    return getattr(namespace(x), name)(x, *others)


# The larger operand comes first: the result has its shape, in scratch memory.
divide = partial(_compute, "divide")
multiply = partial(_compute, "multiply")
subtract = partial(_compute, "subtract")
nearest = partial(_compute, "round")


def matmul(x, matrix):
    """Return the product of rows with a matrix."""
    out = empty(x, (len(x), matrix.shape[1]))
    return namespace(x).matmul(x, matrix, out=out)


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
