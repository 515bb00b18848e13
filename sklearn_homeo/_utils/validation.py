"""What estimators need of scikit-learn's private parts, in this one place."""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_params,
)
from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_output_config
from sklearn.utils._set_output import _wrap_data_with_container as wrap_output
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "check_feature_names_in",
    "fit_context",
    "grown_trees",
    "validate_params",
    "wrap_output",
    "wrap_rows",
]


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
