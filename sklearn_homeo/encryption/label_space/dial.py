"""The dial: how few cells are enough, and of which family.

Accuracy and the order of scores both decide. With few positives, cells of the predicted
class keep accuracy and ruin ROC AUC.
"""

from sklearn_homeo.encryption.label_space.bench import Bench
from sklearn_homeo.encryption.label_space.classifiers import class_sizes
from sklearn_homeo.encryption.label_space.proof import Final, sample_rows
from sklearn_homeo.encryption.label_space.trials import CellChoice

__all__ = ["choose_cells"]

# Rows on which the dial is set.
TRIAL_ROWS = 4000


def choose_cells(u, target, n_cells, min_cell_size):
    """Find the fewest cells that keep the label, of the family that keeps most.

    Families: levels of the class probabilities, or of the predicted numbers, of linear
    models (logistic regression, or its mean with linear discriminants where that has
    less cross-validated log loss), of kernel machines with a learnt metric or with many
    landmarks (cross-fitted, on no more rows than the dial is set on), of boosted trees,
    and, if there are more rows than the dial is set on, of neural networks. By
    repeated cross-validation, cells are enough if they lose no more than 0.01 of
    balanced accuracy and of ROC AUC (0.02 of R2), one standard error included, against
    the best of all models on all features. In every fold training rows go through the
    cells that were fitted to them, as they will. Up to 4,000 rows, cells of linear
    models are tried first, unless another family's predictions are surely better. Once
    a number is enough, as many cells with fewer rows between classes are taken if they
    tell fewer bits and are enough on average. Of 8,000 rows and more, some are left
    out, and cells that learnt from the others must keep the label on these too.

    Parameters
    ----------
    u : ndarray or LatticeRows of shape (n_samples, n_features), dtype int64
        Rows on the lattice.
    target : Target
    n_cells : "auto" or int
        An integer takes that many, or fewer where rows are few.
    min_cell_size : int
        Training rows of a cell, at least.

    Returns
    -------
    choice : CellChoice
    """
    rows = sample_rows(target, min(len(u), TRIAL_ROWS))
    part = max(-(-min_cell_size * len(rows) // len(u)), 1)
    sizes = class_sizes(target)
    bench = Bench(u[rows], target.outputs[rows], sizes, part, len(rows) < len(u))
    final = Final(bench, u, target, rows, min_cell_size)
    attempts, failed = [], []
    for rung in bench.rungs(n_cells):
        attempts += rung
        for attempt in final.worth_proving(rung, n_cells):
            cells, proof = final.proved(attempt)
            if proof.excess <= 1.0 or bench.sees_nothing():
                if n_cells == "auto":
                    attempt, cells, proof = final.narrowed(attempt, cells, proof)
                return CellChoice(cells, proof, final.others(attempts, attempt), True)
            failed.append((proof.excess, attempt, cells, proof))
    if failed:
        _, best, cells, proof = min(failed, key=lambda one: one[0])
    else:
        best = min(attempts, key=lambda one: one.trial.excess)
        cells, proof = final.proved(best)
    return CellChoice(cells, proof, final.others(attempts, best), False)
