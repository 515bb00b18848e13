"""Attacks on encrypted data, and the metrics that score them."""

from sklearn_homeo.audit._audit import privacy_audit
from sklearn_homeo.audit._bounds import (
    linkage_bound,
    measured_linkage,
    preserved_linkage_bound,
)
from sklearn_homeo.audit._displays import (
    KnownPlaintextCurveDisplay,
    PrivacyUtilityDisplay,
)
from sklearn_homeo.audit._metrics import (
    clopper_pearson,
    pooled_r2,
    reidentification,
)
from sklearn_homeo.audit._report import AuditReport
from sklearn_homeo.audit._scorers import best_private_index, make_privacy_scorer
from sklearn_homeo.audit.attributes._attributes import (
    attribute_inference_attack,
    hidden_attribute,
)
from sklearn_homeo.audit.images._decoding import image_decoding_attack
from sklearn_homeo.audit.images._similarity import (
    image_reidentification,
    image_similarity,
)
from sklearn_homeo.audit.inside._frame_membership import frame_membership_attack
from sklearn_homeo.audit.inside._inside import inside_attack
from sklearn_homeo.audit.inside._mask_rank import mask_rank
from sklearn_homeo.audit.inside._oracle import (
    chosen_plaintext_attack,
    same_label_attack,
)
from sklearn_homeo.audit.inside._peeling import lattice_attack
from sklearn_homeo.audit.inside._seed_search import seed_search
from sklearn_homeo.audit.inside._student import student_attack
from sklearn_homeo.audit.known_plaintext._forward import forward_linkage_attack
from sklearn_homeo.audit.known_plaintext._leak import (
    known_plaintext_attack,
    known_plaintext_curve,
)
from sklearn_homeo.audit.known_plaintext._procrustes import procrustes_attack
from sklearn_homeo.audit.known_plaintext._regressions import (
    extra_trees_attack,
    kernel_ridge_attack,
    ridge_attack,
)
from sklearn_homeo.audit.known_plaintext._two_sided import two_sided_linkage_attack
from sklearn_homeo.audit.membership._bounds import (
    distance_to_records,
    epsilon_lower_bound,
)
from sklearn_homeo.audit.membership._membership import (
    density_ratio_attack,
    mean_attack,
    membership_attack,
    nearest_neighbour_attack,
    relative_neighbour_attack,
)
from sklearn_homeo.audit.structure._alignment import unpaired_alignment_attack
from sklearn_homeo.audit.structure._linkability import linkability_attack
from sklearn_homeo.audit.structure._matching import (
    seeded_matching_attack,
    unordered_matching_attack,
)
from sklearn_homeo.audit.structure._structure import (
    duplicate_detection,
    structure_attack,
)

__all__ = [
    "AuditReport",
    "KnownPlaintextCurveDisplay",
    "PrivacyUtilityDisplay",
    "attribute_inference_attack",
    "best_private_index",
    "chosen_plaintext_attack",
    "clopper_pearson",
    "density_ratio_attack",
    "distance_to_records",
    "duplicate_detection",
    "epsilon_lower_bound",
    "extra_trees_attack",
    "forward_linkage_attack",
    "frame_membership_attack",
    "hidden_attribute",
    "image_decoding_attack",
    "image_reidentification",
    "image_similarity",
    "inside_attack",
    "kernel_ridge_attack",
    "known_plaintext_attack",
    "known_plaintext_curve",
    "lattice_attack",
    "linkability_attack",
    "linkage_bound",
    "mask_rank",
    "mean_attack",
    "make_privacy_scorer",
    "measured_linkage",
    "membership_attack",
    "nearest_neighbour_attack",
    "pooled_r2",
    "preserved_linkage_bound",
    "privacy_audit",
    "procrustes_attack",
    "reidentification",
    "relative_neighbour_attack",
    "ridge_attack",
    "same_label_attack",
    "seed_search",
    "seeded_matching_attack",
    "structure_attack",
    "student_attack",
    "two_sided_linkage_attack",
    "unordered_matching_attack",
    "unpaired_alignment_attack",
]
