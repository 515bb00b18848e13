"""The class that every attack returns, and the registry that every attack is in."""

import ast
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

import sklearn_homeo.audit
from sklearn_homeo.audit import AttackResult
from sklearn_homeo.audit._registry import TIERS, attacks_of, register

ROOT = Path(sklearn_homeo.audit.__file__).parent


def test_results_are_frozen_and_show_their_details_as_attributes():
    result = AttackResult("a", 0.5, (0, 1), 0.1, 10, 0.2, details={"queries": 3})
    again = pickle.loads(pickle.dumps(result))
    assert (again.name, again.queries) == ("a", 3)
    with pytest.raises(FrozenInstanceError):
        result.rate = 1
    with pytest.raises(AttributeError, match="'a' has no attribute 'secret'"):
        result.secret  # noqa: B018
    assert "queries" not in repr(result)


def test_frames_have_a_row_for_each_attack():
    pytest.importorskip("pandas")
    one = AttackResult("a", 0.5, (0, 1), 0.1, 10, 0.2)
    both = AttackResult("b", 0.5, (0, 1), 0.1, 10, 0.2, details={"attacks": {1: one}})
    assert one.to_frame()["attack"].tolist() == ["a"]
    assert both.to_frame()["attack"].tolist() == ["a"]


def test_every_tier_has_attacks_and_a_quick_one():
    for tier in TIERS:
        found = attacks_of(tier)
        assert found
        assert any("quick" in one.options for one in found.values())


def test_of_two_attacks_of_a_name_the_second_is_refused():
    with pytest.raises(ValueError, match="T4 has an attack 'ridge' already"):
        register("T4", "ridge")(len)


def test_no_module_imports_a_private_name_of_the_ciphers():
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and "ciphers" in node.module:
                assert not any(alias.name.startswith("_") for alias in node.names), path
