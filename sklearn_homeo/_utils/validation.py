"""What estimators need of scikit-learn's private parts, in this one place."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
)
from sklearn.utils._param_validation import validate_params as _validate_params
from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_output_config
from sklearn.utils._set_output import _wrap_data_with_container as wrap_output
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "check_feature_names_in",
    "check_fitted",
    "fit_context",
    "grown_trees",
    "validate_params",
    "wrap_output",
    "wrap_rows",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])
# scikit-learn's message, and values in it that are numbers, words for nothing, or a
# misspelt name where there is a list of names. Others may be rows or a passphrase.
_MESSAGE = re.compile(
    r"(The '\w+' parameter of .* must be .*\. Got )(.*)( instead\.)", re.S
)
_SHOWN = re.compile(r"-?[\d.]{1,30}(e[-+]?\d+)?|None|True|False|nan|-?inf")
_NAME = re.compile(r"'[\w .+-]{,30}'")


def fit_context(
    *, prefer_skip_nested_validation: bool
) -> Callable[[_Function], _Function]:
    """Decorate a method as scikit-learn does, but show no value that may be private."""
    context = _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)
    return lambda method: _hiding(context(method))


def validate_params(
    constraints: dict, *, prefer_skip_nested_validation: bool
) -> Callable[[_Function], _Function]:
    """Decorate a function as scikit-learn does, but show no value that may be private.

    Parameters
    ----------
    constraints : dict
    prefer_skip_nested_validation : bool
    """
    validate = _validate_params(
        constraints, prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return lambda function: _hiding(validate(function))


def _hiding(function):
    @wraps(function)
    def hiding(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except InvalidParameterError as error:
            raise InvalidParameterError(_without_value(str(error))) from None
        except OverflowError as error:
            raise ValueError(f"An argument is too large: {error}.") from None

    return hiding


def _without_value(message):
    found = _MESSAGE.fullmatch(message)
    if found is None:
        return message
    start, value, end = found.groups()
    if _SHOWN.fullmatch(value) or ("a str among" in start and _NAME.fullmatch(value)):
        return message
    return f"{start}something else{end}"


def check_fitted(estimator, name):
    """Check that something is a fitted estimator.

    Parameters
    ----------
    estimator : object
    name : str
        Name of the argument.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If it is not an estimator; the message does not show what it is.
    """
    if not hasattr(estimator, "fit") or not hasattr(estimator, "__sklearn_tags__"):
        raise TypeError(
            f"{name} must be a fitted estimator, got {type(estimator).__name__}"
        )
    check_is_fitted(estimator)


def wrap_rows(rows, original, columns, estimator):
    """Return rows in the container that ``set_output(transform=...)`` asks for.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    original : array-like
        The index comes from it, if it has one.
    columns : array-like of str of shape (n_features,)
    estimator : estimator

    Returns
    -------
    rows : ndarray or data frame
    """
    container = _get_output_config("transform", estimator)["dense"]
    if container == "default":
        return rows
    adapter = ADAPTERS_MANAGER.adapters[container]
    return adapter.create_container(rows, original, columns=columns)


def grown_trees(model):
    """Return the trees of fitted histogram gradient boosting.

    Parameters
    ----------
    model : HistGradientBoostingClassifier or HistGradientBoostingRegressor

    Returns
    -------
    stages : list of list of ndarray of shape (n_nodes,)
        For each round its trees: structured arrays of nodes, the root first, with
        fields such as ``value``, ``feature_idx`` and ``num_threshold``.
    """
    return [[tree.nodes for tree in stage] for stage in model._predictors]
