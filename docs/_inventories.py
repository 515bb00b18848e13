"""Write intersphinx inventories from lists of names.

A list is a text file: name and version of the project, then on each line a name, its
role and the page that describes it.
"""

import zlib

__all__ = ["write_inventories"]


def write_inventories(source, target):
    """Compile the lists in ``source``; return the inventories' paths by name."""
    target.mkdir(parents=True, exist_ok=True)
    return {path.stem: _write(path, target) for path in sorted(source.glob("*.txt"))}


def _write(path, target):
    title, *lines = path.read_text(encoding="utf-8").splitlines()
    project, version = title.split()
    entries = (line.split() for line in lines if line)
    body = "".join(f"{name} {role} 1 {page} -\n" for name, role, page in entries)
    header = (
        "# Sphinx inventory version 2\n"
        f"# Project: {project}\n"
        f"# Version: {version}\n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    inventory = target / f"{path.stem}.inv"
    inventory.write_bytes(header.encode() + zlib.compress(body.encode()))
    return inventory
