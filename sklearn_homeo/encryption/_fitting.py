"""From data and labels to a fitted state."""

from dataclasses import dataclass, field

from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption._state import VERSION
from sklearn_homeo.encryption.label_space.scores import fit_scores
from sklearn_homeo.encryption.label_space.subspace import find_label_space

__all__ = ["Fitted", "fit_scores_state", "fit_space_state"]

DEFAULT_NOISE = 0.1


@dataclass(frozen=True)
class Fitted:
    """A fitted state and what it preserves of the training rows.

    Parameters
    ----------
    state : dict
        What `build_cipher` takes, but for the key.
    n_preserved : int
    preserved_variance_ratio : float
    linkage_noise : float, default=0.0
    probe_scores : list of ProbeScore, default=[]
    """

    state: dict = field(repr=False)
    n_preserved: int
    preserved_variance_ratio: float
    linkage_noise: float = 0.0
    probe_scores: list = field(default_factory=list)


def fit_space_state(X, depth):
    """Fit the homeomorphism of the whole space to rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    depth : int

    Returns
    -------
    fitted : Fitted
    """
    return Fitted(_state(Lattice.from_data(X), None, depth), X.shape[1], 1.0)


def fit_scores_state(X, target, depth, linkage_noise, randomized, **options):
    """Fit the view of label coordinates to rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    target : Target or None
        None preserves principal directions.
    depth : int
    linkage_noise : "auto" or float
    randomized : bool
    **options : dict
        ``n_preserved`` and others of `find_label_space`.

    Returns
    -------
    fitted : Fitted
    """
    lattice = Lattice.from_data(X, randomized)
    units = (X - lattice.mean) / lattice.scale
    space = find_label_space(units, target, **options)
    noise = DEFAULT_NOISE if linkage_noise == "auto" else float(linkage_noise)
    view = fit_scores(units, space.directions, space.by_column, noise, lattice.width)
    return Fitted(
        _state(lattice, view, depth),
        space.n_preserved,
        space.leak,
        noise,
        space.probe_scores,
    )


def _state(lattice, view, depth):
    return {
        "version": VERSION,
        "depth": int(depth),
        "lattice": lattice.state(),
        "view": view,
    }
