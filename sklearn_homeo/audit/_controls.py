"""Ciphers whose audit is known: the battery must find the broken ones and no other."""

import numpy as np

from sklearn_homeo.audit._result import standardise

__all__ = ["CONTROLS", "control_ciphertexts", "failed_control"]

# Tiers by which each control must be found broken; None: at chance on every tier.
CONTROLS = {
    "identity": ("T0", "T1", "T2", "T2b", "T3", "T4", "T5"),
    "rotation": ("T0", "T2", "T2b", "T3", "T4"),
    "published tanh": ("T4",),
    "noise": None,
}
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
    if name == "noise":
        return rng.normal(size=X.shape)
    rows, n = standardise(X), X.shape[1]
    if name == "rotation":
        return rows @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    for _ in range(_TANH_LAYERS):
        rows = np.tanh(rows @ (_TANH_SCALE * rng.normal(size=(n, n))))
    return rows


def failed_control(name, tier, rates):
    """Say why the battery fails on a control's tier, or return None.

    Parameters
    ----------
    name : str
    tier : str
    rates : list of Bunch
        Outcomes of all attacks of the tier on the control.
    """
    if CONTROLS[name] is None:
        return _above_chance(name, tier, rates)
    best = max(one.rate for one in rates)
    if tier in CONTROLS[name] and best < POSITIVE_RATE:
        return (
            f"the attacks of {tier} should break the control {name!r} and reached "
            f"{100 * best:.1f} %"
        )
    return None


def _above_chance(name, tier, rates):
    for one in rates:
        error = (one.interval[1] - one.interval[0]) / (2 * 1.96)
        if one.rate - _ERRORS * error > one.chance:
            return (
                f"{one.name} finds {100 * one.rate:.1f} % in the control {name!r} of "
                f"{tier}, where chance is {100 * one.chance:.1f} %"
            )
    return None
