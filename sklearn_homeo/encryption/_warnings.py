"""Warnings of settings and data that leave less protected, or less exact."""

import numpy as np
from sklearn.utils import gen_batches

from sklearn_homeo._utils.messages import listed
from sklearn_homeo._utils.rows import column_name
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.exceptions import (
    LeakageWarning,
    LossOfAccuracyWarning,
    NoProtectionWarning,
    ResolutionWarning,
)

__all__ = [
    "warn_of_data",
    "warn_of_leakage",
    "warn_of_lost_accuracy",
    "warn_of_small_cells",
    "warn_of_weaknesses",
]

_ROWS_AT_ONCE = 4096
# Rows and numbers that a column's own resolution is looked for in, at most.
_SAMPLE_ROWS, _SAMPLE_NUMBERS = 5000, 2**21
_MOST_DECIMALS = 6
# Beyond, every double is close to a decimal number or to a whole one.
_LARGEST_DECIMAL, _LARGEST_WHOLE = 2.0**43, 2.0**53
# Coarsest step beside the middle half of a column of real numbers.
_FINE = 2.0**-20


def warn_of_weaknesses(encryptor):
    """Warn of what a fitted encryptor does not protect although it could seem so."""
    n_features = encryptor.n_features_in_
    if encryptor.leakage_ == "scores" and encryptor.n_preserved_ == n_features:
        warn(
            f"n_preserved={encryptor.n_preserved!r} preserves all {n_features} "
            "features, so ciphertexts tell next to everything: whoever knows pairs of "
            "rows and ciphertexts can rebuild the others. Set a smaller n_preserved, "
            "or more linkage_noise, to trade accuracy for protection.",
            NoProtectionWarning,
        )


def warn_of_leakage(choice):
    """Warn that scores are leaked, since no number of cells was enough.

    Parameters
    ----------
    choice : CellChoice
    """
    warn(
        f"No number of cells keeps the label: with {choice.trial.n_cells}, models lose "
        f"up to {_losses(choice)} against the best one on all features. So label "
        "coordinates are leaked, which tell far more of a row: certificate(X) says how "
        'much. Set leakage="cells" to leak no more than cells.',
        LeakageWarning,
    )


def _losses(choice):
    return ", ".join(
        f"{max(loss, 0.0):.3f} of {name}" for name, loss in choice.trial.losses.items()
    )


def warn_of_lost_accuracy(choice):
    """Warn of cells that keep less of the label than the tolerances allow.

    Parameters
    ----------
    choice : CellChoice
    """
    warn(
        f"With {choice.cells.n_cells} cells models lose up to {_losses(choice)}, one "
        "standard error included, against the best one on all features: "
        f"{choice.kept}. "
        'Set n_cells to more, or leakage to "scores", which leaks far more.',
        LossOfAccuracyWarning,
    )


def warn_of_small_cells(smallest, min_cell_size):
    """Warn of cells of several targets together that hold too few rows."""
    if smallest < min_cell_size:
        warn(
            f"Cells of all targets together hold as few as {smallest} of the rows, and "
            f"min_cell_size is {min_cell_size}: these rows are easier to tell apart. "
            "Set n_cells to fewer before add_target.",
            LeakageWarning,
        )


def warn_of_data(encryptor, X, lattice):
    """Warn of training rows that repeat and of columns that come back coarser.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
    X : ndarray of shape (n_samples, n_features), dtype float64
    lattice : Lattice
    """
    coarse = coarse_columns(X, lattice)
    if coarse:
        names = getattr(encryptor, "feature_names_in_", None)
        shown = listed([f"{column_name(j, names)}: {step:.2g}" for j, step in coarse])
        warn(
            "Decrypted values of these columns will be coarser than the column's own "
            f"resolution, to within (column: step) {shown}. They have values far from "
            "all others, by which a column's scale is set. Clip or transform them, or "
            "use TableEncoder, which keeps such columns exactly.",
            ResolutionWarning,
        )
    if lattice.randomized:
        return
    share = repeated_share(X, lattice)
    if share > 0:
        warn(
            f"{100 * share:.1f} % of the training rows repeat another row, and equal "
            "rows have equal ciphertexts, which shows. Set randomized=True, or leave "
            "repeated rows out.",
            LeakageWarning,
        )


def repeated_share(X, lattice):
    """Share of rows that are equal, on the lattice, to another row."""
    rng = np.random.RandomState(0)
    factors = rng.randint(2**62, size=X.shape[1], dtype=np.int64) * 2 + 1
    hashes, workspace = np.empty(len(X), np.int64), Workspace()
    for piece in gen_batches(len(X), _ROWS_AT_ONCE):
        u = lattice.round(X[piece], workspace)
        # Modulo 2**64: different rows are as good as never equal by chance.
        hashes[piece] = (u * factors).sum(axis=1)
    _, counts = np.unique(hashes, return_counts=True)
    return float(counts[counts > 1].sum() / len(X))


def coarse_columns(X, lattice):
    """Columns whose lattice is coarser than their own values, and its step.

    Whole and decimal numbers must be told apart after rounding; real numbers must be
    kept to a millionth of the width of the middle half of the column.
    """
    most = max(50, min(_SAMPLE_ROWS, _SAMPLE_NUMBERS // X.shape[1]))
    rows = X[:: -(-len(X) // most)]
    quarters = np.quantile(rows, [0.25, 0.75], axis=0)
    needed = _FINE * (quarters[1] - quarters[0])
    decimal = np.zeros(X.shape[1], dtype=bool)
    for decimals in range(_MOST_DECIMALS, -1, -1):
        found = _are_decimal(rows, decimals)
        needed[found] = 10.0**-decimals
        decimal |= found
    spread = (quarters[1] > quarters[0]) | decimal
    coarse = spread & (lattice.step >= needed)
    return [(int(j), float(lattice.step[j])) for j in np.flatnonzero(coarse)]


def _are_decimal(rows, decimals):
    """Whether the columns hold numbers of that many decimals only."""
    if decimals == 0:
        whole = (rows == np.rint(rows)) & (np.abs(rows) <= _LARGEST_WHOLE)
        return whole.all(axis=0)
    scaled = rows * 10.0**decimals
    # Products are off by a unit in the last place or so.
    near = np.abs(scaled - np.rint(scaled)) <= 4e-16 * np.abs(scaled)
    return (near & (np.abs(scaled) <= _LARGEST_DECIMAL)).all(axis=0)
