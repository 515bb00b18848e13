"""Check the English of README, pages, docstrings and messages.

Run it as ``make prose``; ``ARGS=--long`` lists the sentences over 35 words. It names
the rule and the line of each finding, and fails if there is one, or if more than 2 % of
all sentences are long. proselint's own checks run as well, except for `IGNORED`.
"""

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

from proselint.checks import __register__ as CHECKS
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

ROOT = Path(__file__).parents[1]
LONG_WORDS, LONG_SHARE = 35, 0.02

# What a reader stumbles over, each with what to write.
RULES = {
    "shall": (r"\bshall\b", "must, should or will"),
    "is-no": (
        r"(?<!there )\b(?:is|are|was|were) no (?!longer|more|less|better|worse|other)",
        "is not a, or there is no",
    ),
    "who-headless": (
        r"(?:^|[.:;] )(?:Who|What|Whatever) (?:has|have|knows?|wants?|may|can)"
        r"\b[^.?]*[^?]$|\b(?:by|for|from|of|to) who (?:has|have|is|knows?|may|sees?)\b|"
        r"[,;] (?:and|but) who (?:adds|has|knows?|may|sees?)\b",
        "a subject: An attacker who knows ...",
    ),
    "whoever": (r"\bwhoever\b", "anyone who, or an attacker who"),
    "relative-headless": (
        r"^(?:Whose|(?:By|From|To|With) which)\b[^?]*\.$",
        "the thing itself: Keys from which ...",
    ),
    "so-many": (r"\b(?:by|of|until there are) so many\b", "that many, or enough"),
    "as-of": (r"^As of ", "As in ..."),
    "of-headless": (r"^Of (?!course)[^,]*\.$", "a whole sentence"),
    "beside": (r"\bbeside\b(?! the point)", "next to, with, or and"),
    "thereby": (r"\b(?:thereof|therein|hereby|whereof|wherein)\b", "a plain word"),
    "utilise": (r"\butili[sz]e\w*\b", "use"),
    "in-order-to": (r"\bin order to\b", "to"),
    "due-to-the-fact": (r"\bdue to the fact that\b", "because"),
    "it-should-be-noted": (r"\bit should be noted\b", "leave it out"),
    "tells-dative": (
        r"\btells? (?:nothing|little|more|less) of\b",
        "says nothing about",
    ),
    "number-of-times": (r"\bthat many times\b", "as often"),
    "respectively": (r"\brespectively\b", "name each thing with its own"),
    "simply": (r"\b(?:simply|obviously|clearly|trivially)\b", "leave it out"),
}
# Rules of proselint that judge typesetting or mistake terms of this field.
IGNORED = (
    "archaism",  # finds "for ever" in "for every"
    "dates_times.dates.dash_and_from",  # takes "from 2,000 rows" for dates
    "typography",
    "lexical_illusions",
    "redundancy.ras_syndrome",
    "misc.waxed",
)
# Rules whose words mean something else in small letters.
CASED = ("shall", "relative-headless")
# An item begins with a mark, a number, or a literal whose text stands in a column.
ADMONITION = r"\s*\.\. (?:admonition|important|note|tip|warning)::"
UNREAD_SECTIONS = ("Examples", "References", "See Also")
BULLET = r"\s*(?:(?:[-*]|\d+\.|#\.) +|``[^`]+``  +)?"


class Paragraph(NamedTuple):
    """Text of a paragraph, where it stands, and whether it describes a parameter."""

    path: Path
    line: int
    text: str
    describes: bool = False


def plain(text):
    """A paragraph without its markup, on one line; a formula is one word."""
    text = re.sub(r"``.+?``", "code", text, flags=re.DOTALL)
    text = re.sub(r":math:`.+?`", "x", text, flags=re.DOTALL)
    text = re.sub(r":[\w:]+:`~?(.+?)(?:\s*<[^>]*>)?`", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"`(.+?)(?:\s*<[^>]*>)?`__?", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"[`*|]|\[\w+\]_|\\ ", "", text)
    return re.sub(r"\s+", " ", text).strip()


def paragraphs_of_page(path, text, first_line=1):
    """Paragraphs of a page of reStructuredText, without code, tables and titles."""
    skipped_indent = None
    block, start = [], first_line
    for number, line in enumerate([*text.splitlines(), ""], first_line):
        indent = len(line) - len(line.lstrip())
        if line.strip() and skipped_indent is not None and indent <= skipped_indent:
            skipped_indent = None
        if skipped_indent is not None:
            continue
        if line.strip():
            if not block:
                start = number
            block.append(line)
            continue
        if block and re.match(ADMONITION, block[0]):
            block, start = block[1:], start + 1
        if block:
            if block[-1].rstrip().endswith("::") or block[0].lstrip().startswith(".. "):
                skipped_indent = len(block[0]) - len(block[0].lstrip())
            if _is_prose(block):
                yield from _items(path, start, block)
        block = []


def _is_prose(block):
    first = block[0].strip()
    if re.match(r"(>>>|\$ |:\w+:|\|)", first):
        return False
    if any(re.fullmatch(r"[=\-~^\"+ |]{3,}", line.strip()) for line in block):
        return False
    return not first.startswith(("..", "+--", "===", "make ", "http"))


def _items(path, first_line, block):
    """Items of a list, terms of a definition list and their texts, each by itself."""
    item, start, column = [], first_line, None
    for number, line in enumerate(block, first_line):
        bullet = re.match(BULLET, line)
        if bullet[0].strip() or bullet.end() != column:
            yield from _paragraph(path, start, item)
            item, start = [], number
        column = bullet.end()
        item.append(line[column:])
    yield from _paragraph(path, start, item)


def _paragraph(path, line, item):
    text = plain("\n".join(item).replace("::", ":"))
    is_field = re.match(r"[\w, ]+ : ", text)
    if len(text.split()) > 1 and not is_field:
        yield Paragraph(path, line, text)


def paragraphs_of_module(path, text):
    """Paragraphs of a module's docstrings, and its messages."""
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
            line = node.body[0].lineno
            yield from _of_docstring(path, docstring, line)
        if call := _call_with_message(node):
            for argument in call.args[:1]:
                if message := _literal(argument):
                    yield Paragraph(path, node.lineno, message)


def _call_with_message(node):
    """The call that raises or warns, if a node is one."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        return node.exc
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn":
        return node
    return None


def _of_docstring(path, docstring, first_line):
    """Paragraphs of each description, without names of sections and parameters."""
    section, chunk, start = None, [], first_line
    lines = docstring.splitlines()
    for number, (line, below) in enumerate(
        zip(lines, [*lines[1:], ""], strict=True), first_line
    ):
        is_header = line.strip() and re.fullmatch(r"-{3,}", below.strip())
        is_line = re.fullmatch(r"-{3,}", line.strip())
        is_name = section not in (None, "Notes") and re.match(r"\S", line)
        if is_header or is_line or is_name:
            yield from _described(section, path, chunk, start)
            chunk, start = [], number + 1
            section = line.strip() if is_header else section
        elif section not in UNREAD_SECTIONS:
            chunk.append(line)
    yield from _described(section, path, chunk, start)


def _described(section, path, chunk, start):
    for paragraph in paragraphs_of_page(path, "\n".join(chunk), start):
        yield paragraph._replace(describes=section not in (None, "Notes"))


def _literal(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return plain(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [
            part.value if isinstance(part, ast.Constant) else "it"
            for part in node.values
        ]
        return plain("".join(parts))
    return ""


def gather():
    """All paragraphs that a reader may meet."""
    pages = [*ROOT.glob("*.rst"), *(ROOT / "docs").rglob("*.rst")]
    for path in sorted(pages):
        if not {"_build", "auto_examples", "generated"} & set(path.parts):
            yield from paragraphs_of_page(path, path.read_text("utf-8"))
    for folder in ("sklearn_homeo", "examples", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text("utf-8")
            yield from paragraphs_of_module(path, text)
            if folder == "examples":
                yield from _paragraphs_between_cells(path, text)


def _paragraphs_between_cells(path, text):
    """Paragraphs of the comments after ``# %%``, which the gallery shows as text."""
    for cell in re.finditer(r"^# %%.*\n((?:#.*\n)+)", text, re.MULTILINE):
        line = text.count("\n", 0, cell.start(1)) + 1
        comment = re.sub(r"^# ?", "", cell[1], flags=re.MULTILINE)
        # A title stands right above its text, and would hide it as a table's line does.
        comment = re.sub(r"\A.+\n-{3,}\n", "\n\n", comment)
        yield from paragraphs_of_page(path, comment, line)


def sentences(text):
    """The sentences of a paragraph."""
    return re.split(r"(?<=[.?!:])\s+(?=[A-Z])|(?<=[.?!])\s+(?=code\b)", text)


def broken_rules(paragraph):
    """Names of the rules that a paragraph breaks, each with what to write."""
    if paragraph.describes and re.match(r"Of (?!course)", paragraph.text):
        yield "of-headless", "the thing itself", paragraph.text
    for sentence in sentences(paragraph.text):
        for name, (pattern, advice) in RULES.items():
            if re.search(pattern, sentence, 0 if name in CASED else re.IGNORECASE):
                yield name, advice, sentence


def proselint_findings(paragraphs):
    """What proselint says of all paragraphs, one a line."""
    CheckRegistry().register_many(CHECKS)
    content = "\n".join(paragraph.text for paragraph in paragraphs)
    for result in LintFile("prose", content=content).lint(
        {**DEFAULT, "max_errors": 9999}
    ):
        check = result.check_result.check_path
        if not any(check.startswith(ignored) for ignored in IGNORED):
            paragraph = paragraphs[
                content.count("\n", 0, result.check_result.span[0] - 1)
            ]
            yield paragraph, f"{check}: {result.check_result.message}"


def main():
    """Print all findings; return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="list long sentences")
    arguments = parser.parse_args()
    paragraphs = list(gather())
    n_findings = 0
    for paragraph in paragraphs:
        where = f"{paragraph.path.relative_to(ROOT)}:{paragraph.line}"
        for name, advice, sentence in broken_rules(paragraph):
            print(f"{where}: {name}: write {advice}: {sentence[:100]}")
            n_findings += 1
    for paragraph, check in proselint_findings(paragraphs):
        where = f"{paragraph.path.relative_to(ROOT)}:{paragraph.line}"
        print(f"{where}: proselint {check}: {paragraph.text[:100]}")
        n_findings += 1
    every = [(p, s) for p in paragraphs for s in sentences(p.text)]
    long = [(p, s) for p, s in every if len(s.split()) > LONG_WORDS]
    if arguments.long:
        for paragraph, sentence in long:
            where = f"{paragraph.path.relative_to(ROOT)}:{paragraph.line}"
            print(f"{where}: {len(sentence.split())} words: {sentence}")
    share = len(long) / len(every)
    print(
        f"{n_findings} findings; {len(long)} of {len(every)} sentences ({share:.1%}) "
        f"have more than {LONG_WORDS} words (limit {LONG_SHARE:.0%})."
    )
    return int(n_findings > 0 or share > LONG_SHARE)


if __name__ == "__main__":
    sys.exit(main())
