"""Membership inference: was a record among those that synthetic rows were made from?

The attacker holds synthetic rows and candidates, and gives each candidate a score,
higher for those that look like members. Candidates that were not used to fit the
synthesizer say what the scores are worth.
"""

from collections.abc import Sequence
from operator import itemgetter
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo._utils.validation import StrOptions, validate_params
from sklearn_homeo.audit._checks import check_names
from sklearn_homeo.audit._result import AttackResult
from sklearn_homeo.audit.membership._scores import (
    ATTACK_SCORES,
    best_of,
    check_sets,
    needs_reference,
    score_candidates,
)
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor


@validate_params(
    {"attacks": [StrOptions({"all"}), list, tuple]}, prefer_skip_nested_validation=True
)
def membership_attack(
    X_synthetic: ArrayLike,
    X_member: ArrayLike,
    X_non_member: ArrayLike,
    X_reference: ArrayLike | None = None,
    *,
    labels: tuple[ArrayLike | None, ...] | None = None,
    encryptor: HomeomorphicEncryptor | None = None,
    attacks: str | Sequence[str] = "all",
) -> AttackResult:
    """Tell records that synthetic rows were made from others.

    Five ways to score a candidate, in every space (plain, or encrypted and decrypted)
    and by Euclidean and whitened distances:

    * *nearest neighbour*: near to a synthetic row [1]_;
    * *relative neighbour*: nearer to a synthetic than to a reference row;
    * *mean*: on the synthetic mean's side of the reference mean, which adds up a little
      evidence from every column, and so finds what a density keeps of records in its
      means, however far synthetic rows are from them [2]_;
    * *density ratio (gaussian)*: more likely by a normal distribution fitted to the
      synthetic rows (covariance shrunk as by Ledoit and Wolf) than by one fitted to the
      reference [3]_;
    * *density ratio (kde)*: the same of kernel density estimates, as wide as reference
      rows are from their nearest synthetic one.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        The published rows.
    X_member : array-like of shape (n_members, n_features)
        Candidates that the synthesizer was fitted to; at least 4 rows.
    X_non_member : array-like of shape (n_non_members, n_features)
        Candidates of the same distribution that it was not; at least 4 rows.
    X_reference : array-like of shape (n_reference, n_features), default=None
        Further records of the distribution that the attacker has, none of them a
        candidate. Without it, only the nearest neighbour can be attacked with.
    labels : tuple of 4 array-like (or None), default=None
        Labels of these four sets, for an attacker who knows those of the candidates
        and attacks class by class.
    encryptor : HomeomorphicEncryptor or None, default=None
        Fitted: the attacker has it, and the key. Then synthetic rows are ciphertexts
        and all others are not, and both sides are compared encrypted and decrypted.
        None compares the rows as they are; an attacker without the key compares
        plain candidates to ciphertexts, or encrypts them under a key of his own.
    attacks : "all" or sequence of {"nearest neighbour", "relative neighbour", "mean", \
            "density ratio (gaussian)", "density ratio (kde)"}, default="all"
        Attacks to run; "all" without a reference is the first.

    Returns
    -------
    result : AttackResult
        Its rate is the area under the ROC curve of the best attack, the chance that a
        member scores higher than a non-member, with DeLong's interval; its choice the
        attack. Details:

        tpr : float
            Share of members that the best attack finds when 1 % of the non-members are
            accused.
        tpr_interval : tuple of (float, float)
            Its Clopper-Pearson 95 % interval, for the threshold as it is.
        tpr_chance : float
            0.01.
        best_tpr_choice : str
            The attack that is best by `tpr`.
        n_members : int
            Members among the candidates.
        attacks : dict of str to AttackResult
            Result of each attack, in the best space and metric, with `scores_member`
            and `scores_non_member`; the choice is the space and the metric.

    Raises
    ------
    ValueError
        If widths or numbers of labels disagree, a value is not finite, a class of
        the candidates is missing elsewhere, there are too few rows, or an attack is
        unknown or needs a reference.

    Notes
    -----
    The best attack, space and metric are chosen on one half of the candidates and
    measured on the other half, and the other way round. So blind guessing comes out at
    its chance, however many ways to guess there are. The `choice` is what is best on
    all candidates.

    References
    ----------
    .. [1] D. Chen, N. Yu, Y. Zhang, M. Fritz, "GAN-Leaks", CCS 2020.
    .. [2] C. Dwork, A. Smith, T. Steinke, J. Ullman, S. Vadhan, "Robust traceability
       from trace amounts", FOCS 2015.
    .. [3] B. van Breugel, H. Sun, Z. Qian, M. van der Schaar, "Membership inference
       attacks against synthetic data through overfitting detection" (DOMIAS), AISTATS
       2023, arXiv:2302.12580.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import ClassConditionalSynthesizer
    >>> from sklearn_homeo.audit import membership_attack
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 4)), rng.integers(2, size=600)
    >>> synthesizer = ClassConditionalSynthesizer(random_state=0)
    >>> synthetic, _ = synthesizer.fit(X[:200], y[:200]).sample(200)
    >>> result = membership_attack(synthetic, X[:200], X[200:400], X[400:])
    >>> bool(result.rate < 0.6)
    True
    """
    started = perf_counter()
    names = check_names(attacks, ATTACK_SCORES)
    if attacks == "all" and X_reference is None:
        names = [name for name in names if not needs_reference(name)]
    sets = X_synthetic, X_member, X_non_member, X_reference
    checked = check_sets(sets, labels, encryptor)
    results: dict[str, AttackResult] = {}
    ways: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    for name in names:
        began = perf_counter()
        pairs = score_candidates(name, checked)
        results[name] = best_of(pairs, str, began, name)
        ways |= {(name, view): pair for view, pair in pairs.items()}
    return best_of(ways, itemgetter(0), started, "membership", attacks=results)
