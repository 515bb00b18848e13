"""Make docstrings readable to Sphinx that are readable in a terminal.

Fields of a Bunch are written one below the other, some with a line of explanation and
some without. reStructuredText takes that for a broken definition list, so they become a
list here.
"""

import re

__all__ = ["prepare"]

_HEADER = re.compile(r"^(\S[^:]*) : (.*)$")
# Names that end in an underscore would be links.
_LINK = re.compile(r"(?<![`\w])(\w+_)(?![`\w])")


def prepare(lines):
    """Return the lines of a docstring with lists of fields, and without false links."""
    lines, found = _joined(lines), []
    in_bunch = False
    for i, line in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else ""
        header = _HEADER.match(line)
        if header:
            in_bunch = header[2].startswith("Bunch")
            kind = _LINK.sub(r"`\1`", header[2])
            found.append(f"{header[1]} : {kind}")
        elif in_bunch and _is_field(line, following):
            found += ["", f"    - {_field(line.strip())}", ""]
        elif in_bunch and line.startswith(" " * 8):
            found.append(f"  {line[4:]}")
        else:
            in_bunch = in_bunch and (not line or line.startswith("    "))
            found.append(line)
    return found


def _joined(lines):
    """Lines without those that a backslash continues."""
    found = []
    for line in lines:
        if found and found[-1].endswith("\\"):
            found[-1] = f"{found[-1][:-1].rstrip()} {line.strip()}"
        else:
            found.append(line)
    return found


def _is_field(line, following):
    if not re.match(r"^ {4}[\w, ]+( : |$)", line):
        return False
    return " : " in line or following.startswith(" " * 8)


def _field(text):
    names, _, kind = text.partition(" : ")
    names = ", ".join(f"``{name}``" for name in names.split(", "))
    if not kind:
        return names
    # What looks like markup is meant as it stands.
    escaped = re.sub(r"([*_`|\\])", r"\\\1", kind)
    return f"{names} : {escaped}"
