"""Which directions a density describes, and the noise that fills all others.

Ciphertexts have a few directions of large variance and many small masks; tables have
columns of all kinds of units. A density of all directions at once memorises. Each
mean and each covariance entry that carries nothing else still carries the records it
was computed from. An attacker who adds up d of them, from n rows, tells members from
others by about (d / n) ** 0.5 standard deviations. So directions that cannot be told
from isotropic noise are modelled as that, by one number.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg

__all__ = ["Scales", "class_means", "fit_scales"]

# Deviations beyond the edge of pure noise, which exceeds it once in a hundred times.
_MARGIN = 3.0
# Columns that vary less than this, beside their values, are constant.
_CONSTANT = 1e-10
# Least deviation of a column, beside their mean, for one unit to serve all: rotated
# rows have columns of like size.
_ALIKE = 1e-3
# Standard deviations by which the sum of a direction's errors may tell members from
# others, where that takes a turn of no more radians than the second number.
_TELLING = 0.1
_MAX_TURN = 0.1


@dataclass(frozen=True)
class Scales:
    """Coordinates of unit variance within classes, and isotropic noise around them.

    Parameters
    ----------
    centre : ndarray of shape (n_classes, n_features), dtype float64
        Origin of the coordinates; differs by class in columns that are constant
        within classes, only.
    unit : ndarray of shape (n_features,), dtype float64
        What columns are divided by; 0 for constant ones.
    vectors : ndarray of shape (n_features, n_signal), dtype float64
        Orthonormal columns: the directions that densities describe.
    spread : ndarray of shape (n_signal,), dtype float64
        Standard deviations within classes along these.
    noise : ndarray of shape (n_classes,), dtype float64
        Standard deviation in every other direction, by class.
    """

    centre: np.ndarray
    unit: np.ndarray
    vectors: np.ndarray
    spread: np.ndarray
    noise: np.ndarray

    def project(self, X, codes):
        """Coordinates (n_samples, n_signal) of rows (n_samples, n_features)."""
        units = _divide(X - self.centre[codes], self.unit)
        return (units @ self.vectors) / self.spread

    def draw(self, n, rng):
        """Standard normal rows (n, n_features), and their part in the coordinates.

        The rest is independent of that part and can serve as the noise.
        """
        normal = rng.standard_normal((n, len(self.vectors)))
        return normal, normal @ self.vectors

    def embed(self, coordinates, code, normal, inside):
        """Rows (n_samples, n_features) of a class, with noise from what `draw` gave.

        `normal` is overwritten.
        """
        noise = self.noise[code]
        normal *= noise
        normal += (coordinates * self.spread - noise * inside) @ self.vectors.T
        normal *= self.unit
        normal += self.centre[code]
        return normal


class _NoiseModel(NamedTuple):
    """Described directions, the variance of all others, and the model's merit."""

    vectors: np.ndarray
    noise: float
    score: float


def fit_scales(X, codes, rng, ample=np.inf):
    """Find the scales of rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
        Classes, numbered from 0 without gaps; at least one has two rows.
    rng : Generator
    ample : float, default=inf
        Rows of each class for every direction, from which on all directions are
        described: for densities that see what variances do not tell.

    Returns
    -------
    scales : Scales

    Notes
    -----
    Columns are divided either by one number (right for rotated rows) or each by its
    standard deviation (right for tables); the probabilistic principal-components
    model [1]_ with the greater Bayesian information criterion decides. Directions
    that are described are those whose variance, whose class means or whose variance
    in one class lie beyond what noise reaches [2]_; one after the other, as in [3]_.

    References
    ----------
    .. [1] M. Tipping, C. Bishop, "Probabilistic principal component analysis",
       Journal of the Royal Statistical Society B 61, 1999.
    .. [2] K. Davidson, S. Szarek, "Local operator theory, random matrices and Banach
       spaces", Handbook of the Geometry of Banach Spaces 1, 2001, theorem II.13.
    .. [3] S. Kritchman, B. Nadler, "Determining the number of components in a factor
       model from limited noisy data", Chemometrics 94, 2008.
    """
    means, counts = class_means(X, codes)
    residual = X - means[codes]
    deviation = np.sqrt(np.mean(residual**2, axis=0))
    varying = deviation > _CONSTANT * np.abs(X).max(axis=0)
    overall = X.mean(axis=0)
    centred = (X - overall)[:, varying]
    unit, model = _choose_unit(centred, deviation[varying])
    rows = residual[:, varying] / unit
    model = _add_mean_directions(model, means[:, varying] / unit, counts)
    model = _add_class_directions(model, rows, codes, counts)
    if counts.min() >= ample * rows.shape[1]:
        model = _extend(model, np.eye(rows.shape[1]))
    variances = np.mean((centred / unit @ model.vectors) ** 2, axis=0)
    vectors = _blur(model, variances, len(X), rng)
    vectors, spread = _within_classes(vectors, rows, len(X) - len(counts))
    mean = overall[varying] / unit
    centre = vectors @ (vectors.T @ mean)
    centre += _mean_beyond_noise(model, variances, mean, len(X))
    return Scales(
        _spread_columns(centre * unit, varying, means),
        _spread_columns(unit, varying, 0.0),
        _spread_columns(vectors.T, varying, 0.0).T.copy(),
        spread,
        _class_noise(vectors, rows, codes, counts),
    )


def class_means(X, codes):
    """Means (n_classes, n_features) and numbers of rows of each class."""
    counts = np.bincount(codes)
    sums = np.zeros((len(counts), X.shape[1]))
    np.add.at(sums, codes, X)
    return sums / counts[:, None], counts


def _divide(X, unit):
    return np.divide(X, unit, out=np.zeros_like(X), where=unit > 0)


def _spread_columns(part, varying, elsewhere):
    """Put columns back among the constant ones."""
    shape = np.broadcast_shapes(np.shape(elsewhere), (*part.shape[:-1], len(varying)))
    whole = np.array(np.broadcast_to(elsewhere, shape), dtype=np.float64)
    whole[..., varying] = part
    return whole


def _choose_unit(rows, deviation):
    """Unit of each column, and the model of rows in these units."""
    size = np.sqrt((deviation**2).sum() / max(len(deviation), 1))
    units = np.full_like(deviation, size), deviation
    models = [_fit_noise_model(rows / unit) for unit in units]
    # Each density is one of the rows in the data's own units, and a unit a column
    # is a parameter a column.
    scores = [
        model.score - len(rows) * np.log(unit).sum()
        for unit, model in zip(units, models, strict=True)
    ]
    scores[1] -= np.log(len(rows)) / 2 * len(deviation)
    alike = deviation.min(initial=np.inf) > _ALIKE * size
    best = int(scores[1] > scores[0] or not alike)
    return units[best], models[best]


def _fit_noise_model(rows):
    """Directions whose variance is not that of noise, of centred rows."""
    n_directions, dof = rows.shape[1], len(rows) - 1
    variances, vectors = _principal_axes(rows, dof)
    if n_directions == 0:
        return _NoiseModel(vectors, 0.0, 0.0)
    signal = _beyond_noise(variances, n_directions, dof)
    left = n_directions - signal.sum()
    if left == 1:
        # A single direction cannot be told to be isotropic.
        signal, left = np.ones(len(variances), dtype=bool), 0
    noise = variances[~signal].sum() / left if left else 0.0
    score = _information(variances[signal], noise, n_directions, dof)
    return _NoiseModel(vectors[:, signal], noise, score)


def _principal_axes(rows, dof):
    """Variances, descending, and orthonormal directions as columns."""
    n_rows, n_directions = rows.shape
    if n_directions <= n_rows:
        variances, vectors = _eigh(rows.T @ rows / dof)
        return np.maximum(variances[::-1], 0.0), _signed(vectors[:, ::-1])
    variances, weights = _eigh(rows @ rows.T / dof)
    kept = np.flatnonzero(variances > _CONSTANT * max(variances[-1], 1e-300))[::-1]
    vectors = rows.T @ weights[:, kept] / np.sqrt(variances[kept] * dof)
    return variances[kept], _signed(vectors)


def _eigh(matrix):
    if len(matrix) == 0:
        # LAPACK's dsyevr refuses it; SciPy only asks it to since version 1.14.
        return np.zeros(0), np.zeros((0, 0))
    return linalg.eigh(matrix)


def _signed(vectors):
    """Columns whose greatest entries are positive: eigh leaves signs to chance."""
    if vectors.size == 0:
        return vectors
    greatest = np.argmax(np.abs(vectors), axis=0)
    return vectors * np.sign(vectors[greatest, np.arange(vectors.shape[1])])


def _beyond_noise(variances, n_directions, dof):
    """Mask of the variances that stick out above or below those of noise."""
    above = np.cumsum(np.append(0.0, variances[:-1]))
    left = n_directions - np.arange(len(variances))
    level = np.maximum(variances.sum() - above, 0.0) / left
    inside = variances <= level * (1 + (np.sqrt(left) + _MARGIN) / np.sqrt(dof)) ** 2
    first = int(np.argmax(inside)) if inside.any() else len(variances)
    signal = np.arange(len(variances)) < first
    if first < len(variances):
        low = 1 - (np.sqrt(left[first]) + _MARGIN) / np.sqrt(dof)
        signal |= variances < level[first] * max(low, 0.0) ** 2
    return signal


def _information(kept, noise, n_directions, dof):
    """Bayesian information criterion of probabilistic principal components."""
    tiny = np.finfo(float).tiny
    left = n_directions - len(kept)
    likelihood = np.log(np.maximum(kept, tiny)).sum() + left * np.log(max(noise, tiny))
    n_parameters = len(kept) * (n_directions - (len(kept) - 1) / 2)
    return -dof / 2 * likelihood - np.log(dof + 1) / 2 * n_parameters


def _extend(model, directions):
    """Describe further directions, given as columns."""
    if directions.shape[1] == 0:
        return model
    n_known = model.vectors.shape[1]
    # The QR decomposition turns signs of columns.
    vectors = np.linalg.qr(np.hstack([model.vectors, directions]))[0]
    vectors[:, :n_known] = model.vectors
    return model._replace(vectors=vectors)


def _outside(rows, vectors):
    return rows - (rows @ vectors) @ vectors.T


def _add_mean_directions(model, means, counts):
    overall = counts @ means / counts.sum()
    shifts = _outside(means - overall, model.vectors) * np.sqrt(counts)[:, None]
    left = means.shape[1] - model.vectors.shape[1]
    _, sizes, directions = np.linalg.svd(shifts, full_matrices=False)
    edge = np.sqrt(left) + np.sqrt(len(counts) - 1) + _MARGIN
    found = directions[:left][sizes[:left] > edge * np.sqrt(model.noise)]
    return _extend(model, found.T)


def _add_class_directions(model, residual, codes, counts):
    """Describe directions in which a class has another variance than noise.

    Or in which it is correlated with directions that are described already.
    """
    for code, count in enumerate(counts):
        left = residual.shape[1] - model.vectors.shape[1]
        if left < 2 or count < 3:
            continue
        known = residual[codes == code] @ model.vectors
        rows = residual[codes == code] - known @ model.vectors.T
        model = _extend(model, _correlated_directions(known, rows, left))
        left = residual.shape[1] - model.vectors.shape[1]
        rows = _outside(rows, model.vectors)
        variances, vectors = _principal_axes(rows, count - 1)
        # Directions that are described already come last, with variance 0.
        signal = _beyond_noise(variances[:left], left, count - 1)
        model = _extend(model, vectors[:, :left][:, signal])
    return model


def _correlated_directions(known, rows, left):
    """Directions of rows (n_rows, n) correlated with known coordinates, as columns."""
    n_known = known.shape[1]
    size = np.sqrt((rows**2).sum() / (len(rows) * left))
    variances, axes = _principal_axes(known, len(rows))
    axes = axes[:, variances > 0] / np.sqrt(variances[variances > 0])
    products = (known @ axes).T @ rows / max(size, 1e-300) / np.sqrt(len(rows))
    _, sizes, directions = np.linalg.svd(products, full_matrices=False)
    beyond = sizes > np.sqrt(n_known) + np.sqrt(left) + _MARGIN
    return directions[beyond][:left].T


def _blur(model, variances, n_rows, rng):
    """Turn the directions a little, at random.

    The error of a direction estimated from n rows is the sum of these rows' noise, so
    that it, too, is a fingerprint. Errors that exceed it by (d / n) ** 0.5 / _TELLING
    leave that many standard deviations between members and others.
    """
    left = len(model.vectors) - model.vectors.shape[1]
    errors = np.sqrt(model.noise / n_rows / np.maximum(variances, 1e-300))
    errors *= np.sqrt(left / n_rows) / _TELLING
    errors = np.minimum(errors, _MAX_TURN / np.sqrt(max(left, 1)))
    turns = rng.standard_normal(model.vectors.T.shape) * errors[:, None]
    return np.linalg.qr(model.vectors + _outside(turns, model.vectors).T)[0]


def _within_classes(vectors, residual, dof):
    """Axes of the rows' variance within classes, and standard deviations."""
    coordinates = residual @ vectors
    variances, axes = _eigh(coordinates.T @ coordinates / dof)
    floor = _CONSTANT * variances.max(initial=1e-300)
    return _signed(vectors @ axes[:, ::-1]), np.sqrt(np.maximum(variances[::-1], floor))


def _mean_beyond_noise(model, variances, mean, n_rows):
    """Return the mean outside the described directions, without its noise.

    James and Stein's estimator: the mean of d coordinates that are noise would be a
    fingerprint of the rows. So would errors of the directions, which turn a part of
    the described mean aside.
    """
    beside = _outside(mean, model.vectors)
    left = len(mean) - model.vectors.shape[1]
    turned = np.sum((mean @ model.vectors) ** 2 / np.maximum(variances, 1e-300))
    noise = model.noise / n_rows * (1 + turned)
    size = beside @ beside
    excess = max(size - (left + _MARGIN * np.sqrt(2 * left)) * noise, 0.0)
    return beside * (excess / size if size > 0 else 0.0)


def _class_noise(vectors, residual, codes, counts):
    left = residual.shape[1] - vectors.shape[1]
    if left == 0:
        return np.zeros(len(counts))
    squares = (_outside(residual, vectors) ** 2).sum(axis=1)
    pooled = squares.sum() / (len(residual) - len(counts))
    # Each class leans on all of them as by one more row.
    sums = np.bincount(codes, squares) + pooled
    return np.sqrt(sums / (left * counts))
