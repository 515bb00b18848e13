"""Ciphers whose audit is known: the battery must find the broken ones and no other."""

import numpy as np

from sklearn_homeo.audit._checks import standardise
from sklearn_homeo.audit._registry import TIERS

NOISE = "noise"
CONTROLS = ("identity", "rotation", "published tanh", NOISE)
POSITIVE_RATE = 0.95
# Standard errors that a negative control may lie above chance: over some twenty
# attacks, twice would happen by chance in a third of all audits.
_ERRORS = 3.3
_TANH_LAYERS, _TANH_SCALE = 3, 0.01


def control_ciphertexts(name, X, seed):
    """Ciphertexts of records by a control cipher whose key is the seed."""
    rng = np.random.RandomState(seed)
    if name == "identity":
        return X.copy()
    if name == NOISE:
        return rng.normal(size=X.shape)
    rows, n = standardise(X), X.shape[1]
    if name == "rotation":
        return rows @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    for _ in range(_TANH_LAYERS):
        rows = np.tanh(rows @ (_TANH_SCALE * rng.normal(size=(n, n))))
    return rows


def is_control_of(name, tier):
    """Whether the attacks of a tier say anything about a control."""
    return name == NOISE or name in TIERS[tier].broken


def failed_control(name, tier, results):
    """Say why the attacks of a tier fail on a control, or return None.

    Parameters
    ----------
    name : str
    tier : str
    results : list of dict
        Figures of all attacks of the tier on the control.
    """
    if name == NOISE:
        return _above_chance(name, tier, results)
    best = max(one["rate"] for one in results)
    if best < POSITIVE_RATE:
        return (
            f"the attacks of {tier} should break the control {name!r} and reached "
            f"{100 * best:.1f} %"
        )
    return None


def _above_chance(name, tier, results):
    for one in results:
        error = (one["high"] - one["low"]) / (2 * 1.96)
        if one["rate"] - _ERRORS * error > one["chance"]:
            return (
                f"{one['attack']} finds {100 * one['rate']:.1f} % in the control "
                f"{name!r} of {tier}, where chance is {100 * one['chance']:.1f} %"
            )
    return None
