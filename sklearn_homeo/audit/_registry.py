"""The battery's tiers, ordered by what the attacker has."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_homeo.audit.attributes._attributes import (
    attribute_inference_attack,
    hidden_attribute,
)
from sklearn_homeo.audit.known_plaintext._leak import ATTACKS, known_plaintext_attack
from sklearn_homeo.audit.structure._alignment import unpaired_alignment_attack
from sklearn_homeo.audit.structure._linkability import linkability_attack
from sklearn_homeo.audit.structure._matching import (
    seeded_matching_attack,
    unordered_matching_attack,
)
from sklearn_homeo.audit.structure._structure import structure_attack

__all__ = ["BUDGETS", "TIERS", "Budget", "Exposure"]


@dataclass(frozen=True)
class Budget:
    """How much work the attacks may do.

    Parameters
    ----------
    rows : int
        Most rows of the attacks on structure, linkability and attributes.
    matching_rows : int
        Most rows to match.
    rows_per_feature : int
        Rows to match in any case: a hat matrix needs more rows than features.
    alignment_rows, alignment_rounds : int
    known : tuple of int
        Numbers of known pairs of the seeded matching.
    regressions : tuple of str
        Known-plaintext attacks.
    components : tuple of int
        Hidden attributes.
    seconds : dict of str to float
        Measured for each tier on 3,000 x 512, on one core.
    """

    rows: int
    matching_rows: int
    rows_per_feature: int
    alignment_rows: int
    alignment_rounds: int
    known: tuple
    regressions: tuple
    components: tuple
    seconds: dict

    def rows_to_match(self, n_features):
        """Rows of the unordered matching."""
        return max(self.matching_rows, self.rows_per_feature * n_features)

    def estimate(self, tier, n_samples, n_features):
        """Seconds that a tier takes, very roughly."""
        size = min(1.0, n_samples / 3000) ** 1.5 * (n_features / 512) ** 1.2
        return 0.1 + self.seconds[tier] * size


_MAX_TREE_FEATURES = 100

BUDGETS = {
    "quick": Budget(
        600,
        400,
        0,
        300,
        5,
        (64,),
        ("ridge", "forward ridge", "two-sided ridge"),
        (2,),
        {"T0": 0.2, "T1": 3, "T2": 1.7, "T2b": 0.4, "T3": 1.4, "T4": 4, "T5": 5},
    ),
    "full": Budget(
        2000,
        1200,
        2,
        800,
        10,
        (16, 64),
        tuple(ATTACKS),
        (1, 2, 3),
        {"T0": 0.8, "T1": 16, "T2": 11, "T2b": 2, "T3": 30, "T4": 12, "T5": 22},
    ),
}


@dataclass(frozen=True)
class Exposure:
    """What is exposed of one key's ciphertexts, and to which attacks.

    Parameters
    ----------
    Z, Z_other : ndarray of shape (n_samples, n_outputs)
        Ciphertexts under two keys.
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or None
        Classes; None if there are none.
    leak : float
    budget : Budget
    seed : int
    """

    Z: np.ndarray
    Z_other: np.ndarray
    X: np.ndarray
    y: np.ndarray | None
    leak: float
    budget: Budget
    seed: int


def _structure(e):
    return [
        structure_attack(e.Z, e.X, e.y, max_rows=e.budget.rows, random_state=e.seed)
    ]


def _alignment(e):
    # Attacker and owner have different records of one kind.
    order = np.random.RandomState(e.seed).permutation(len(e.X))
    ours, theirs = order[: len(order) // 2], order[len(order) // 2 :]
    labels = (None, None) if e.y is None else (e.y[ours], e.y[theirs])
    return [
        unpaired_alignment_attack(
            e.Z[ours],
            e.X[ours],
            e.X[theirs],
            *labels,
            max_rows=e.budget.alignment_rows,
            n_rounds=e.budget.alignment_rounds,
            random_state=e.seed,
        )
    ]


def _matching(e):
    rows = e.budget.rows_to_match(e.X.shape[1])
    return [
        unordered_matching_attack(e.Z, e.X, e.y, max_rows=rows, random_state=e.seed)
    ]


def _linkability(e):
    return [
        linkability_attack(
            e.Z, e.Z_other, e.y, max_rows=e.budget.rows, random_state=e.seed
        )
    ]


def _seeded(e):
    found = []
    for n_known in e.budget.known:
        n_known = min(n_known, len(e.X) // 4)
        one = seeded_matching_attack(
            e.Z,
            e.X,
            e.y,
            n_known=n_known,
            max_rows=e.budget.matching_rows,
            random_state=e.seed,
        )
        one.name = f"{n_known} known pairs"
        found.append(one)
    return found


def _known_plaintext(e):
    # Trees of hundreds of outputs take hours and find less than ridge regression.
    names = [
        name
        for name in e.budget.regressions
        if name != "extra trees" or e.X.shape[1] <= _MAX_TREE_FEATURES
    ]
    whole = known_plaintext_attack(
        e.Z, e.X, leak=e.leak, attacks=names, random_state=e.seed
    )
    return [
        Bunch(
            name=name,
            r2=one.r2,
            seconds=one.seconds,
            **{
                field: one.reidentification[field]
                for field in ("rate", "interval", "chance", "n", "hits", "median_rank")
            },
        )
        for name, one in whole.attacks.items()
    ]


def _attributes(e):
    found = []
    for component in e.budget.components:
        attribute = _attribute_or_none(e, component)
        if attribute is None:
            continue
        one = attribute_inference_attack(
            e.Z, attribute, max_rows=e.budget.rows, random_state=e.seed
        )
        one.name = f"principal component {component}"
        found.append(one)
    return found


def _attribute_or_none(e, component):
    try:
        return hidden_attribute(e.X, e.y, component=component)
    except ValueError:
        if component == 1:
            raise
        return None


class Tier(NamedTuple):
    """A tier: what the attacker has, how to attack, and what is a good figure.

    Parameters
    ----------
    title : str
    attacker : str
        What the attacker has.
    run : callable
        From an exposure to a list of outcomes.
    measure : str
        What the rates are.
    limits : tuple of (float, float)
        Greatest advantage over chance that is good, and that is moderate.
    """

    title: str
    attacker: str
    run: object
    measure: str
    limits: tuple


# Re-identification by NeuraCrypt's scale. An AUC of 0.55 or 0.65 is an advantage of
# 0.1 or 0.3 over 0.5.
_SCALE, _AUC_SCALE = (0.05, 0.20), (0.10, 0.30)

TIERS = {
    "T0": Tier("structure", "ciphertexts", _structure, "neighbours", _SCALE),
    "T1": Tier("unpaired alignment", "T0, other records", _alignment, "re-id", _SCALE),
    "T2": Tier(
        "unordered matching", "T0, the records unordered", _matching, "re-id", _SCALE
    ),
    "T2b": Tier(
        "linkability", "ciphertexts of two keys", _linkability, "D_sys", _SCALE
    ),
    "T3": Tier("seeded matching", "T2, a few pairs", _seeded, "re-id", _SCALE),
    "T4": Tier("known plaintexts", "T0, most pairs", _known_plaintext, "re-id", _SCALE),
    "T5": Tier(
        "attribute inference", "T0, an attribute", _attributes, "AUC", _AUC_SCALE
    ),
}
