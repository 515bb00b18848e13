"""The documentation: code that runs, links that lead somewhere, names described."""

import doctest
import importlib
import inspect
import re
import sys
import zlib
from pathlib import Path

import pytest
import sklearn
from numpydoc.validate import validate
from sklearn.base import BaseEstimator
from sklearn.utils.fixes import parse_version

import sklearn_homeo

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

from _docstrings import prepare  # noqa: E402
from _inventories import write_inventories  # noqa: E402
from check_site import find_problems  # noqa: E402

BUILT = {"_build", "auto_examples", "generated", "sg_execution_times.rst"}
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.rst"))
    if not BUILT & set(page.relative_to(DOCS).parts) and "_templates" not in page.parts
]


def _read(page):
    """The text of a page, and of a file that it is made of."""
    text = page.read_text("utf-8")
    included = re.findall(r"^\.\. include:: (\S+)", text, re.MULTILINE)
    return text + "".join((DOCS / name).read_text("utf-8") for name in included)


TEXTS = {page.relative_to(DOCS).as_posix(): _read(page) for page in PAGES}
EXAMPLES = [path.stem for path in sorted(ROOT.glob("examples/plot_*.py"))]
SUBMODULES = (*sklearn_homeo._SUBMODULES, "dask")
MODULES = ("sklearn_homeo", *(f"sklearn_homeo.{name}" for name in SUBMODULES))
# Not asked for: See Also, an extended summary and examples everywhere; and the names
# of returned values, of fields of a Bunch, and of "self", which scikit-learn's
# docstrings have as well.
LENIENT = {"SA01", "ES01", "EX01", "RT02", "RT03", "RT04", "RT05"}


def _public(module):
    names = importlib.import_module(module).__all__
    found = {f"{module}.{name}" for name in names}
    return sorted(found - set(MODULES))


def _get(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _members(path):
    """Public methods and properties that the package itself defines."""
    for name in dir(_get(path)):
        if name.startswith("_"):
            continue
        member = inspect.getattr_static(_get(path), name, None)
        function = getattr(member, "fget", None) or getattr(_get(path), name, None)
        if (getattr(function, "__module__", None) or "").startswith("sklearn_homeo"):
            yield f"{path}.{name}"


PUBLIC = [path for module in MODULES for path in _public(module)]


def _is_kept(path, code):
    if code in LENIENT:
        return False
    # A protocol is not made, although it has a signature.
    if code == "PR01" and getattr(_get(path), "_is_protocol", False):
        return False
    # What yields has no Returns.
    return not (code == "RT01" and "_batches" in path)


@pytest.mark.parametrize("path", PUBLIC)
def test_docstrings_describe_every_parameter(path):
    names = [path, *(_members(path) if inspect.isclass(_get(path)) else ())]
    errors = [
        f"{name}: {code} {message}"
        for name in names
        for code, message in validate(name)["errors"]
        if _is_kept(name, code)
    ]
    assert not errors, "\n".join(errors)


@pytest.mark.parametrize("module", MODULES)
def test_reference_lists_every_public_name_once(module):
    listed = re.findall(r"^   (\w+)$", TEXTS["api/index.rst"], re.MULTILINE)
    for path in _public(module):
        assert listed.count(path.rpartition(".")[2]) == 1, path


def test_reference_lists_nothing_else():
    listed = set(re.findall(r"^   (\w+)$", TEXTS["api/index.rst"], re.MULTILINE))
    assert listed <= {path.rpartition(".")[2] for path in PUBLIC}


@pytest.mark.parametrize(
    "page", [page for page, text in TEXTS.items() if ">>>" in text]
)
def test_code_on_pages_runs(page, tmp_path, monkeypatch):
    # Pages write files where they run.
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(
        str(DOCS / page), module_relative=False, optionflags=flags
    )
    assert tried and not failed


def test_tutorial_hands_over_nothing_but_ciphertexts_and_labels():
    saved = re.findall(r"np\.savez\(([^)]*)\)", TEXTS["tutorial.rst"])
    assert len(saved) == 2
    assert all(re.fullmatch(r'"service/\w+\.npz", Z=Z, y=\w+', call) for call in saved)


def _documents():
    for page, text in TEXTS.items():
        folder = Path(page).parent
        for target in re.findall(r":doc:`(?:[^`<]*<)?([^`>]+)>?`", text):
            yield page, (folder / target).as_posix()
        for block in re.findall(r"\.\. toctree::\n((?:   .*\n|\n)+)", text):
            for target in re.findall(r"^   (?:.*<)?([\w/]+)>?$", block, re.MULTILINE):
                yield page, (folder / target).as_posix()


@pytest.mark.parametrize("page, target", sorted(set(_documents())))
def test_links_between_pages_lead_somewhere(page, target):
    if target.startswith("auto_examples/"):
        assert (ROOT / "examples/GALLERY_HEADER.rst").exists()
        return
    path = (DOCS / f"{target}.rst").resolve()
    assert path.relative_to(DOCS).as_posix() in TEXTS


def test_every_page_is_in_a_toctree():
    targets = {
        (DOCS / f"{target}.rst").resolve().relative_to(DOCS).as_posix()
        for _, target in _documents()
    }
    assert set(TEXTS) - targets <= {"index.rst"}


def test_links_to_examples_lead_to_examples():
    texts = [*TEXTS.values(), *(p.read_text() for p in ROOT.glob("examples/*.py"))]
    found = {
        name
        for text in texts
        for name in re.findall(r"sphx_glr_auto_examples_(\w+)\.py", text)
    }
    assert found and found <= set(EXAMPLES)


@pytest.mark.parametrize("page", [*TEXTS, "README.rst"])
def test_files_and_targets_that_pages_name_exist(page):
    text = TEXTS.get(page) or (ROOT / page).read_text("utf-8")
    folders = "examples|benchmarks|docs|tests|sklearn_homeo"
    for name in re.findall(rf"``((?:{folders})/[\w/]+\.py)``", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"python ((?:\w+/)+\w+\.py)", text):
        assert (ROOT / name).exists(), name
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:\$|``|^   ) ?make (\w+)", text, re.MULTILINE):
        assert f"\n{target}:" in makefile, target


@pytest.mark.parametrize("page", TEXTS)
def test_names_in_code_roles_exist(page):
    modules = re.findall(r"currentmodule:: ([\w.]+)", TEXTS[page]) or ["sklearn_homeo"]
    roles = re.findall(r":(?:class|func|meth):`(?:[^`<]*<)?~?([\w.]+)>?`", TEXTS[page])
    for name in roles:
        if name.split(".")[0] in ("sklearn", "imblearn", "torch", "numpy", "pandas"):
            continue
        path = name if name.startswith("sklearn_homeo.") else f"{modules[0]}.{name}"
        parts = path.split(".")[1:]
        found = sklearn_homeo
        if parts[0] in SUBMODULES:
            found = importlib.import_module(f"sklearn_homeo.{parts.pop(0)}")
        for part in parts:
            found = getattr(found, part)


def _arguments():
    """Names of the parameters of everything public, and of what pages call besides."""
    for path in PUBLIC:
        found = _get(path)
        members = vars(found).values() if inspect.isclass(found) else ()
        for one in (
            found,
            *(getattr(member, "__func__", member) for member in members),
        ):
            # Exceptions have no signature.
            if callable(one) and not hasattr(one, "with_traceback"):
                yield from inspect.signature(one).parameters
    # Of scikit-learn's functions and estimators.
    yield from ("memory", "n_jobs", "stratify")


ARGUMENTS = set(_arguments())


@pytest.mark.parametrize("page", [*TEXTS, "README.rst"])
def test_arguments_that_pages_name_exist(page):
    text = TEXTS.get(page) or (ROOT / page).read_text("utf-8")
    literals = " ; ".join(re.findall(r"``([^`]+)``", text))
    names = set(re.findall(r"(?<![\w.])([a-z]\w*)=(?!=)", literals))
    assert names <= ARGUMENTS


def test_installation_page_describes_every_extra():
    listed = re.findall(r"^``(\w+)``", TEXTS["install.rst"], re.MULTILINE)
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    table = pyproject.split("[project.optional-dependencies]")[1].split("\n[tool")[0]
    extras = re.findall(r"^(\w+) = \[", table, re.MULTILINE)
    assert set(extras) - {"linters"} == set(listed)


ESTIMATORS = [
    path
    for path in _public("sklearn_homeo")
    if inspect.isclass(_get(path)) and issubclass(_get(path), BaseEstimator)
]


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="scikit-learn shows no tool-tips before 1.9",
)
@pytest.mark.parametrize("path", ESTIMATORS)
def test_html_view_explains_every_parameter(path):
    estimator = _get(path)()
    view = estimator._repr_html_()
    assert view.count('class="param-doc-description"') == len(estimator.get_params())
    # Not scikit-learn's site, which has no such page.
    assert 'href="https' not in view


def test_fields_of_a_bunch_become_a_list():
    lines = [
        "Returns",
        "-------",
        "result : Bunch",
        "    hits, n : int",
        "    scores : ndarray of shape (n_rows or \\",
        "            n_others,)",
        "        Of members*.",
        "",
        "Raises",
        "------",
        "ValueError",
        "    If not.",
    ]
    assert [line for line in prepare(lines) if line] == [
        "Returns",
        "-------",
        "result : Bunch",
        "    - ``hits``, ``n`` : int",
        r"    - ``scores`` : ndarray of shape (n\_rows or n\_others,)",
        "      Of members*.",
        "Raises",
        "------",
        "ValueError",
        "    If not.",
    ]


def test_fitted_names_in_types_are_no_links():
    line = "feature_names_in_ : ndarray of shape (n_features_in_,)"
    assert prepare([line]) == [
        "feature_names_in_ : ndarray of shape (`n_features_in_`,)"
    ]


def test_inventories_are_what_sphinx_reads(tmp_path):
    source = tmp_path / "lists"
    source.mkdir()
    (source / "one.txt").write_text("Project 1.0\na.b py:class page.html\n")
    found = write_inventories(source, tmp_path / "inventories")
    header, _, body = found["one"].read_bytes().partition(b"zlib.\n")
    assert header.startswith(b"# Sphinx inventory version 2\n# Project: Project\n")
    assert zlib.decompress(body) == b"a.b py:class 1 page.html -\n"


def test_fallback_inventories_cover_every_site():
    text = (DOCS / "conf.py").read_text("utf-8")
    sites = re.findall(r'^    "(\w+)": "https', text, re.MULTILINE)
    assert set(sites) == {path.stem for path in DOCS.glob("_intersphinx/*.txt")}


def test_site_check_finds_dead_links_foreign_scripts_and_missing_figures(tmp_path):
    (tmp_path / "auto_examples").mkdir()
    figure = '<img src="../sphx_glr_plot_01_a_001.png">'
    pages = {
        "good.html": '<a href="#here">a</a><p id="here"><a href="https://a.org/">b</a>',
        "bad.html": '<a href="good.html#there">a</a><a href="none.html">b</a>',
        "foreign.html": '<script src="https://a.org/a.js"></script>',
        "auto_examples/plot_01_a.html": figure,
        "auto_examples/plot_02_b.html": '<a href="../good.html#here">a</a>',
    }
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "sphx_glr_plot_01_a_001.png").touch()
    assert find_problems(tmp_path) == [
        "auto_examples/plot_02_b.html: no figure",
        "bad.html: good.html#there has no such place",
        "bad.html: none.html leads nowhere",
        "foreign.html: loads https://a.org/a.js from another site",
    ]


def test_site_check_misses_a_whole_site(tmp_path):
    assert find_problems(tmp_path) == [f"{tmp_path} has no pages"]
