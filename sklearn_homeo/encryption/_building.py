"""The cipher of a fitted state and of keys."""

from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.smooth import SmoothCipher
from sklearn_homeo.ciphers.view_cipher import ViewCipher
from sklearn_homeo.encryption._cipher_keys import CipherKeys
from sklearn_homeo.encryption._state import digest
from sklearn_homeo.encryption.label_space.cells import CellsView
from sklearn_homeo.encryption.label_space.joined import JoinedView, parts_of
from sklearn_homeo.encryption.label_space.scores import ScoresView

__all__ = ["build_cipher", "build_locks", "cipher_keys"]

_VIEWS = {"cells": CellsView, "scores": ScoresView}


def cipher_keys(state, key):
    """Derive the sub-keys of a fitted state; None if the whole space is the view."""
    return None if state["view"] is None else CipherKeys.from_key(key, state)


def build_cipher(state, key, keys):
    """Put the cipher of a fitted state and of keys together.

    Parameters
    ----------
    state : dict
        ``version``, ``depth``, ``lattice`` and ``view``, which is None if the whole
        space is the view.
    key : SecretKey
        What the homeomorphism of the whole space is drawn from.
    keys : CipherKeys or None
        What all other ciphers take.

    Returns
    -------
    cipher : Cipher
    """
    if state["view"] is None:
        lattice = Lattice.from_state(state["lattice"])
        return SmoothCipher.from_key(lattice, key, state["depth"], digest(state))
    n_features = len(state["lattice"]["mean"])
    pairs = zip(parts_of(state["view"]), keys.views, strict=True)
    views = [
        _VIEWS[part["kind"]].from_state(part, n_features, own) for part, own in pairs
    ]
    view = views[0] if len(views) == 1 else JoinedView(views)
    return build_locks(state, keys, view)


def build_locks(state, keys, view=None):
    """Put the locks of a fitted state and of keys together, with or without the view.

    Ciphertexts hold their view, so that locks alone decrypt.
    """
    lattice = Lattice.from_state(state["lattice"])
    return ViewCipher(lattice, view, keys.locks, keys.binding)
