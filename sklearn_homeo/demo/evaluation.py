"""What encryption keeps of a table and what an attacker gets."""

import math
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils import Bunch

from sklearn_homeo import HomeomorphicEncryptor, TanhEncryptor
from sklearn_homeo.audit import known_plaintext_attack
from sklearn_homeo.exceptions import BrokenCipherWarning

__all__ = [
    "attack_cipher",
    "cipher_name",
    "count_steps",
    "make_baseline",
    "make_encryptor",
    "make_models",
    "measure_cipher",
    "measure_table",
    "round_trip_error",
    "score_models",
    "split_rows",
    "split_table",
]

_N_MODELS = 5


def count_steps(n_ciphers):
    """Number of times that `measure_table` and `measure_hybrid` call `on_step`."""
    return 3 * _N_MODELS + n_ciphers * (_N_MODELS + 1)


def make_models(task, *, random_state=0):
    """Build the five models that the service trains.

    Each standardises what it receives first: a service sees columns of unknown
    scale, encrypted or not.

    Parameters
    ----------
    task : {"classification", "regression"}
    random_state : int, default=0
        For the random forest and the neural network.

    Returns
    -------
    models : dict of str to estimator
        Unfitted, by name.

    Raises
    ------
    ValueError
        If the task is unknown.

    Examples
    --------
    >>> from sklearn_homeo.demo.evaluation import make_models
    >>> list(make_models("classification"))
    ['logistic regression', 'k-NN', 'RBF SVM', 'random forest', 'MLP']
    """
    forest = {"n_estimators": 100, "random_state": random_state}
    network = {"max_iter": 300, "random_state": random_state}
    if task == "classification":
        models = {
            "logistic regression": LogisticRegression(max_iter=2000),
            "k-NN": KNeighborsClassifier(),
            "RBF SVM": SVC(random_state=random_state),
            "random forest": RandomForestClassifier(**forest),
            "MLP": MLPClassifier(**network),
        }
    elif task == "regression":
        models = {
            "ridge regression": Ridge(),
            "k-NN": KNeighborsRegressor(),
            "RBF SVM": SVR(),
            "random forest": RandomForestRegressor(**forest),
            "MLP": MLPRegressor(**network),
        }
        models = {
            name: TransformedTargetRegressor(model, transformer=StandardScaler())
            for name, model in models.items()
        }
    else:
        raise ValueError(f"task={task!r} must be 'classification' or 'regression'")
    return {
        name: make_pipeline(StandardScaler(), model) for name, model in models.items()
    }


def score_models(models, rows, encode, *, on_step=None):
    """Train every model on encoded train rows and score it on encoded test rows.

    Parameters
    ----------
    models : dict of str to estimator
        Left unfitted.
    rows : Bunch
        From :func:`split_rows`.
    encode : callable
        Turns rows (n, n_features) into what the service receives (n, n_outputs).
    on_step : callable or None, default=None
        Called without arguments after each model.

    Returns
    -------
    scores : dict of str to float
        Accuracy, or R2 of a regression.
    """
    Z_train, Z_test = encode(rows.X_train), encode(rows.X_test)
    scores = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            # A network that stops at max_iter is scored as it is, plain or encrypted.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = clone(model).fit(Z_train, rows.y_train)
        scores[name] = float(fitted.score(Z_test, rows.y_test))
        if on_step is not None:
            on_step()
    return scores


def round_trip_error(encryptor, X):
    """Greatest error of encrypting and decrypting standardised rows.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted.
    X : ndarray of shape (n_samples, n_features)
        Rows whose columns were standardised by the train rows.

    Returns
    -------
    error : float
        Over all entries, in standard deviations of the column among the train rows.
    """
    return float(
        np.max(np.abs(encryptor.inverse_transform(encryptor.transform(X)) - X))
    )


def split_table(table, *, test_size=0.25, random_state=0):
    """Draw train and test rows of a table, stratified by class.

    Parameters
    ----------
    table : Bunch
        See :func:`sklearn_homeo.demo.tables.load_bundled`.
    test_size : float, default=0.25
    random_state : int, default=0

    Returns
    -------
    train, test : ndarray of int
        Row numbers.

    Raises
    ------
    ValueError
        If a class would be missing among the train or the test rows.
    """
    stratify = table.y if table.task == "classification" else None
    try:
        return train_test_split(
            np.arange(len(table.y)),
            test_size=test_size,
            random_state=random_state,
            stratify=stratify,
        )
    except ValueError as error:
        raise ValueError(f"{table.name}: cannot split the rows: {error}") from error


def split_rows(table, train, test):
    """Take train and test rows of a table, standardised by the train rows.

    Parameters
    ----------
    table : Bunch
        See :func:`sklearn_homeo.demo.tables.load_bundled`.
    train, test : ndarray of int
        Row numbers.

    Returns
    -------
    rows : Bunch
        X_train, X_test : ndarray of shape (n_train or n_test, n_features)
        y_train, y_test : ndarray of shape (n_train or n_test,)
    """
    scaler = StandardScaler().fit(table.X[train])
    return Bunch(
        X_train=scaler.transform(table.X[train]),
        X_test=scaler.transform(table.X[test]),
        y_train=table.y[train],
        y_test=table.y[test],
    )


def make_encryptor(
    leakage, task, *, depth=3, n_cells="auto", n_preserved="auto", key=None
):
    """Build an unfitted encryptor for a task.

    Parameters
    ----------
    leakage : {"auto", "cells", "scores", "space"}
    task : {"classification", "regression"}
    depth : int, default=3
    n_cells, n_preserved : "auto" or int, default="auto"
    key : SecretKey or None, default=None

    Returns
    -------
    encryptor : HomeomorphicEncryptor
    """
    target_type = "discrete" if task == "classification" else "continuous"
    return HomeomorphicEncryptor(
        depth,
        leakage=leakage,
        n_cells=n_cells,
        n_preserved=n_preserved,
        target_type=target_type,
        key=key,
    )


def make_baseline(*, depth=3, key=None):
    """Build the published cipher, which is broken, to compare with another.

    Parameters
    ----------
    depth : int, default=3
    key : SecretKey or None, default=None

    Returns
    -------
    encryptor : TanhEncryptor
    """
    return TanhEncryptor(depth, key=key)


def cipher_name(encryptor):
    """How reports call the cipher of a fitted encryptor."""
    return "tanh" if isinstance(encryptor, TanhEncryptor) else encryptor.leakage_


def leakage_bits(encryptor):
    """What a row's ciphertexts tell of it at most, in bits."""
    if isinstance(encryptor, TanhEncryptor):
        return math.inf
    return encryptor.leakage_bits_


def measure_cipher(rows, models, encryptor, *, on_step=None):
    """Fit an encryptor, score the models on encrypted rows, and decrypt these.

    Parameters
    ----------
    rows : Bunch
        From :func:`split_rows`.
    models : dict of str to estimator
    encryptor : HomeomorphicEncryptor
        Fitted here, on the train rows.
    on_step : callable or None, default=None
        Called without arguments after each model.

    Returns
    -------
    measured : Bunch
        cipher : str
        leakage_bits : float
            What a row's ciphertexts tell of it at most; infinite without cells.
        encryptor : HomeomorphicEncryptor, fitted
        scores : dict of str to float
        round_trip_error : float
            Over train and test rows.
        notes : list of str
            Warnings of the encryptor, other than that the tanh cipher is broken.

    Raises
    ------
    ValueError
        If the encryptor refuses the settings or the rows.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encryptor.fit(rows.X_train, rows.y_train)
    scores = score_models(models, rows, encryptor.transform, on_step=on_step)
    every_row = np.vstack([rows.X_train, rows.X_test])
    return Bunch(
        cipher=cipher_name(encryptor),
        leakage_bits=leakage_bits(encryptor),
        encryptor=encryptor,
        scores=scores,
        round_trip_error=round_trip_error(encryptor, every_row),
        notes=[
            str(warning.message)
            for warning in caught
            if not issubclass(warning.category, BrokenCipherWarning)
        ],
    )


def attack_cipher(rows, encryptor, *, leak=0.9, n_jobs=None, random_state=0):
    """Attack the ciphertexts of all rows after a share of the records leaked.

    Parameters
    ----------
    rows : Bunch
        From :func:`split_rows`; train and test rows are pooled.
    encryptor : HomeomorphicEncryptor
        Fitted.
    leak : float, default=0.9
        Share of the rows that the attacker knows in the clear.
    n_jobs : int or None, default=None
        Processors for the extra trees.
    random_state : int, default=0

    Returns
    -------
    attack : AttackResult
        See :func:`sklearn_homeo.audit.known_plaintext_attack`.
    """
    X = np.vstack([rows.X_train, rows.X_test])
    return known_plaintext_attack(
        encryptor.transform(X), X, leak=leak, n_jobs=n_jobs, random_state=random_state
    )


def measure_table(
    table,
    encryptor,
    baseline=None,
    *,
    test_size=0.25,
    leak=0.9,
    n_jobs=None,
    random_state=0,
    on_step=None,
):
    """Measure on one table what a cipher keeps and what it hides.

    Parameters
    ----------
    table : Bunch
        See :func:`sklearn_homeo.demo.tables.load_bundled`.
    encryptor : HomeomorphicEncryptor
        The one in question; fitted here.
    baseline : TanhEncryptor or None, default=None
        Another one to compare with it; fitted here. If it refuses the rows or its
        settings, its reason stands in place of figures.
    test_size : float, default=0.25
        Share of the rows that the models do not train on.
    leak : float, default=0.9
        Share of all rows that the attacker knows in the clear.
    n_jobs : int or None, default=None
        Processors for the extra trees; does not change the result.
    random_state : int, default=0
        Seed of the split, the models and the attacks, never of a key.
    on_step : callable or None, default=None
        Called without arguments after each model and each battery of attacks.

    Returns
    -------
    result : Bunch
        table : Bunch
        rows : Bunch
            Train and test rows, from :func:`split_rows`.
        leak : float
        plain, view : dict of str to float
            Scores on plain rows, and on the coordinates that the view shows.
        ciphers : list of Bunch
            Measures of the encryptor and the baseline: what :func:`measure_cipher`
            returns and `attack`, or `cipher` and `reason`.

    Raises
    ------
    ValueError
        If the rows cannot be split or the encryptor refuses them.
    """
    train, test = split_table(table, test_size=test_size, random_state=random_state)
    rows = split_rows(table, train, test)
    models = make_models(table.task, random_state=random_state)
    options = {"leak": leak, "n_jobs": n_jobs, "random_state": random_state}
    plain = score_models(models, rows, np.asarray, on_step=on_step)
    try:
        ciphers = [_measure(rows, models, encryptor, options, on_step)]
    except ValueError as error:
        raise ValueError(f"{table.name}: {error}") from error
    view = score_models(models, rows, encryptor.preserve, on_step=on_step)
    if baseline is not None:
        try:
            ciphers.append(_measure(rows, models, baseline, options, on_step))
        except ValueError as error:
            ciphers.append(Bunch(cipher="tanh", reason=str(error)))
    return Bunch(
        table=table,
        rows=rows,
        leak=leak,
        plain=plain,
        view=view,
        ciphers=ciphers,
    )


def _measure(rows, models, encryptor, options, on_step):
    measured = measure_cipher(rows, models, encryptor, on_step=on_step)
    measured.attack = attack_cipher(rows, encryptor, **options)
    if on_step is not None:
        on_step()
    return measured
