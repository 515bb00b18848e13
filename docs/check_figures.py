"""Check the figures in README and on pages against what their commands printed.

    python docs/check_figures.py                  # what CI does, in seconds
    python docs/check_figures.py --run bounds     # run a command again and compare
    python docs/check_figures.py --record bounds  # run it, keep its output, rewrite

``benchmarks/results/NAME.txt`` holds a command and its output. ``_figures.py`` says
how a table is made of that, and which sentences quote it. In a page the comment
``.. figures: NAME`` stands above the table, which ``--record`` puts there (``--write``
does so without running anything). A table with a column of numbers and no such comment
is a finding. So are a table or a sentence that differs from the output, and a command
that the page does not show. Commands that need data take ``DIR`` from ``--dir``.
"""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

from _figures import FIGURES
from docutils import frontend, nodes, utils
from docutils.parsers.rst import Parser

__all__ = ["as_table", "find_problems", "tables_without_record"]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results"
NOT_MEASURED = "by definition"
BUILT = {"_build", "auto_examples", "generated"}


def pages():
    """README and all pages, with their texts."""
    paths = [ROOT / "README.rst", *sorted((ROOT / "docs").rglob("*.rst"))]
    for path in paths:
        if not BUILT & set(path.parts):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def as_table(rows):
    """Rows of text, the first of which is the header, as a simple table."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    border = " ".join("=" * width for width in widths)
    # An empty first cell would go on with the row above it.
    lines = [
        " ".join(
            (cell or "\\" * (i == 0)).ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([border, lines[0], border, *lines[1:], border])


def recorded(name):
    """The command of a record, and what it printed."""
    first, _, output = (RESULTS / f"{name}.txt").read_text("utf-8").partition("\n")
    return first.removeprefix("$ "), output


def find_problems(texts=None):
    """A line for each thing in which pages and records differ."""
    texts = texts or dict(pages())
    found = [
        f"{page}: a table of figures without a record: {row}"
        for page, text in texts.items()
        for row in tables_without_record(text)
    ]
    for name, figures in FIGURES.items():
        command, output = recorded(name)
        if command != figures.command:
            found.append(f"{name}.txt is of another command: {command}")
        measured = figures.read(output)
        for page, rows in figures.tables(measured).items():
            if as_table(rows) != _table_below(texts[page], name):
                found.append(f"{page}: the table of {name} is not what was printed")
        for page, sentence in figures.sentences(measured):
            if sentence not in _on_one_line(texts[page]):
                found.append(f"{page}: {name} says otherwise: {sentence}")
        for page in figures.quoted_in:
            if command not in _on_one_line(texts[page]):
                found.append(f"{page}: the command is missing: {command}")
    return found


def _on_one_line(text):
    return re.sub(r"\s+", " ", text.replace("\\\n", " "))


def _marked(name):
    return re.compile(rf"(^\.\. figures: {name}\n\n)((?:.+\n)+)", re.MULTILINE)


def _table_below(text, name):
    found = _marked(name).search(text)
    return found[2].rstrip("\n") if found else None


def tables_without_record(text):
    """The header of each table that has a column of figures and no record."""
    settings = frontend.get_default_settings(Parser)
    # Roles and directives of Sphinx are unknown here, which does not matter.
    settings.report_level = settings.halt_level = 5
    document = utils.new_document("page", settings)
    Parser().parse(
        re.sub(r"^\.\. include::.*$", "", text, flags=re.MULTILINE), document
    )
    for table in document.findall(nodes.table):
        siblings = table.parent.children
        comment = siblings[siblings.index(table) - 1].astext()
        name = comment.removeprefix("figures: ")
        if name not in (*FIGURES, NOT_MEASURED) and _has_figures(table):
            yield " | ".join(entry.astext() for entry in next(table.findall(nodes.row)))


def _has_figures(table):
    for body in table.findall(nodes.tbody):
        cells = [[entry.astext() for entry in row] for row in body]
        for column in zip(*cells, strict=False):
            filled = [cell for cell in column if cell.strip()]
            if filled and all(
                re.fullmatch(r"[\d\s.,%()<>=±+\-–−→×/^*]*\d.*", cell)
                and not re.search(r"[a-zA-Z]{4}", cell)
                for cell in filled
            ):
                return True
    return False


def write():
    """Put the tables of all records into the pages."""
    texts = dict(pages())
    for name, figures in FIGURES.items():
        for page, rows in figures.tables(figures.read(recorded(name)[1])).items():
            table = as_table(rows) + "\n"
            text, n = _marked(name).subn(
                lambda found, table=table: found[1] + table, texts[page]
            )
            if n != 1:
                raise SystemExit(f"{page} has {n} places for the table of {name}")
            if text != texts[page]:
                (ROOT / page).write_text(text, "utf-8")
                texts[page] = text


def run(name, folder):
    """Run the command of a record and return what it prints."""
    words = shlex.split(FIGURES[name].command)
    words = [word.replace("DIR", folder, 1) for word in words]
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"{name}: the command failed with {done.returncode}")
    return done.stdout


def differences(name, output):
    """A line for each figure that lies further from the record than is stated."""
    figures = FIGURES[name]
    before, after = figures.read(recorded(name)[1]), figures.read(output)
    for key in sorted({*before, *after}, key=str):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            yield f"{name}: {key} was {old}, is {new}"
        elif abs(new - old) > figures.within(key, old):
            yield f"{name}: {key} was {old:g}, is {new:g}"


def main():
    """Print all problems; return 1 if there are any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", nargs="+", choices=FIGURES, default=[], metavar="NAME")
    add("--record", nargs="+", choices=FIGURES, default=[], metavar="NAME")
    add("--write", action="store_true", help="put the recorded tables into the pages")
    add("--dir", default="DIR", help="folder of data for commands that name one")
    options = parser.parse_args()
    problems = []
    for name in options.run:
        problems += differences(name, run(name, options.dir))
    for name in options.record:
        text = f"$ {FIGURES[name].command}\n{run(name, options.dir)}"
        (RESULTS / f"{name}.txt").write_text(text, "utf-8")
    if options.record or options.write:
        write()
    problems += find_problems()
    print("\n".join(problems) or f"{len(FIGURES)} records, and pages that agree.")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
