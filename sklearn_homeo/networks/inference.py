"""Running networks so that the result for a row does not depend on the others."""

from contextlib import contextmanager

import torch

from sklearn_homeo._utils.devices import resolve_device

__all__ = ["compute_in_pieces", "plain_inference", "resolve_device"]


@contextmanager
def plain_inference():
    """Compute without gradients and, on a GPU, deterministically and in full float32.

    TF32 keeps 10 bits: results would differ from a CPU's and with the batch.
    """
    flags = torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled, deterministic=True, allow_tf32=False
    )
    with torch.no_grad(), flags:
        yield


def compute_in_pieces(function, rows, piece):
    """Apply a function to rows, a few at a time.

    The last piece is filled up, so that all have one shape: libraries choose another
    order of summation for another shape, and results would depend on the other rows.

    Parameters
    ----------
    function : callable
        Maps a tensor of `piece` rows to a tensor of as many.
    rows : tensor of shape (n, ...)
    piece : int

    Returns
    -------
    results : tensor of shape (n, ...)

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.networks.inference import compute_in_pieces
    >>> compute_in_pieces(torch.exp, torch.zeros(5, 2), piece=4).shape
    torch.Size([5, 2])
    """
    parts = [_fill(part, piece) for part in rows.split(piece)]
    return torch.cat([function(part) for part in parts])[: len(rows)]


def _fill(rows, n_rows):
    missing = n_rows - len(rows)
    if missing == 0:
        return rows
    return torch.cat([rows, rows[:1].expand(missing, *rows.shape[1:])])
