"""How cells and models did, and which cells were chosen."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.encryption.label_space.cells import Cells

__all__ = [
    "CellChoice",
    "TOLERANCES",
    "Trial",
    "by_measure",
    "mean_and_error",
    "surely_better",
]

TOLERANCES = {"balanced accuracy": 0.01, "ROC AUC": 0.01, "R2": 0.02}
# Tolerances that cells surely have to lose before scores, which leak far more, are
# taken instead.
NEARLY = 2.0
# Standard errors by which scores of one family are surely better than others'.
SURELY_BETTER = 2.0


@dataclass(frozen=True)
class Trial:
    """How cells, or a model on all features, did on held-out rows.

    Parameters
    ----------
    name : str
        The family, or the model.
    n_cells : int or None
        How many cells there were; None for all features.
    scores : dict of str to float
        Mean balanced accuracy and ROC AUC, or R2.
    losses : dict of str to float
        What is lost against the best model on all features; by cross-validation, one
        standard error of the paired difference included.
    mean_losses : dict of str to float
        The mean loss.
    sure_losses : dict of str to float
        The mean loss less one standard error, or less what one row of the smallest
        class makes, if that is more: few rows of a class tell no more for sure.
    """

    name: str
    n_cells: int | None
    scores: dict
    losses: dict
    mean_losses: dict
    sure_losses: dict

    @classmethod
    def from_folds(cls, name, n_cells, found, best, least_error=0.0):
        """Compare what was found on each fold with the best, on the same folds.

        Parameters
        ----------
        name : str
        n_cells : int or None
        found, best : dict of str to ndarray of shape (n_folds,)
            Each measure's values.
        least_error : float, default=0.0
            What is not lost for sure at least: folds may agree by chance.
        """
        scores, losses, means, sure_losses = {}, {}, {}, {}
        for measure, highest in best.items():
            mean, error = mean_and_error(highest - found[measure])
            scores[measure] = float(found[measure].mean())
            losses[measure], means[measure] = mean + error, mean
            sure_losses[measure] = mean - max(error, least_error)
        return cls(name, n_cells, scores, losses, means, sure_losses)

    @property
    def excess(self):
        """The largest loss, in tolerances: up to 1 is enough."""
        return _in_tolerances(self.losses)

    @property
    def mean_excess(self):
        """The largest mean loss, in tolerances."""
        return _in_tolerances(self.mean_losses)

    @property
    def sure_excess(self):
        """The largest loss that is sure, in tolerances."""
        return _in_tolerances(self.sure_losses)


def by_measure(folds):
    """Turn the measures of each fold into the folds' values of each measure.

    Parameters
    ----------
    folds : list of dict of str to float

    Returns
    -------
    found : dict of str to ndarray of shape (n_folds,)
    """
    return {name: np.array([fold[name] for fold in folds]) for name in folds[0]}


def mean_and_error(values):
    """Mean of values, and its standard error.

    Parameters
    ----------
    values : ndarray of shape (n,), dtype float64
        At least two.
    """
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def surely_better(found, others):
    """Whether a family's scores are better than all others by more than chance.

    Parameters
    ----------
    found : dict of str to ndarray of shape (n_folds,)
        Each measure's values, fold by fold.
    others : list of dict of str to ndarray of shape (n_folds,)

    Returns
    -------
    is_better : bool
        By any of the measures.
    """
    for measure, values in found.items():
        best = max((one[measure] for one in others), key=np.mean)
        gain, error = mean_and_error(values - best)
        if gain > SURELY_BETTER * error:
            return True
    return False


def _in_tolerances(losses):
    return max(loss / TOLERANCES[name] for name, loss in losses.items())


@dataclass(frozen=True)
class CellChoice:
    """Cells, and how they and others did.

    Parameters
    ----------
    cells : Cells
    trial : Trial
        Trial of these cells.
    others : list of Trial
        Other cells, and models on all features.
    is_enough : bool
        Whether the label is kept within the tolerances.
    """

    cells: Cells
    trial: Trial
    others: list
    is_enough: bool

    @property
    def is_nearly_enough(self):
        """Whether it is not sure that more than twice the tolerances is lost."""
        return self.trial.sure_excess <= NEARLY

    @property
    def kept(self):
        """What cells and the best model score, in words."""
        return ", ".join(
            f"{name} {score:.3f} (best model {best:.3f})"
            for (name, score), best in zip(
                self.trial.scores.items(), self._best(), strict=True
            )
        )

    def __str__(self):
        n_cells = self.cells.n_cells
        return (
            f"{n_cells} cells, {np.log2(n_cells):.2f} bits a row, {self.trial.name}: "
            f"{self.kept}{'' if self.is_enough else '; not enough'}"
        )

    def _best(self):
        """The best of each measure on all features."""
        models = [one.scores for one in self.others if one.n_cells is None]
        return [max(scores[name] for scores in models) for name in self.trial.scores]
