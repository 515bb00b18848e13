"""The layout that CONTRIBUTING.rst promises: which package may import which.

Every import counts, also those inside of functions.
"""

import ast
import inspect
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sklearn_homeo

PACKAGE = Path(sklearn_homeo.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# From the bottom up. What stands in one line must not import from each other.
LAYERS = (
    ("_utils", "exceptions"),
    ("keys", "networks", "privacy", "datasets"),
    ("ciphers",),
    ("encryption",),
    ("baselines", "dask", "images", "synthesis", "tables"),
    ("files",),
    ("audit",),
    ("demo",),
    ("cli",),
    ("__main__",),
)
# Both are bottom: messages of exceptions are words, and helpers raise them.
MAY_MEET = {("_utils", "exceptions")}
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def package_of(module):
    return module.split(".")[1] if "." in module else ""


@cache
def imports_of(path):
    """Pairs of a module and a name imported from it; None for a module alone."""
    pairs = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            pairs += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            pairs += [(node.module, alias.name) for alias in node.names]
    return pairs


def own_imports_of(path):
    """Modules of the package that a file imports, and the name it takes of each."""
    for module, name in imports_of(path):
        if module == "sklearn_homeo" and name in sklearn_homeo._HOME:
            yield f"sklearn_homeo.{sklearn_homeo._HOME[name]}", name
        elif f"{module}.{name}" in MODULES:
            yield f"{module}.{name}", None
        elif module in MODULES and module != "sklearn_homeo":
            yield module, name


def test_every_package_has_a_layer():
    found = {package_of(module) for module in MODULES} - {""}
    assert found <= set(RANK)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    package = package_of(module)
    for other, _ in own_imports_of(MODULES[module]):
        below = package_of(other)
        if package == below or (package, below) in MAY_MEET:
            continue
        assert not package or RANK[below] < RANK[package], f"{module} imports {other}"


def test_no_circle():
    graph = {
        module: {other for other, _ in own_imports_of(path)} - {module}
        for module, path in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("module", MODULES)
def test_no_private_name_of_another_package(module):
    for other, name in own_imports_of(MODULES[module]):
        if package_of(other) != package_of(module):
            assert not (name or "").startswith("_"), f"{module} imports {other}.{name}"


def test_private_modules_of_scikit_learn_are_imported_in_one_file():
    found = set()
    for path in FILES:
        for module, name in imports_of(path):
            parts = f"{module}.{name or ''}".split(".")
            if parts[0] == "sklearn" and any(part.startswith("_") for part in parts):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == {"_utils/validation.py"}


def test_packages_with_a_face_keep_their_modules_private():
    for package in (
        "audit",
        "encryption",
        "files",
        "images",
        "keys",
        "synthesis",
        "tables",
    ):
        for path in sorted((PACKAGE / package).glob("*.py")):
            assert path.stem.startswith("_"), path


def _follows_scikit_learn(thing):
    return hasattr(thing, "get_params") or hasattr(thing, "plot")


def _hinted():
    """Public functions, and public methods of all but estimators and displays."""
    places = [sklearn_homeo, sklearn_homeo.datasets]
    for name, thing in [(n, getattr(m, n)) for m in places for n in m.__all__]:
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing) and not _follows_scikit_learn(thing):
            for member, value in vars(thing).items():
                value = getattr(value, "fget", None) or getattr(thing, member)
                if inspect.isroutine(value) and not member.startswith("_"):
                    yield f"{name}.{member}", value


def test_public_functions_and_keys_carry_hints():
    found = dict(_hinted())
    assert {"SecretKey.load", "KeyShare.to_string", "encrypt_images"} <= set(found)
    for name, function in found.items():
        signature = inspect.signature(function)
        bare = [
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.annotation is inspect.Parameter.empty
            and parameter.name not in ("self", "cls")
        ]
        assert not bare, f"{name}: {bare}"
        assert signature.return_annotation is not inspect.Signature.empty, name
