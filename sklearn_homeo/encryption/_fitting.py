"""From data, labels and a key to a cipher."""

from typing import NamedTuple

import numpy as np

from sklearn_homeo._utils.threads import single_threaded_blas
from sklearn_homeo.ciphers.composition import (
    VERSION,
    LatticeCipher,
    TanhCipher,
    coupling_cipher,
    smooth_cipher,
    tanh_cipher,
)
from sklearn_homeo.ciphers.frame import PlainFrame, Standardisation, preserving_frame
from sklearn_homeo.ciphers.stretch import StretchedFrame
from sklearn_homeo.encryption.label_space.directions import (
    can_spare,
    label_mixing,
    linear_directions,
    principal_mixing,
    sparing_directions,
)
from sklearn_homeo.encryption.label_space.margin import fit_stretch
from sklearn_homeo.encryption.label_space.probe import (
    choose_directions,
    choose_finder,
    explained_variance_ratio,
)
from sklearn_homeo.encryption.label_space.whitening import PrincipalAxes

__all__ = ["FittedCipher", "fit_coupling", "fit_smooth", "fit_tanh"]


class FittedCipher(NamedTuple):
    """A cipher and what it preserves of the data it was fitted to."""

    cipher: LatticeCipher | TanhCipher
    n_preserved: int
    preserved_variance_ratio: float
    hides_attributes: bool = False


def fit_tanh(X, key, depth, weight_scale):
    """Fit the published cipher to rows of shape (n_samples, n_features)."""
    n = X.shape[1]
    cipher = tanh_cipher(
        key, Standardisation.from_data(X), n, depth=depth, weight_scale=weight_scale
    )
    return FittedCipher(cipher, n, 1.0)


def fit_smooth(X, key, depth):
    """Fit the smooth cipher to rows of shape (n_samples, n_features)."""
    n = X.shape[1]
    frame = PlainFrame(Standardisation.from_data(X))
    return FittedCipher(smooth_cipher(key, frame, n, depth=depth), n, 1.0)


def fit_coupling(X, target, key, n_preserved, hide_attributes, **settings):
    """Fit the coupling cipher; the smooth one if everything must be preserved.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    target : Target or None
        None preserves principal directions.
    key : SecretKey
    n_preserved : "auto" or int
    hide_attributes : "auto" or bool
    **settings : dict
        ``depth``, ``frequency``, ``amplitude`` and ``linkage_noise``.

    Returns
    -------
    fitted : FittedCipher
    """
    n = X.shape[1]
    if n_preserved == n or n == 1:
        return fit_smooth(X, key, settings["depth"])
    standardisation = Standardisation.from_data(X)
    units = standardisation.units(X)
    axes = PrincipalAxes.from_data(units)
    U = units @ axes.vectors
    finders = _finders(U.shape[1], target, hide_attributes)
    k, find = _plan(U, axes, target, n_preserved, n, finders)
    if k == n:
        return fit_smooth(X, key, settings["depth"])
    directions, mixing = _preserved(U, axes, target, k, find)
    S = (U * axes.gains) @ directions @ mixing
    stream = key.stream(f"{VERSION}/frame/{n}/{k}")
    frame = preserving_frame(standardisation, axes, directions, mixing, stream)
    hides = find is sparing_directions
    if hides and k == 1 and target.is_binary():
        frame, S = _stretched(frame, S, target)
    spread = float(np.hypot(S.std(), settings["linkage_noise"]))
    spread = spread if spread > 1e-6 else 1.0
    cipher = coupling_cipher(key, frame, n, k, spread, **settings)
    return FittedCipher(cipher, k, explained_variance_ratio(S, units), hides)


def _stretched(frame, S, target):
    """The frame and its coordinates, stretched around the boundary of two classes."""
    stretch, unit = fit_stretch(S[:, 0], target.outputs[:, 0])
    return StretchedFrame(frame, stretch.on_lattice(), unit), stretch.forward(S) / unit


def _finders(n_axes, target, hide_attributes):
    """What finds the directions that carry the label, the preferred one first."""
    possible = target is not None and can_spare(n_axes, target)
    if hide_attributes == "auto" and possible:
        return [sparing_directions, linear_directions]
    if hide_attributes is not True:
        return [linear_directions]
    if not possible:
        raise ValueError(
            "hide_attributes=True needs classes in y and at least 16 columns for each "
            'class. Set it to "auto", or pass classes or more columns.'
        )
    return [sparing_directions]


def _plan(U, axes, target, n_preserved, n_features, finders):
    """How many directions to preserve, and what finds them."""
    n_axes = U.shape[1]
    with single_threaded_blas():
        if n_preserved == "auto":
            return choose_directions(U, axes, target, n_features, finders)
        if n_preserved > n_axes:
            raise ValueError(
                f"n_preserved={n_preserved} is more than the {n_axes} directions that "
                f"can be preserved of these data ({n_features} features). Set a "
                "smaller one, or None to preserve everything."
            )
        return n_preserved, choose_finder(U, axes, target, n_preserved, finders)


def _preserved(U, axes, target, k, find):
    """Preserved directions among the frame's axes, and their scale."""
    if target is None:
        return np.eye(U.shape[1])[:, :k], principal_mixing(axes.gains[:k])
    directions = find(U, axes, target, k)
    return directions, label_mixing((U * axes.gains) @ directions, target)
