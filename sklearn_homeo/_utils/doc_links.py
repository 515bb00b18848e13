"""What scikit-learn's HTML view needs to explain parameters."""

__all__ = ["DocLinkMixin"]


class DocLinkMixin:
    """Shows parameters' descriptions as tool-tips.

    scikit-learn shows them where there is an address of the documentation.
    """

    _doc_link_module = "sklearn_homeo"
    # The page itself: no copy of the documentation has an address for good. The one
    # that is built replaces this by its own pages.
    _doc_link_template = "#"
