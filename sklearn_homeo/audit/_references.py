"""What attacks are compared with: the label's floor below, the bound above."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import roc_auc_score

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo.audit._checks import check_labels, standardise
from sklearn_homeo.audit._metrics import pooled_r2
from sklearn_homeo.audit._registry import attacks_of
from sklearn_homeo.audit.attributes._attributes import hidden_attribute
from sklearn_homeo.encryption._number_floors import number_floors

N_NEIGHBOURS = 10
# Tiers whose attackers match, within the classes, ciphertexts with records or with
# ciphertexts under another key, which anybody who has the records could make.
MATCHING = ("T2", "T2b", "T3")
LINKABILITY = "D_sys"


@dataclass(frozen=True)
class References:
    """Rates that an audit's attacks are compared with.

    Parameters
    ----------
    floors : dict of str to float
        By tier, the rate of an attacker who knows only the label.
    bounds : dict of str to float
        By tier, the expected rate that no attack can exceed, or for noise the estimate
        of it; tiers without one are missing.
    r2_floor : float
        Share of the targets' variance that the means of the classes explain, or that is
        rebuilt from a label of numbers.
    r2_prediction : float
        The same of good predictions of such a label: who keeps its accuracy tells as
        much. It is nan for classes.
    r2_leaked : float
        The same of the view, as the encryptor states it; nan if it states nothing.
    linkability : float
        D_sys of an attacker who recognises every cell under both keys; nan without
        cells.
    """

    floors: dict = field(default_factory=dict)
    bounds: dict = field(default_factory=dict)
    r2_floor: float = np.nan
    r2_prediction: float = np.nan
    r2_leaked: float = np.nan
    linkability: float = np.nan


def find_references(encryptors, scenarios, rows=(), numbers=None):
    """Compute the references of an audit, as means over keys.

    Parameters
    ----------
    encryptors : list of transformer
        Fitted, one a key.
    scenarios : list of Scenario
        One a key.
    rows : list of dict, default=()
        Results of the attacks, from :func:`run_jobs`: of large tables attackers without
        pairs take a sample, which is easier to match than all rows are.
    numbers : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The label, if it is of numbers, which the attackers do not use.

    Returns
    -------
    references : References
    """
    labels = check_labels(scenarios[0].y, len(scenarios[0].X))
    sizes = {tier: _fewest(rows, tier, len(labels)) for tier in ("T0", *MATCHING)}
    pairs = [
        (encryptor, scenario)
        for encryptor, scenario in zip(encryptors, scenarios, strict=True)
        if hasattr(encryptor, "certificate")
    ]
    targets = [labels[_hidden(one)] for one in scenarios]
    sampled = {
        tier: [labels[_sample(one, size)] for one in scenarios]
        for tier, size in sizes.items()
    }
    if numbers is None:
        r2_floor = float(np.mean([_class_r2(one, labels) for one in scenarios]))
        r2_prediction = np.nan
    else:
        floors = number_floors(standardise(scenarios[0].X), numbers)
        r2_floor, r2_prediction = floors.label, floors.prediction
    leaked = [getattr(one, "preserved_variance_ratio_", np.nan) for one in encryptors]
    return References(
        floors={
            "T0": float(np.mean([_own_neighbours(one) for one in sampled["T0"]])),
            **{
                tier: float(np.mean([_linked(one) for one in sampled[tier]]))
                for tier in MATCHING
            },
            "T4": float(np.mean([_linked(one) for one in targets])),
            "T5": 0.5,
        },
        bounds=_bounds(pairs, sizes, rows) if pairs else {},
        r2_floor=r2_floor,
        r2_prediction=r2_prediction,
        r2_leaked=float(np.mean(leaked)),
        linkability=_linkability(pairs, rows) if pairs else np.nan,
    )


def _fewest(rows, tier, n_samples):
    """Rows that a tier's attackers took: the fewest of any."""
    taken = [
        row["n"]
        for row in rows
        if row["tier"] == tier and row["measure"] != LINKABILITY
    ]
    return min(taken, default=n_samples)


def _sample(scenario, size):
    """Rows as the attackers draw them."""
    return make_random_state(scenario.seed).permutation(len(scenario.X))[:size]


def _own_neighbours(labels):
    """Share of the nearest neighbours that a guess within the class gets right."""
    others = np.bincount(labels)[labels] - 1
    return np.mean(N_NEIGHBOURS / np.maximum(others, N_NEIGHBOURS))


def _linked(labels):
    """Share of rows that a guess within the class links."""
    return len(np.unique(labels)) / len(labels)


def _hidden(scenario):
    return scenario.split()[1]


def _class_r2(scenario, labels):
    """R2 of the known class means on the targets."""
    known, hidden = scenario.split()
    X = standardise(scenario.X, scenario.X[known])
    means = np.tile(X[known].mean(axis=0), (labels.max() + 1, 1))
    for label in np.unique(labels[known]):
        means[label] = X[known][labels[known] == label].mean(axis=0)
    return pooled_r2(X[hidden], means[labels[hidden]], 0.0, 1.0)


def _bounds(pairs, sizes, rows):
    # The attackers of T4 do without the classes.
    matched = {
        size: float(np.mean([_within_classes(*pair, size) for pair in pairs]))
        for size in {sizes[tier] for tier in MATCHING}
    }
    bounds = {tier: matched[sizes[tier]] for tier in MATCHING}
    known = [
        best_linking(one, scenario.X[_hidden(scenario)]) for one, scenario in pairs
    ]
    bounds["T4"] = float(np.mean(known))
    attacks = attacks_of("T5")
    components = {
        attacks[row["attack"]].options["full"]["component"]
        for row in rows
        if row["tier"] == "T5"
    }
    if components and _all_have_cells(pairs):
        bounds["T5"] = max(attribute_bound(pairs, one) for one in components)
    return bounds


def best_linking(encryptor, X):
    """Best rate of linking ciphertexts of candidates, one by one or all at once."""
    linking = encryptor.certificate(X).linking
    if linking is None:
        return 1.0
    return max(linking.one_target, linking.one_to_one)


def _linkability(pairs, rows):
    """Mean of the cells' D_sys over keys, of the rows that the attackers compared."""
    if not _all_have_cells(pairs):
        return np.nan
    # They learn on half of the rows, and count the other.
    halves = [row["n"] for row in rows if row["measure"] == LINKABILITY]
    size = 2 * min(halves) if halves else None
    return float(np.mean([cell_linkability(*pair, size) for pair in pairs]))


def cell_linkability(encryptor, scenario, size=None):
    """D_sys of an attacker who recognises every cell under both keys.

    Within a class, let a share p of the rows lie in a cell. Two ciphertexts of one
    record lie in it with probability p, those of two records with p ** 2: the ratio is
    1 / p, and D_sys the mean of (1 - p) / (1 + p) over the rows.
    """
    rows = _sample(scenario, size)
    cells = _cells(encryptor, scenario.X[rows])
    labels = check_labels(scenario.y, len(scenario.X))[rows]
    total = 0.0
    for label in np.unique(labels):
        counts = np.bincount(cells[labels == label])
        shares = counts / counts.sum()
        total += (counts * (1 - shares) / (1 + shares)).sum()
    return total / len(labels)


def _all_have_cells(pairs):
    return all(encryptor.n_cells_ is not None for encryptor, _ in pairs)


def _cells(encryptor, X):
    """Number of each row's cell."""
    return np.unique(encryptor.preserve(X), axis=0, return_inverse=True)[1].ravel()


def attribute_bound(pairs, component):
    """AUC of an attribute by its shares in the cells of each class, mean over keys.

    Scores that depend on nothing else rank the rows no better. The shares are those of
    all rows, which nobody learns exactly from some of them.
    """
    areas = []
    for encryptor, scenario in pairs:
        attribute = hidden_attribute(scenario.X, scenario.y, component=component)
        labels = check_labels(scenario.y, len(scenario.X))
        groups = _cells(encryptor, scenario.X) * (labels.max() + 1) + labels
        sums = np.bincount(groups, attribute)
        shares = sums / np.maximum(np.bincount(groups), 1)
        areas.append(roc_auc_score(attribute, shares[groups]))
    return float(np.mean(areas))


def _within_classes(encryptor, scenario, size):
    rows = _sample(scenario, size)
    X, labels = scenario.X[rows], check_labels(scenario.y, len(scenario.X))[rows]
    rates = [
        best_linking(encryptor, X[labels == label]) * np.mean(labels == label)
        for label in np.unique(labels)
    ]
    return min(1.0, sum(rates))
