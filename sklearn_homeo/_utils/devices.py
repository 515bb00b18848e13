"""The torch device that a parameter means."""

__all__ = ["compute_device", "resolve_device"]


def resolve_device(device, dtype="float32"):
    """Return the torch device that a parameter means.

    Parameters
    ----------
    device : str
        "auto" for a GPU if there is one, or a torch device.
    dtype : str, default="float32"
        Name of the type of numbers that it must hold.

    Returns
    -------
    device : torch.device

    Raises
    ------
    TypeError
        If it is neither text nor a torch device.
    ValueError
        If it cannot be used here.
    """
    import torch

    if not isinstance(device, str | torch.device):
        raise TypeError(
            "device must be 'auto', 'cpu' or another torch device, got "
            f"{type(device).__name__}."
        )
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, dtype=getattr(torch, dtype), device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device={device!r} cannot be used: {error}. Use 'auto', 'cpu' or a torch "
            f"device of this machine that has {dtype}."
        ) from error


def compute_device(device):
    """Return the torch device on which a cipher computes, or None for NumPy.

    Parameters
    ----------
    device : str or None
        None for NumPy, "auto" for a GPU if there is one, or a torch device.
    """
    if device is None:
        return None
    found = resolve_device(device, "float64")
    return None if device == "auto" and found.type == "cpu" else found
