"""Tables from files: CSV of any common delimiter and encoding, Parquet, Excel."""

import codecs
import csv
import io
import os
from itertools import islice
from typing import TYPE_CHECKING

from sklearn_homeo._utils.messages import listed, one_line
from sklearn_homeo._utils.paths import ordinary_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EXCEL",
    "PARQUET",
    "encode_text",
    "read_names",
    "read_table",
    "read_text",
    "split_text",
]

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
DELIMITERS = ",;\t|"
# What programs write where a number is missing. In a column of text they are text.
ABSENT = (
    "NA",
    "N/A",
    "NaN",
    "nan",
    "n/a",
    "null",
    "NULL",
    "None",
    "<NA>",
    "#N/A",
    "-nan",
)

_HEAD_BYTES = 2**16
_HEAD_ROWS = 20
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# With the mark, which Python writes in the order of this machine only.
_ORDERS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def read_names(path: str | os.PathLike) -> list[str]:
    """Read the names of a table's columns, without pandas where that is possible.

    Parameters
    ----------
    path : str or path-like
        A file as of :func:`read_table`.

    Returns
    -------
    names : list of str

    Raises
    ------
    ImportError, OSError, ValueError
        As :func:`read_table`.
    """
    path = ordinary_file(path)
    kind = path.suffix.lower()
    if kind in PARQUET or kind in EXCEL:
        return list(_READERS[kind](path, head=True).columns)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = _decode(path, head, whole=len(head) < _HEAD_BYTES)
    lines = io.StringIO(text, newline="")
    rows = split_text(path, lines, _find_delimiter(text), skipinitialspace=True)
    return _checked_names(path, next((row for row, _ in rows if row), []))


def read_table(path: str | os.PathLike) -> "pd.DataFrame":
    """Read a table from a file.

    Parameters
    ----------
    path : str or path-like
        Parquet (``.parquet``, ``.pq``), a sheet of a spreadsheet (``.xlsx``, ``.xls``,
        ``.ods``; the first one), and anything else as text in columns with a header
        line. Commas, semicolons, tabs and vertical bars may stand between columns;
        UTF-8, UTF-16, UTF-32 and Windows-1252 are read.

    Returns
    -------
    table : DataFrame
        Columns of text in which every cell is a number are int64 or, where a number
        has a fraction or is missing, float64; others stay text. Empty cells are gaps.
        ``NA``, ``None`` and their like are missing among numbers and text among text.
        Whole numbers with leading zeros, or beyond 64 bits, are text: they are names.
        With another delimiter than the comma, a comma may be the decimal mark.

    Raises
    ------
    ImportError
        If pandas, or what it needs for the kind of file, is not installed.
    OSError
        If the file cannot be opened.
    ValueError
        If the file is not a table, or names of columns are missing or not different.
    """
    path = ordinary_file(path)
    kind = path.suffix.lower()
    if kind in PARQUET or kind in EXCEL:
        table = _READERS[kind](path)
        return table.set_axis(_checked_names(path, list(table.columns)), axis=1)
    pd = _import_pandas()
    text = _decode(path, path.read_bytes())
    if not text.strip():
        _checked_names(path, [])
    delimiter = _find_delimiter(text)
    try:
        # As text: a column's type must not hide what stands in it. The header as a row:
        # pandas would take a surplus field for an index.
        rows = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            header=None,
        )
    except ValueError as error:
        raise ValueError(f"{path}: not a table ({one_line(error)})") from None
    names = ["" if pd.isna(name) else name for name in rows.iloc[0]]
    table = rows.iloc[1:].set_axis(_checked_names(path, names), axis=1)
    table = table.reset_index(drop=True)
    return table.apply(_typed, decimal="." if delimiter == "," else ",")


def _typed(column, decimal):
    """A column of text as numbers, if it is one of numbers."""
    pd = _import_pandas()
    text = column.str.strip()
    given = text[text.notna() & (text != "") & ~text.isin(ABSENT)]
    if decimal == "," and given.str.fullmatch(r"[+-]?\d+(,\d+)?").all():
        given = given.str.replace(",", ".")
    numbers = pd.to_numeric(given, errors="coerce")
    if not len(given) or numbers.isna().any() or _are_names(given):
        return text.mask(text.isna() | (text == ""))
    if numbers.dtype.kind == "i" and len(given) == len(text):
        return numbers.astype("int64")
    return numbers.astype("float64").reindex(text.index)


def _are_names(given):
    """Whether digits are names: 007, or an account number of thirty digits."""
    whole = given.str.fullmatch(r"[+-]?\d+")
    long = given.str.len() > 19
    return bool((whole & (given.str.fullmatch(r"[+-]?0\d+") | long)).any())


def _import_pandas():
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            'reading tables needs pandas: pip install "sklearn-homeo[demo]"'
        ) from error
    return pandas


def _read_parquet(path, head=False):
    _import_pandas()
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ImportError(
            'reading Parquet needs pyarrow: pip install "sklearn-homeo[demo]"'
        ) from error
    try:
        if head:
            return parquet.read_schema(path).empty_table().to_pandas()
        return parquet.read_table(path).to_pandas()
    except (ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise ValueError(f"{path}: not a Parquet file") from None


def _read_excel(path, head=False):
    pd = _import_pandas()
    try:
        return pd.read_excel(path, nrows=0 if head else None)
    except (ImportError, OSError):
        raise
    except Exception:
        # What pandas and its readers raise on a damaged file is no common type.
        raise ValueError(f"{path}: not a spreadsheet that pandas can read") from None


_READERS = dict.fromkeys(PARQUET, _read_parquet) | dict.fromkeys(EXCEL, _read_excel)


def read_text(path: str | os.PathLike) -> tuple[str, str, str]:
    """Read a file of text in columns.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    text : str
        Line ends are as they are in the file.
    encoding : str
        Encoding of the file.
    delimiter : str
        What stands between columns.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not text.
    """
    path = ordinary_file(path)
    data = path.read_bytes()
    text, encoding = _decoded(path, data)
    for mark, _ in _MARKS:
        if data.startswith(mark):
            encoding = _ORDERS.get(mark, encoding)
            break
    return text, encoding, _find_delimiter(text)


def encode_text(text: str, encoding: str) -> bytes:
    """Encode text as :func:`read_text` found it, with a mark if there was one."""
    marked = encoding in _ORDERS.values()
    return (("\ufeff" if marked else "") + text).encode(encoding)


def _decode(path, data, whole=True):
    return _decoded(path, data, whole)[0]


def _decoded(path, data, whole=True):
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None and b"\0" in data:
        raise ValueError(f"{path}: not a table: the file is binary")
    for name in (encoding,) if encoding else ("utf-8", "cp1252", "latin-1"):
        # The last character of a part may be cut off.
        decoder = codecs.getincrementaldecoder(name)()
        try:
            return decoder.decode(data, final=whole), name
        except UnicodeDecodeError:
            continue
    raise ValueError(f"{path}: not a table: the text is not {encoding}")


def _find_delimiter(text):
    """What stands between columns: what cuts the first rows into most equal parts."""
    head = "".join(text.splitlines(keepends=True)[: 4 * _HEAD_ROWS])

    def count(delimiter):
        rows = csv.reader(
            io.StringIO(head, newline=""), delimiter=delimiter, skipinitialspace=True
        )
        try:
            widths = [len(row) for row in islice(filter(None, rows), _HEAD_ROWS)]
        except csv.Error:
            # A wide row is too long for one cell.
            widths = []
        widths = widths or [0]
        return len(set(widths)) == 1 and widths[0] > 1, widths[0]

    return max(DELIMITERS, key=count)


def split_text(path, lines, delimiter, **options):
    """Cut text into rows of cells.

    Parameters
    ----------
    path : str or Path
        Where the text is from, for messages.
    lines : iterable of str
        Lines with their ends.
    delimiter : str
    **options : dict
        More options of :func:`csv.reader`.

    Yields
    ------
    row : list of str
    n_lines : int
        Lines read so far.

    Raises
    ------
    ValueError
        If a cell is longer than Python's module csv reads.
    """
    reader = csv.reader(lines, delimiter=delimiter, **options)
    try:
        for row in reader:
            yield row, reader.line_num
    except csv.Error:
        most = csv.field_size_limit()
        raise ValueError(
            f"{path}: not a table: from line {reader.line_num} on there is a cell of "
            f"more than {most:,} characters, or a quote that does not end"
        ) from None


def _checked_names(path, names):
    names = [str(name).strip() for name in names]
    if not names:
        raise ValueError(f"{path}: not a table: there is no header line")
    wrong = [name for name in dict.fromkeys(names) if names.count(name) > 1 or not name]
    if wrong:
        counts = [f"{name!r} {names.count(name)} time(s)" for name in wrong]
        raise ValueError(
            f"{path}: column names must be given and differ, got {listed(counts)} in "
            "the header"
        )
    return names
