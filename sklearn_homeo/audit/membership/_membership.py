"""Membership inference: was a record among those that synthetic rows were made from?

The attacker holds synthetic rows and candidates, and gives each candidate a score,
higher for those that look like members. Candidates that were not used to fit the
synthesizer say what the scores are worth.
"""

from sklearn.utils import Bunch

from sklearn_homeo._utils.validation import StrOptions, validate_params
from sklearn_homeo.audit.membership._scores import (
    ATTACK_SCORES,
    check_sets,
    run_attack,
)

__all__ = [
    "density_ratio_attack",
    "mean_attack",
    "membership_attack",
    "nearest_neighbour_attack",
    "relative_neighbour_attack",
]


def nearest_neighbour_attack(
    X_synthetic,
    X_member,
    X_non_member,
    X_reference=None,
    *,
    labels=None,
    encryptor=None,
):
    """Take candidates near to a synthetic row for members.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        What was published.
    X_member : array-like of shape (n_members, n_features)
        Candidates that the synthesizer was fitted to; at least 2 rows.
    X_non_member : array-like of shape (n_non_members, n_features)
        Candidates of the same distribution that it was not; at least 2 rows.
    X_reference : array-like of shape (n_reference, n_features), default=None
        Further records of the distribution that the attacker has, none of them a
        candidate. Whitens the distances; without it, the synthetic rows do.
    labels : tuple of 4 array-like (or None), default=None
        Labels of these four sets, for an attacker who knows those of the candidates
        and attacks class by class.
    encryptor : HomeomorphicEncryptor or None, default=None
        Fitted: the attacker has key and frame. Then synthetic rows are ciphertexts
        and all others are not, and both sides are compared encrypted and decrypted.
        None compares the rows as they are; an attacker without the key compares
        plain candidates to ciphertexts, or encrypts them under a key of his own.

    Returns
    -------
    result : Bunch
        name : str
        auc : float
            Chance that a member scores higher than a non-member, for the space and
            the metric in which that is highest.
        interval : tuple of (float, float)
            Its 95 % interval by DeLong's variance.
        chance : float
            0.5, the AUC of blind guessing.
        tpr : float
            Share of members found when 1 % of the non-members are accused.
        tpr_interval : tuple of (float, float)
            Its Clopper-Pearson 95 % interval, for the threshold as it is.
        tpr_chance : float
            0.01.
        n_members, n_non_members : int
        choice : str
            The space and the metric.
        scores_member, scores_non_member : ndarray of shape (n_members or \
                n_non_members,), dtype float64
        direction : str
            How to read the figures.
        seconds : float
            Wall-clock time.

    Raises
    ------
    ValueError
        If widths or numbers of labels disagree, a value is not finite, a class of
        the candidates is missing elsewhere, or there are too few rows.

    References
    ----------
    D. Chen, N. Yu, Y. Zhang, M. Fritz, "GAN-Leaks", CCS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import nearest_neighbour_attack
    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> copies = X[:100] + 0.01
    >>> nearest_neighbour_attack(copies, X[:100], X[100:]).auc
    1.0
    """
    sets = X_synthetic, X_member, X_non_member, X_reference
    return run_attack("nearest neighbour", check_sets(sets, labels, encryptor))


def relative_neighbour_attack(
    X_synthetic, X_member, X_non_member, X_reference, *, labels=None, encryptor=None
):
    """Take candidates nearer to a synthetic row than to a reference row for members.

    Parameters
    ----------
    X_synthetic, X_member, X_non_member, X_reference : array-like of shape (n_rows, \
            n_features)
        As in :func:`nearest_neighbour_attack`; the reference is needed.
    labels : tuple of 4 array-like (or None), default=None
        As in :func:`nearest_neighbour_attack`.
    encryptor : HomeomorphicEncryptor or None, default=None
        As in :func:`nearest_neighbour_attack`.

    Returns
    -------
    result : Bunch
        As there.

    Raises
    ------
    ValueError
        As there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import relative_neighbour_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 5))
    >>> copies = X[:100] + 0.01
    >>> relative_neighbour_attack(copies, X[:100], X[100:200], X[200:]).auc
    1.0
    """
    sets = X_synthetic, X_member, X_non_member, X_reference
    return run_attack("relative neighbour", check_sets(sets, labels, encryptor))


def mean_attack(
    X_synthetic, X_member, X_non_member, X_reference, *, labels=None, encryptor=None
):
    """Take candidates on the synthetic mean's side of the reference mean for members.

    Adds up a little evidence from every column, and so finds what a density keeps of
    records in its means, however far synthetic rows are from them.

    Parameters
    ----------
    X_synthetic, X_member, X_non_member, X_reference : array-like of shape (n_rows, \
            n_features)
        As in :func:`nearest_neighbour_attack`; the reference is needed.
    labels : tuple of 4 array-like (or None), default=None
        As in :func:`nearest_neighbour_attack`.
    encryptor : HomeomorphicEncryptor or None, default=None
        As in :func:`nearest_neighbour_attack`.

    Returns
    -------
    result : Bunch
        As there.

    Raises
    ------
    ValueError
        As there.

    References
    ----------
    C. Dwork, A. Smith, T. Steinke, J. Ullman, S. Vadhan, "Robust traceability from
    trace amounts", FOCS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import mean_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 200))
    >>> means = np.tile(X[:50].mean(axis=0), (2, 1))
    >>> bool(mean_attack(means, X[:50], X[50:100], X[100:]).auc > 0.8)
    True
    """
    sets = X_synthetic, X_member, X_non_member, X_reference
    return run_attack("mean", check_sets(sets, labels, encryptor))


@validate_params(
    {"density": [StrOptions({"gaussian", "kde"})]}, prefer_skip_nested_validation=True
)
def density_ratio_attack(
    X_synthetic,
    X_member,
    X_non_member,
    X_reference,
    *,
    density="gaussian",
    labels=None,
    encryptor=None,
):
    """Take candidates that synthesis made likelier than they are for members.

    Parameters
    ----------
    X_synthetic, X_member, X_non_member, X_reference : array-like of shape (n_rows, \
            n_features)
        As in :func:`nearest_neighbour_attack`; the reference is needed.
    density : {"gaussian", "kde"}, default="gaussian"
        What is fitted to synthetic and to reference rows: normal distributions with
        the covariance shrunk as by Ledoit and Wolf, or kernel density estimates as
        wide as reference rows are from their nearest synthetic one.
    labels : tuple of 4 array-like (or None), default=None
        As in :func:`nearest_neighbour_attack`.
    encryptor : HomeomorphicEncryptor or None, default=None
        As in :func:`nearest_neighbour_attack`.

    Returns
    -------
    result : Bunch
        As there.

    Raises
    ------
    ValueError
        As there.

    References
    ----------
    B. van Breugel, H. Sun, Z. Qian, M. van der Schaar, "Membership inference attacks
    against synthetic data through overfitting detection" (DOMIAS), AISTATS 2023,
    arXiv:2302.12580.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import density_ratio_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 5))
    >>> copies = np.repeat(X[:100], 3, axis=0)
    >>> result = density_ratio_attack(
    ...     copies, X[:100], X[100:200], X[200:], density="kde"
    ... )
    >>> bool(result.auc > 0.9)
    True
    """
    sets = X_synthetic, X_member, X_non_member, X_reference
    name = f"density ratio ({density})"
    return run_attack(name, check_sets(sets, labels, encryptor))


@validate_params(
    {"attacks": [StrOptions({"all"}), list, tuple]}, prefer_skip_nested_validation=True
)
def membership_attack(
    X_synthetic,
    X_member,
    X_non_member,
    X_reference,
    *,
    labels=None,
    encryptor=None,
    attacks="all",
):
    """Run all membership attacks and report the worst of them.

    Parameters
    ----------
    X_synthetic, X_member, X_non_member, X_reference : array-like of shape (n_rows, \
            n_features)
        As in :func:`nearest_neighbour_attack`; the reference is needed.
    labels : tuple of 4 array-like (or None), default=None
        As in :func:`nearest_neighbour_attack`.
    encryptor : HomeomorphicEncryptor or None, default=None
        As in :func:`nearest_neighbour_attack`.
    attacks : "all" or sequence of {"nearest neighbour", "relative neighbour", "mean", \
            "density ratio (gaussian)", "density ratio (kde)"}, default="all"
        Which attacks to run.

    Returns
    -------
    result : Bunch
        auc, interval, tpr, tpr_interval
            The greatest AUC and the greatest true-positive rate of all attacks, as in
            :func:`nearest_neighbour_attack`.
        best_auc_attack, best_tpr_attack : str
            Which attacks these were.
        attacks : dict of str to Bunch
            The whole result of each attack.
        chance, tpr_chance, n_members, n_non_members, direction, seconds
            As there.

    Raises
    ------
    ValueError
        As there, or if an attack is unknown.

    Notes
    -----
    The maximum over attacks, spaces and metrics is taken on the candidates
    themselves, to the owner's disadvantage: blind guessing comes out a little above
    its chance.

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
    >>> bool(result.auc < 0.6)
    True
    """
    names = _check_attacks(attacks)
    sets = X_synthetic, X_member, X_non_member, X_reference
    checked = check_sets(sets, labels, encryptor)
    return _summary({name: run_attack(name, checked) for name in names})


def _check_attacks(attacks):
    if isinstance(attacks, str):
        return list(ATTACK_SCORES)
    unknown = [name for name in attacks if name not in ATTACK_SCORES]
    if unknown or not attacks:
        raise ValueError(
            f"attacks={attacks!r} must be 'all' or names from {list(ATTACK_SCORES)}"
        )
    return list(dict.fromkeys(attacks))


def _summary(results):
    by_auc = max(results, key=lambda name: results[name].auc)
    by_tpr = max(results, key=lambda name: results[name].tpr)
    worst = results[by_auc]
    shared = ("chance", "tpr_chance", "n_members", "n_non_members", "direction")
    return Bunch(
        auc=worst.auc,
        interval=worst.interval,
        tpr=results[by_tpr].tpr,
        tpr_interval=results[by_tpr].tpr_interval,
        best_auc_attack=by_auc,
        best_tpr_attack=by_tpr,
        attacks=results,
        seconds=sum(result.seconds for result in results.values()),
        **{name: worst[name] for name in shared},
    )
