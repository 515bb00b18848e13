"""The audit's attacks, and the tiers that they belong to.

An attack is a function that returns an :class:`AttackResult` and is registered where it
is written:

    @register("T4", "ridge", quick={})
    def ridge_attack(Z_leak, X_leak, Z_target, X_target, *, random_state=None): ...

Nothing else has to be told: the audit, its quick budget, the learning curve and the
tables of the documentation are made from what is registered. Its tier says what the
attacker has, and so with which arguments the function is called.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scenario:
    """Ciphertexts under one key, and everything that an attacker may know of them.

    Parameters
    ----------
    Z, Z_other : ndarray of shape (n_samples, n_outputs)
        Ciphertexts under two keys.
    X : ndarray of shape (n_samples, n_features)
        Records.
    y : ndarray of shape (n_samples,) or None
        Classes; None if there are none.
    leak : float
        Share of the records that leaked.
    seed : int
    """

    Z: np.ndarray
    Z_other: np.ndarray
    X: np.ndarray
    y: np.ndarray | None
    leak: float
    seed: int

    def split(self):
        """Rows that leaked and rows that did not."""
        order = np.random.RandomState(self.seed).permutation(len(self.X))
        return np.split(order, [int(self.leak * len(order))])


@dataclass(frozen=True)
class Tier:
    """What the attackers of a tier have in common.

    Parameters
    ----------
    title : str
    knows : str
        What the attacker has besides ciphertexts and labels.
    arguments : callable
        From a scenario to the positional arguments of the tier's attacks.
    broken : tuple of str
        Controls that at least one of the attacks must break.
    """

    title: str
    knows: str
    arguments: Callable[[Scenario], tuple]
    broken: tuple[str, ...]


def _known_pairs(scenario):
    leaked, hidden = scenario.split()
    Z, X = scenario.Z, scenario.X
    return Z[leaked], X[leaked], Z[hidden], X[hidden]


def _records(scenario):
    return scenario.Z, scenario.X, scenario.y


def _two_keys(scenario):
    return scenario.Z, scenario.Z_other, scenario.y


TIERS = {
    "T0": Tier("structure", "nothing", _records, ("identity", "rotation")),
    "T2": Tier(
        "unordered matching",
        "the records, but not which is which",
        _records,
        ("identity", "rotation"),
    ),
    "T2b": Tier(
        "two keys",
        "ciphertexts of the same records under another key",
        _two_keys,
        ("identity", "rotation"),
    ),
    "T3": Tier(
        "seeded matching", "T2, and a few pairs", _records, ("identity", "rotation")
    ),
    "T4": Tier(
        "known plaintexts",
        "most pairs",
        _known_pairs,
        ("identity", "rotation", "published tanh"),
    ),
    "T5": Tier(
        "attribute inference", "an attribute of some records", _records, ("identity",)
    ),
}


@dataclass(frozen=True)
class Attack:
    """An attack of the audit.

    Parameters
    ----------
    tier, name : str
    function : callable
        Called with the tier's arguments, `random_state` and options.
    options : dict of str to mapping
        Options by budget, "full" and "quick"; one that is missing leaves the attack
        out.
    in_curve : bool
        Whether the leak's learning curve has it by default.
    max_features : int or None
        Columns beyond which it takes too long and is left out.
    """

    tier: str
    name: str
    function: Callable[..., Any]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    in_curve: bool = False
    max_features: int | None = None

    def fits(self, budget, n_features):
        """Whether a budget has this attack for records of that many columns."""
        most = np.inf if self.max_features is None else self.max_features
        return budget in self.options and n_features <= most

    def run(self, scenario, budget):
        """Attack a scenario; None if its records do not allow it."""
        return self.function(
            *TIERS[self.tier].arguments(scenario),
            random_state=scenario.seed,
            **self.options[budget],
        )


_REGISTERED: dict[tuple[str, str], Attack] = {}


def register(tier, name, *, full=None, quick=None, in_curve=False, max_features=None):
    """Make a function an attack of the audit; a decorator.

    Parameters
    ----------
    tier : str
        One of `TIERS`.
    name : str
    full : dict or None, default=None
        Options with which a full audit calls it.
    quick : dict or None, default=None
        Options of a quick audit; None leaves the attack out of it.
    in_curve, max_features
        See :class:`Attack`.
    """
    options = {"full": full or {}}
    if quick is not None:
        options["quick"] = quick

    def keep(function):
        if (tier, name) in _REGISTERED:
            raise ValueError(f"{tier} has an attack {name!r} already")
        _REGISTERED[tier, name] = Attack(
            tier, name, function, options, in_curve, max_features
        )
        return function

    return keep


@cache
def _load():
    package = import_module("sklearn_homeo.audit")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def attacks_of(tier):
    """All attacks of a tier, by name."""
    _load()
    found = sorted(_REGISTERED.items())
    return {name: attack for (of, name), attack in found if of == tier}
