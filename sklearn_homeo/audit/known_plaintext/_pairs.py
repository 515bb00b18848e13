"""What a known-plaintext attacker holds, made ready for regression."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo.audit._metrics import (
    guessing_rate,
    mean_reciprocal_rank,
    pooled_r2,
    reidentification,
)
from sklearn_homeo.audit._result import hit_result
from sklearn_homeo.audit.known_plaintext._ridge import Spectrum

MIN_LEAKED = 10
_MIN_TARGETS = 2
_VALIDATION_SHARE = 0.2


class LeakedPairs:
    """Leaked pairs and targets, checked, standardised, with validation rows."""

    def __init__(self, Z_leak, X_leak, Z_target, X_target, random_state, max_rows=None):
        Z_leak, X_leak = _check_rows(Z_leak, X_leak, "leak", MIN_LEAKED)
        Z_target, X_target = _check_rows(Z_target, X_target, "target", _MIN_TARGETS)
        _check_widths(Z_leak, Z_target, "Z")
        _check_widths(X_leak, X_target, "X")
        self._unit = StandardScaler().fit(X_leak)
        self._varying = np.ptp(X_leak, axis=0) > 0
        if not self._varying.any():
            raise ValueError("X_leak has no column that varies: nothing to attack")
        self.random_state = make_random_state(random_state)
        rows = self.random_state.permutation(len(X_leak))[:max_rows]
        n_validation = max(2, round(_VALIDATION_SHARE * len(rows)))
        self.validation = np.arange(n_validation)
        self.train = np.arange(n_validation, len(rows))
        scaler = StandardScaler().fit(Z_leak)
        self.Z = scaler.transform(Z_leak[rows])
        self.Z_target = scaler.transform(Z_target)
        self.Z_raw, self.Z_raw_target = Z_leak[rows], Z_target
        self.X = self._standardise(X_leak[rows])
        self.unit_scale = self._unit.scale_[self._varying]
        self.X_target = self._standardise(X_target)

    def _standardise(self, X):
        return self._unit.transform(X)[:, self._varying]

    def views(self):
        """Leaked and target ciphertexts by view."""
        views = {"standardised": (self.Z, self.Z_target)}
        spectrum = Spectrum(self.Z, self.X)
        if spectrum.rank:
            sides = spectrum.whiten(self.Z), spectrum.whiten(self.Z_target)
            views["whitened"] = sides
        return views

    def validation_r2(self, predicted):
        return pooled_r2(self.X[self.validation], predicted, 0.0, 1.0)

    def rebuilt(self, name, validation_pred, target_pred, choice, started):
        """Result of an attack by its standardised predictions."""
        found = reidentification(
            self.X_target, target_pred, self.X[self.validation], validation_pred
        )
        X_pred = np.zeros((len(target_pred), len(self._varying)))
        X_pred[:, self._varying] = target_pred
        return hit_result(
            name,
            found.hits,
            found.n,
            found.chance,
            started,
            r2=pooled_r2(self.X_target, target_pred, 0.0, 1.0),
            validation=found.validation,
            choice=choice,
            validation_r2=self.validation_r2(validation_pred),
            X_pred=self._unit.inverse_transform(X_pred),
            distance=found.choice,
            **found.details,
        )

    def linked(self, name, ranks, validation_ranks, choice, started):
        """Result of an attack that links, by places of the targets' own records.

        None for an attacker who found nothing and guesses blindly.
        """
        n, chance = len(self.X_target), guessing_rate(self.X_target)
        hits = round(chance * n) if ranks is None else int(np.sum(ranks == 1))
        median = (n + 1) / 2 if ranks is None else np.median(ranks)
        reciprocal = (
            0.0 if validation_ranks is None else mean_reciprocal_rank(validation_ranks)
        )
        return hit_result(
            name,
            hits,
            n,
            chance,
            started,
            validation=reciprocal,
            choice=choice,
            median_rank=float(median),
        )


def _check_rows(Z, X, role, least):
    Z = check_real_array(Z, dtype=np.float64, input_name=f"Z_{role}")
    X = check_real_array(X, dtype=np.float64, input_name=f"X_{role}")
    if len(Z) != len(X):
        raise ValueError(f"Z_{role} has {len(Z)} rows, X_{role} has {len(X)}")
    if len(Z) < least:
        raise ValueError(f"Z_{role} has {len(Z)} rows; the attack needs {least}")
    return Z, X


def _check_widths(leaked, target, side):
    if leaked.shape[1] != target.shape[1]:
        raise ValueError(
            f"{side}_leak has {leaked.shape[1]} columns, "
            f"{side}_target has {target.shape[1]}"
        )
