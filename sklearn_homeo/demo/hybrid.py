"""The hybrid in an evaluation: encrypt, then synthesize."""

import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from sklearn_homeo.audit import membership_attack
from sklearn_homeo.demo.evaluation import (
    make_models,
    score_models,
)
from sklearn_homeo.exceptions import MemorisationWarning
from sklearn_homeo.synthesis._synthesizer import ClassConditionalSynthesizer

__all__ = [
    "attack_hybrid",
    "attack_synthetic",
    "measure_hybrid",
    "measure_table_hybrid",
    "synthesize",
]


def synthesize(X, y, *, random_state=0, counts=None):
    """Draw rows from class Gaussians.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    random_state : int, default=0
    counts : dict or int, default=None
        Rows by class, or in all. None takes as many of each class as are in `y`.

    Returns
    -------
    X_synthetic : ndarray of shape (n_synthetic, n_features), dtype float64
    y_synthetic : ndarray of shape (n_synthetic,)
    """
    synthesizer = ClassConditionalSynthesizer(random_state=random_state)
    with warnings.catch_warnings():
        # An evaluation measures what this warns of.
        warnings.simplefilter("ignore", MemorisationWarning)
        synthesizer.fit(X, y)
    return synthesizer.sample(len(y) if counts is None else counts)


def measure_table_hybrid(result, *, random_state=0, on_step=None):
    """Measure the hybrid on a table that `measure_table` measured.

    Parameters
    ----------
    result : Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`, of a classification.
        Its first cipher is used.
    random_state : int, default=0
    on_step : callable or None, default=None
        Called without arguments after each model.

    Returns
    -------
    measured : Bunch
        From :func:`measure_hybrid`, or `reason`, why there is no hybrid.
    """
    models = make_models("classification", random_state=random_state)
    encryptor = result.ciphers[0].encryptor
    try:
        return measure_hybrid(
            result.rows, models, encryptor, random_state=random_state, on_step=on_step
        )
    except ValueError as error:
        return Bunch(reason=str(error))


def measure_hybrid(rows, models, encryptor, *, random_state=0, on_step=None):
    """Train every model on hybrid rows and score it on encrypted real ones.

    Parameters
    ----------
    rows : Bunch
        From :func:`sklearn_homeo.demo.evaluation.split_rows`, of a classification.
    models : dict of str to estimator
    encryptor : HomeomorphicEncryptor
        Fitted to the train rows.
    random_state : int, default=0
    on_step : callable or None, default=None
        Called without arguments after each model.

    Returns
    -------
    measured : Bunch
        scores : dict of str to float
            Accuracy of each model.
        attack : Bunch
            Membership inference by an attacker who has the key; from
            :func:`attack_hybrid`.

    Raises
    ------
    ValueError
        If a class has fewer than 4 train rows or 2 test rows.
    """
    Z, y = synthesize(
        encryptor.transform(rows.X_train), rows.y_train, random_state=random_state
    )
    part = Bunch(
        X_train=Z,
        y_train=y,
        X_test=encryptor.transform(rows.X_test),
        y_test=rows.y_test,
    )
    return Bunch(
        scores=score_models(models, part, np.asarray, on_step=on_step),
        attack=attack_hybrid(rows, encryptor, random_state=random_state),
    )


def attack_hybrid(rows, encryptor, *, random_state=0):
    """Attack hybrid rows that were made from half of the train rows.

    The other half are the non-members, the test rows are the attacker's reference.
    The encryptor knows members and non-members alike, so that what is found is what
    synthesis leaks.

    Parameters
    ----------
    rows : Bunch
    encryptor : HomeomorphicEncryptor
        Fitted to the train rows.
    random_state : int, default=0

    Returns
    -------
    result : AttackResult
        See :func:`sklearn_homeo.audit.membership_attack`.
    """
    member, other = train_test_split(
        np.arange(len(rows.y_train)),
        test_size=0.5,
        stratify=rows.y_train,
        random_state=random_state,
    )
    sets = (
        (rows.X_train[member], rows.y_train[member]),
        (rows.X_train[other], rows.y_train[other]),
        (rows.X_test, rows.y_test),
    )
    Z = encryptor.transform(rows.X_train[member])
    made = synthesize(Z, rows.y_train[member], random_state=random_state)
    return attack_synthetic(made, *sets, encryptor=encryptor)


def attack_synthetic(synthetic, member, non_member, reference, *, encryptor):
    """Run all membership attacks on labelled rows.

    Parameters
    ----------
    synthetic, member, non_member, reference : tuple (X, y)
    encryptor : HomeomorphicEncryptor or None
        As in :func:`sklearn_homeo.audit.membership_attack`.

    Returns
    -------
    result : AttackResult
        See :func:`sklearn_homeo.audit.membership_attack`.
    """
    sets = synthetic, member, non_member, reference
    return membership_attack(
        *(X for X, _ in sets), labels=tuple(y for _, y in sets), encryptor=encryptor
    )
