"""What files at the root say of each other."""

import re
import tomllib
from pathlib import Path

import pytest

import sklearn_homeo
from sklearn_homeo.__main__ import VERBS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MINIMUM = dict(
    re.findall(
        r"^([\w-]+)==([\d.]+)$",
        (ROOT / "requirements-minimum.txt").read_text("utf-8"),
        re.MULTILINE,
    )
)
# The oldest CPU build that the registry has is newer than the oldest that works.
NOT_TESTED = {"torch"}


def lower_bounds(requirements):
    return dict(
        re.findall(r"^([\w-]+)(?:\[.*\])?>=([\d.]+)", "\n".join(requirements), 8)
    )


@pytest.mark.parametrize("name", sorted(lower_bounds(PROJECT["dependencies"])))
def test_the_oldest_versions_are_those_that_are_tested(name):
    if name in NOT_TESTED:
        return
    bound = lower_bounds(PROJECT["dependencies"])[name]
    assert re.fullmatch(re.escape(bound) + r"(\.0)*", MINIMUM[name])


def test_extras_are_tested_at_their_oldest_versions_where_the_core_needs_them():
    extras = [
        one for extra in PROJECT["optional-dependencies"].values() for one in extra
    ]
    for name, bound in lower_bounds(extras).items():
        if name in MINIMUM and name not in NOT_TESTED:
            assert f"{MINIMUM[name]}.".startswith(f"{bound}."), name


def test_the_citation_has_the_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {sklearn_homeo.__version__}\n" in citation


def test_ci_runs_what_contributing_names():
    targets = re.findall(
        r"\$ make (\w+)", (ROOT / "CONTRIBUTING.rst").read_text("utf-8")
    )
    ci = (ROOT / ".ci/run").read_text("utf-8")
    # Coverage runs the suite too, in half as long again.
    assert all(target in ci for target in set(targets) - {"coverage"})


def test_every_verb_has_a_file_and_a_test():
    tested = "".join(path.read_text("utf-8") for path in ROOT.glob("tests/cli/*.py"))
    for verb in VERBS:
        assert (ROOT / f"sklearn_homeo/cli/{verb}.py").exists()
        assert f'"{verb}"' in tested


def test_contributing_names_the_rules_of_prose():
    source = (ROOT / "docs/check_prose.py").read_text("utf-8")
    rules = re.findall(r'^    "([\w-]+)": \(', source, re.MULTILINE)
    contributing = (ROOT / "CONTRIBUTING.rst").read_text("utf-8")
    assert rules
    assert all(f"``{rule}``" in contributing for rule in rules)
