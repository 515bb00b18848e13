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
from sklearn_homeo.audit._intervals import clopper_pearson
from sklearn_homeo.audit._metrics import pooled_r2, reidentification
from sklearn_homeo.audit._report import AuditReport
from sklearn_homeo.audit._result import AttackResult
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
from sklearn_homeo.audit.inside._chosen_ciphertexts import (
    chosen_ciphertext_attack,
    forgery_attack,
)
from sklearn_homeo.audit.inside._colluding_owner import colluding_owner_attack
from sklearn_homeo.audit.inside._distinguishers import distinguisher_attack
from sklearn_homeo.audit.inside._oracle import chosen_plaintext_attack
from sklearn_homeo.audit.inside._related_plaintexts import related_plaintext_attack
from sklearn_homeo.audit.inside._seed_search import seed_search
from sklearn_homeo.audit.known_plaintext._forward import forward_linkage_attack
from sklearn_homeo.audit.known_plaintext._leak import (
    KnownPlaintextCurve,
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
from sklearn_homeo.audit.membership._membership import membership_attack
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
    "AttackResult",
    "AuditReport",
    "KnownPlaintextCurve",
    "KnownPlaintextCurveDisplay",
    "PrivacyUtilityDisplay",
    "attribute_inference_attack",
    "best_private_index",
    "chosen_ciphertext_attack",
    "chosen_plaintext_attack",
    "clopper_pearson",
    "distance_to_records",
    "distinguisher_attack",
    "duplicate_detection",
    "epsilon_lower_bound",
    "extra_trees_attack",
    "forgery_attack",
    "forward_linkage_attack",
    "hidden_attribute",
    "image_decoding_attack",
    "image_reidentification",
    "image_similarity",
    "kernel_ridge_attack",
    "known_plaintext_attack",
    "known_plaintext_curve",
    "linkability_attack",
    "linkage_bound",
    "make_privacy_scorer",
    "measured_linkage",
    "membership_attack",
    "pooled_r2",
    "preserved_linkage_bound",
    "privacy_audit",
    "procrustes_attack",
    "reidentification",
    "related_plaintext_attack",
    "colluding_owner_attack",
    "ridge_attack",
    "seed_search",
    "seeded_matching_attack",
    "structure_attack",
    "two_sided_linkage_attack",
    "unordered_matching_attack",
]
