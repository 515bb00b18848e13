"""Attacks on encrypted data, and the metrics that score them."""

from sklearn_homeo.audit._known_plaintext import (
    extra_trees_attack,
    kernel_ridge_attack,
    known_plaintext_attack,
    ridge_attack,
)
from sklearn_homeo.audit._metrics import (
    clopper_pearson,
    pooled_r2,
    reidentification,
)

__all__ = [
    "clopper_pearson",
    "extra_trees_attack",
    "kernel_ridge_attack",
    "known_plaintext_attack",
    "pooled_r2",
    "reidentification",
    "ridge_attack",
]
