"""Records of a benchmark as a CSV file."""

import csv

__all__ = ["write_csv"]


def write_csv(rows, path):
    """Write dicts, with a column for each name that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
