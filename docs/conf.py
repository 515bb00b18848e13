"""Sphinx configuration: ``make docs`` builds the site into docs/_build/html."""

import os
import sys
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import sklearn_homeo  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))

from _docstrings import prepare  # noqa: E402
from _inventories import write_inventories  # noqa: E402

project = "sklearn_homeo"
author = "The sklearn_homeo developers"
copyright = author
version = release = sklearn_homeo.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "_attacks",
    # Formulas without a script from elsewhere: the site makes no request to others.
    "sphinx-mathjax-offline",
    "sphinx.ext.mathjax",
]

templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/GALLERY_HEADER.rst"]
default_role = "literal"
nitpicky = True
toc_object_entries_show_parents = "hide"

autosummary_generate = True
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True}
numpydoc_show_class_members = False

# An inventory that cannot be fetched is a warning unless another one stands in. The
# ones in _intersphinx/ list the names that these pages refer to, so a build without
# network gives the same site.
_FALLBACKS = write_inventories(
    Path(__file__).parent / "_intersphinx", Path(__file__).parent / "_build/inventories"
)
_SITES = {
    "imblearn": "https://imbalanced-learn.org/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "python": "https://docs.python.org/3/",
    "sklearn": "https://scikit-learn.org/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}
intersphinx_mapping = {
    name: (url, (None, str(_FALLBACKS[name]))) for name, url in _SITES.items()
}
intersphinx_timeout = 5

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_homeo"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "logo": {
        "text": f"sklearn_homeo {version}",
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
    },
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "friendly",
    "pygments_dark_style": "github-dark",
}
# Single pages have nothing to show in the sidebar.
html_sidebars = {page.stem: [] for page in Path(__file__).parent.glob("*.rst")}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "doc_module": ("sklearn_homeo",),
    "reference_url": {"sklearn_homeo": None},
    "backreferences_dir": "generated/backreferences",
    "within_subsection_order": "sphinx_gallery.sorting.FileNameSortKey",
    "reset_modules": ("matplotlib", "_gallery.reset"),
    "show_memory": False,
    # As many examples at a time.
    "parallel": 2,
    # Its page takes scripts from another site.
    "write_computation_times": False,
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "matplotlib_animations": False,
    "image_srcset": ["2x"],
    # Others need several processes, and an extra.
    "ignore_pattern": r"^(?!plot_)",
}


def setup(app):
    """Prepare docstrings before numpydoc reads them."""
    app.connect("autodoc-process-docstring", _prepare_docstring, priority=400)


def _prepare_docstring(app, what, name, obj, options, lines):
    lines[:] = prepare(lines)
