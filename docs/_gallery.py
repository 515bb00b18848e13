"""What sphinx-gallery does around each example."""

import warnings

__all__ = ["reset"]


def reset(gallery_conf, fname):
    """Let no example see which warnings another one silenced."""
    warnings.resetwarnings()
    # Without any filter scikit-learn takes its own workers for somebody else's.
    warnings.simplefilter("default")
