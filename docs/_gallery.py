"""What sphinx-gallery does around each example."""

import warnings

from sklearn_homeo._utils.doc_links import DocLinkMixin

__all__ = ["reset"]


def reset(gallery_conf, fname):
    """Let no example see which warnings another one silenced.

    HTML views of estimators on gallery pages link to the reference next to them. Each
    process that runs examples has to be told.
    """
    DocLinkMixin._doc_link_template = "../generated/sklearn_homeo.{estimator_name}.html"
    warnings.resetwarnings()
    # Without any filter scikit-learn takes its own workers for somebody else's.
    warnings.simplefilter("default")
    # Pages show what a warning says, not where packages lie on this machine.
    warnings.formatwarning = _as_one_line


def _as_one_line(message, category, filename, lineno, line=None):
    return f"{category.__name__}: {message}\n"
