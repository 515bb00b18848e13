"""Warnings of settings and data that leave little or nothing protected."""

import warnings

from sklearn_homeo.exceptions import BrokenCipherWarning, NoProtectionWarning

__all__ = ["masks_are_weak", "warn_of_weaknesses"]

# Below these, regression learns the masks.
MIN_AMPLITUDE, MIN_FREQUENCY = 3.0, 2.0
MIN_MASKED = 3


def masks_are_weak(encryptor):
    """Whether amplitude or frequency are so low that masks can be learnt."""
    return encryptor.cipher == "coupling" and (
        encryptor.amplitude < MIN_AMPLITUDE or encryptor.frequency < MIN_FREQUENCY
    )


def warn_of_weaknesses(encryptor):
    """Warn of what a fitted encryptor does not protect although it could seem so."""
    if encryptor.cipher == "tanh":
        _warn(
            'cipher="tanh" is the published cipher and is broken: a few known pairs '
            'recover all rows. Use it as a baseline; protect data with "coupling".',
            BrokenCipherWarning,
        )
    elif encryptor.cipher == "coupling" and encryptor.n_preserved is not None:
        for reason in _reasons(encryptor):
            _warn(reason, NoProtectionWarning)


def _reasons(encryptor):
    n_features = encryptor.n_features_in_
    n_masked = n_features - encryptor.n_preserved_
    if n_masked == 0:
        yield (
            f"n_preserved={encryptor.n_preserved!r} preserves all {n_features} "
            "features, so nothing is masked: known pairs of rows and ciphertexts break "
            "this. Set a smaller n_preserved to trade accuracy for protection."
        )
        return
    if masks_are_weak(encryptor):
        yield (
            f"amplitude={encryptor.amplitude!r} and frequency="
            f"{encryptor.frequency!r} are too weak to protect: use at least "
            f"{MIN_AMPLITUDE} and {MIN_FREQUENCY}. preserved_variance_ratio_ is 1."
        )
    if n_masked < MIN_MASKED:
        yield (
            f"Only {n_masked} of {n_features} directions are masked, each driven by "
            "few others: known pairs may reveal the masks."
        )


def _warn(message, category):
    # Past this module, fit and scikit-learn's wrapper of fit.
    warnings.warn(message, category, stacklevel=5)
