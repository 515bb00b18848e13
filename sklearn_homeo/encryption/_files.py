"""A fitted encryptor as a tree of plain values, for a sealed file, and back."""

import numpy as np

from sklearn_homeo._utils.hidden import HiddenDict
from sklearn_homeo.encryption._cipher_keys import CipherKeys
from sklearn_homeo.encryption.label_space.search import ProbeScore
from sklearn_homeo.encryption.label_space.trials import Trial

__all__ = ["encryptor_tree", "restore_encryptor"]

# What no file holds: the key opens it, and the device is one of this machine.
_LEFT_OUT = {"key", "device"}
_SCORES = {"ProbeScore": ProbeScore, "Trial": Trial}


def encryptor_tree(encryptor):
    """Return a fitted HomeomorphicEncryptor as what `dump_tree` takes, without its key.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted.
    """
    parameters = encryptor.get_params(deep=False)
    fitted = {
        name: value
        for name, value in vars(encryptor).items()
        if name.endswith("_") and not name.startswith(("_", "key"))
    }
    return {
        "parameters": {
            name: _plain(value)
            for name, value in parameters.items()
            if name not in _LEFT_OUT
        },
        "fitted": {name: _plain(value) for name, value in fitted.items()},
        "state": encryptor._state,
        "keys": None if encryptor._keys is None else encryptor._keys.tree(),
    }


def restore_encryptor(encryptor, tree, key):
    """Give an encryptor that is not fitted what `encryptor_tree` returned of another.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
    tree : dict
    key : SecretKey
    """
    encryptor.set_params(**tree["parameters"], key=key)
    for name, value in tree["fitted"].items():
        setattr(encryptor, name, value)
    if "feature_names_in_" in tree["fitted"]:
        names = np.array(tree["fitted"]["feature_names_in_"], dtype=object)
        encryptor.feature_names_in_ = names
    if "probe_scores_" in tree["fitted"]:
        scores = tree["fitted"]["probe_scores_"]
        encryptor.probe_scores_ = [_SCORES[kind](**score) for kind, score in scores]
    keys = None
    if tree["keys"] is not None:
        tree["keys"] = HiddenDict(tree["keys"])
        keys = CipherKeys.from_tree(tree["keys"])
    encryptor._start(tree["state"], key, keys)
    return encryptor


def _plain(value):
    """Return a value without NumPy's scalars, and arrays of text as lists."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return value.tolist()
    if type(value).__name__ in _SCORES:
        fields = value._asdict() if isinstance(value, tuple) else vars(value)
        return (type(value).__name__, _plain(fields))
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value
