"""Figures of README and pages are what their commands printed."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import check_figures  # noqa: E402
from _figures import FIGURES  # noqa: E402
from check_figures import (  # noqa: E402
    as_table,
    differences,
    find_problems,
    pages,
    recorded,
    tables_without_record,
)

TEXTS = dict(pages())
TABLE = as_table([("data", "accuracy"), ("digits", "97.2 -> 96.5"), ("wine", "")])


def test_pages_agree_with_what_was_printed():
    assert find_problems(TEXTS) == []


def test_every_record_belongs_to_a_command():
    records = {path.stem for path in check_figures.RESULTS.glob("*")}
    assert records == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_records_say_nothing_of_the_machine(name):
    assert not re.search(r"/(home|root|tmp|Users|work)/", recorded(name)[1])


def test_a_table_of_figures_needs_a_record():
    assert list(tables_without_record(f"Text.\n\n{TABLE}\n")) == ["data | accuracy"]
    for name in ("speed", "by definition"):
        marked = f"Text.\n\n.. figures: {name}\n\n{TABLE}\n"
        assert list(tables_without_record(marked)) == []


def test_a_table_of_words_needs_none():
    table = as_table([("extra", "what for"), ("demo", "figures"), ("dp", "2 budgets")])
    assert list(tables_without_record(f"{table}\n")) == []


def test_other_figures_in_a_table_are_found():
    page = "docs/mathematics.rst"
    texts = TEXTS | {page: TEXTS[page].replace("-72", "-73", 1)}
    assert find_problems(texts) == [
        f"{page}: the table of bounds is not what was printed"
    ]


def test_other_figures_in_a_sentence_are_found():
    page = "docs/guarantees.rst"
    texts = TEXTS | {page: TEXTS[page].replace("`-72`", "`-73`")}
    assert [line for line in find_problems(texts) if line.startswith(page)]


def test_a_command_that_the_page_does_not_show_is_found():
    page = "docs/mathematics.rst"
    texts = TEXTS | {page: TEXTS[page].replace("benchmarks/bounds.py", "nothing.py")}
    assert find_problems(texts) == [
        f"{page}: the command is missing: python benchmarks/bounds.py"
    ]


def test_a_new_run_is_compared_within_the_stated_interval():
    output = recorded("bounds")[1]
    assert list(differences("bounds", output)) == []
    assert list(differences("bounds", output.replace("-63", "-62"))) == [
        "bounds: (25000, 20) was -63, is -62"
    ]


def test_the_bounds_are_what_the_code_computes():
    assert list(differences("bounds", check_figures.run("bounds", "DIR"))) == []
