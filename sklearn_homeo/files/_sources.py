"""Tables as files hold them, so that the same file can be written again."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

import pandas as pd

from sklearn_homeo._utils.messages import listed, one_line
from sklearn_homeo._utils.paths import ordinary_file
from sklearn_homeo.files._text import find_form, parse, render
from sklearn_homeo.keys._files import new_file
from sklearn_homeo.tables._dtypes import read_level, write_level
from sklearn_homeo.tables._reading import (
    EXCEL,
    PARQUET,
    encode_text,
    read_table,
    read_text,
    split_text,
)

__all__ = [
    "TABLES",
    "FrameSource",
    "ParquetSource",
    "TextSource",
    "open_source",
    "source_class",
    "write_frame",
]

TABLES = {*PARQUET, *EXCEL, ".csv", ".tsv", ".txt"}

_WRITABLE = (".xlsx", ".xlsm")
# Limits of spreadsheets, beyond which cells are cut or rounded without a word.
_SHEET_ROWS, _SHEET_TEXT, _SHEET_INTEGER = 2**20, 32_767, 2**53
_NOT_IN_SHEETS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def open_source(path):
    """Read a file as a source: TextSource, ParquetSource or FrameSource.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ImportError, OSError, ValueError
        If it cannot be read as a table.
    """
    suffix = Path(path).suffix.lower()
    if suffix in PARQUET:
        return ParquetSource.read(path)
    return FrameSource.read(path) if suffix in EXCEL else TextSource.read(path)


def source_class(kind):
    """Return the class that wrote ``about["kind"]``."""
    return _SOURCES[kind]


class TextSource:
    """Text in columns, cell by cell as it stands in the file.

    Parameters
    ----------
    names : list of str
        Names of the columns.
    columns : list of list of str
    form : dict
        How the file is written: "delimiter", "encoding", "end", "last", "quoting",
        "names", and "header" if that line is written in another way.
    texts : dict of int to str, default={}
        Rows that are written in another way, as they stand in the file.
    """

    kind = "text"

    def __init__(self, names, columns, form, texts=None):
        self.names = names
        self.columns = columns
        self.form = form
        self.texts = {} if texts is None else texts

    @classmethod
    def read(cls, path):
        """Read a file."""
        text, encoding, delimiter = read_text(path)
        # Names and widths of rows are checked where all verbs check them.
        read_table(path)
        rows, pieces = _records(path, text, delimiter)
        width = len(rows[0])
        uneven = [i for i, row in enumerate(rows) if len(row) != width]
        if uneven:
            raise ValueError(
                f"{path}: row {uneven[0]} has {len(rows[uneven[0]])} cells, but the "
                f"header has {width}"
            )
        names = rows[0] = [name.strip() for name in rows[0]]
        form = {"delimiter": delimiter, "encoding": encoding, "names": names}
        form, texts = _form_of(rows, pieces, form)
        if 0 in texts:
            form["header"] = texts.pop(0)
        columns = [list(column) for column in zip(*rows[1:], strict=True)]
        texts = {row - 1: piece for row, piece in texts.items()}
        return cls(names, columns or [[]] * width, form, texts)

    def frame(self, about=None):
        """Return the table with typed columns.

        Parameters
        ----------
        about : dict, default=None
            What `about` returned for the table of fit, whose types are taken.
        """
        forms = self._find_forms() if about is None else about["forms"]
        self.forms = forms
        return pd.DataFrame(
            {
                name: parse(column, forms[name])
                for name, column in zip(self.names, self.columns, strict=True)
                if name in forms
            }
        )

    def _find_forms(self):
        decimal = "." if self.form["delimiter"] == "," else None
        forms = {}
        for name, column in zip(self.names, self.columns, strict=True):
            mark = decimal or _decimal_mark(column)
            forms[name] = find_form(column, mark)
        return forms

    def cells(self, name):
        """Return the cells of a column as what `dump_tree` takes."""
        return self.columns[self.names.index(name)]

    def about(self):
        """Return what `rendered` and `write` need, as what `dump_tree` takes."""
        return {
            "kind": self.kind,
            "names": self.names,
            "form": self.form,
            "forms": self.forms,
        }

    @staticmethod
    def rendered(column, name, about):
        """Return a typed column as cells."""
        return render(column, about["forms"][name])

    @staticmethod
    def write(columns, about, path):
        """Write columns of cells to a new file."""
        path = Path(path)
        if path.suffix.lower() not in (*PARQUET, *EXCEL):
            form = about["form"]
            text = _file_text(columns, form, about.get("texts", {}))
            with new_file(path) as file:
                file.write(encode_text(text, form["encoding"]))
            return
        forms = about["forms"]
        typed = {name: parse(cells, forms[name]) for name, cells in columns.items()}
        write_frame(pd.DataFrame(typed), path)

    @staticmethod
    def as_frame(columns, about):
        """Return columns of cells as a frame, in which they are the same text."""
        return pd.DataFrame(columns)


def _decimal_mark(column):
    """Return the decimal mark where columns are not separated by commas."""
    given = [cell for cell in column if cell]
    return "," if any("," in cell for cell in given) else "."


def _records(path, text, delimiter):
    """Cut text into rows of cells, and into the same rows as they are written."""
    lines = io.StringIO(text, newline="").readlines()
    rows, pieces, start, lead = [], [], 0, ""
    for row, end in split_text(path, lines, delimiter):
        piece = lead + "".join(lines[start:end])
        start, lead = end, ""
        if row:
            rows.append(row)
            pieces.append(piece)
        elif pieces:
            # An empty line goes with the row before.
            pieces[-1] += piece
        else:
            lead = piece
    return rows, pieces


def _form_of(rows, pieces, form):
    """Add to a form how most rows are written, and find those that are not."""
    ends = Counter(_end_of(piece) for piece in pieces[:-1] or pieces)
    form |= {
        "end": ends.most_common(1)[0][0] or "\n",
        "last": bool(_end_of(pieces[-1])),
    }
    forms = [
        form | {"quoting": quoting} for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    ]
    odd = [_odd_texts(rows, pieces, one) for one in forms]
    best = min(range(len(forms)), key=lambda i: len(odd[i]))
    return forms[best], odd[best]


def _end_of(piece):
    return next((end for end in ("\r\n", "\n", "\r") if piece.endswith(end)), "")


def _odd_texts(rows, pieces, form):
    """Return the rows, by place, that the form does not write as they stand."""
    texts = _row_texts(rows, form)
    if not form["last"]:
        texts[-1] = texts[-1].removesuffix(form["end"])
    pairs = enumerate(zip(pieces, texts, strict=True))
    return {place: piece for place, (piece, text) in pairs if piece != text}


class _Echo:
    """A file whose `write` gives back what it is given."""

    @staticmethod
    def write(text):
        return text


def _row_texts(rows, form):
    """Return rows of cells as lines of text."""
    writer = csv.writer(
        _Echo(),
        delimiter=form["delimiter"],
        lineterminator=form["end"],
        quoting=form["quoting"],
    )
    return [writer.writerow(row) for row in rows]


def _file_text(columns, form, texts):
    """Write a table; `texts` are rows, by place, that stand as they are."""
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    lines = _row_texts(rows, form)
    if list(columns) == form["names"]:
        # Else columns are missing, whose cells stand in these texts.
        lines[0] = form.get("header", lines[0])
        for row, text in texts.items():
            lines[row + 1] = text
        lines = [line if _end_of(line) else line + form["end"] for line in lines]
    text = "".join(lines)
    return text if form["last"] else text.removesuffix(form["end"])


class ParquetSource:
    """A Parquet file, with the types and notes that pandas or polars left in it.

    Parameters
    ----------
    table : pyarrow.Table
    """

    kind = "parquet"
    form = None

    def __init__(self, table):
        self.table = table
        self.names = table.column_names

    @classmethod
    def read(cls, path):
        """Read a file."""
        from pyarrow import ArrowException, parquet

        path = ordinary_file(path)
        try:
            table = parquet.read_table(path)
        except ArrowException as error:
            reason = one_line(error)
            raise ValueError(f"{path}: not a Parquet table ({reason})") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise ValueError(f"{path}: not a Parquet file, or a damaged one") from None
        return cls(table.unify_dictionaries().combine_chunks())

    def frame(self, about=None):
        """Return the table with Arrow's types, as a pandas frame."""
        columns = {
            name: pd.Series(pd.arrays.ArrowExtensionArray(column))
            for name, column in zip(self.names, self.table.columns, strict=True)
        }
        return pd.DataFrame(columns)

    def cells(self, name):
        """Return the cells of a column as what `dump_tree` takes."""
        return _arrow_cells(self.table[name].combine_chunks())

    def about(self):
        """Return what `rendered` and `write` need, as what `dump_tree` takes."""
        import pyarrow as pa

        dictionaries = {}
        for name, column in zip(self.names, self.table.columns, strict=True):
            if pa.types.is_dictionary(column.type):
                whole = column.combine_chunks()
                whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
                dictionaries[name] = _arrow_cells(whole.dictionary)
        return {
            "kind": self.kind,
            "names": self.names,
            "schema": self.table.schema.serialize().to_pybytes(),
            "dictionaries": dictionaries,
        }

    @staticmethod
    def rendered(column, name, about):
        """Return a typed column as cells."""
        import pyarrow as pa

        array = column.array.__arrow_array__()
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        return _arrow_cells(array)

    @staticmethod
    def write(columns, about, path):
        """Write columns of cells to a new file."""
        from pyarrow import parquet

        path = Path(path)
        if path.suffix.lower() not in PARQUET:
            write_frame(ParquetSource.as_frame(columns, about), path)
            return
        with new_file(path) as file:
            parquet.write_table(ParquetSource._arrow_table(columns, about), file)

    @staticmethod
    def as_frame(columns, about):
        """Return columns of cells as a frame."""
        return ParquetSource._arrow_table(columns, about).to_pandas()

    @staticmethod
    def _arrow_table(columns, about):
        import pyarrow as pa

        schema = pa.ipc.read_schema(pa.py_buffer(about["schema"]))
        fields = [schema.field(name) for name in columns]
        arrays = [
            _arrow_array(cells, field.type, about["dictionaries"].get(name))
            for (name, cells), field in zip(columns.items(), fields, strict=True)
        ]
        kept = pa.schema(fields, metadata=schema.metadata)
        return pa.Table.from_arrays(arrays, schema=kept)


def _arrow_cells(array):
    """Return an Arrow array as Python values; times as their ticks, which are exact."""
    import pyarrow as pa

    if pa.types.is_temporal(array.type) and not pa.types.is_interval(array.type):
        small = pa.int64() if array.type.bit_width == 64 else pa.int32()
        return array.view(small).to_pylist()
    return array.to_pylist()


def _arrow_array(cells, kind, dictionary):
    import pyarrow as pa

    if dictionary is not None:
        places = {value: i for i, value in enumerate(dictionary)}
        indices = [None if cell is None else places[cell] for cell in cells]
        return pa.DictionaryArray.from_arrays(
            pa.array(indices, kind.index_type),
            _arrow_array(dictionary, kind.value_type, None),
            ordered=kind.ordered,
        )
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        small = pa.int64() if kind.bit_width == 64 else pa.int32()
        return pa.array(cells, small).view(kind)
    return pa.array(cells, kind)


class FrameSource:
    """A spreadsheet, as pandas reads it.

    Parameters
    ----------
    table : pandas.DataFrame
    """

    kind = "frame"
    form = None

    def __init__(self, table):
        self.table = table
        self.names = list(table.columns)

    @classmethod
    def read(cls, path):
        """Read a file."""
        return cls(read_table(path))

    def frame(self, about=None):
        """Return the table."""
        return self.table

    def cells(self, name):
        """Return the cells of a column as what `dump_tree` takes."""
        return _frame_cells(self.table[name])

    def about(self):
        """Return what `rendered` and `write` need, as what `dump_tree` takes."""
        return {"kind": self.kind, "names": self.names}

    @staticmethod
    def rendered(column, name, about):
        """Return a typed column as cells."""
        return _frame_cells(column)

    @staticmethod
    def write(columns, about, path):
        """Write columns of cells to a new file."""
        write_frame(FrameSource.as_frame(columns, about), Path(path))

    @staticmethod
    def as_frame(columns, about):
        """Return columns of cells as a frame."""
        return pd.DataFrame(
            {
                name: [read_level(cell) for cell in cells]
                for name, cells in columns.items()
            }
        )


def _frame_cells(column):
    missing = column.isna()
    return [
        None if gap else write_level(cell)
        for cell, gap in zip(column.astype(object), missing, strict=True)
    ]


def write_frame(frame, path):
    """Write a frame to a new file of the kind that its name says."""
    kind = path.suffix.lower()
    with new_file(path) as file:
        if kind in EXCEL:
            _write_sheet(frame, path, file)
        elif kind in PARQUET:
            _write_parquet(frame, path, file)
        else:
            frame.to_csv(file, index=False)


def _write_parquet(frame, path, file):
    from pyarrow import ArrowException

    try:
        frame.to_parquet(file)
    except (ArrowException, TypeError, ValueError):
        # They print the cell.
        mixed = [str(name) for name in frame if frame[name].dtype == object]
        raise ValueError(
            f"{path}: Parquet has no type for columns of mixed cells, perhaps "
            f"{listed(mixed)}; write the kind of file that was encrypted"
        ) from None


def _write_sheet(frame, path, file):
    """Write a spreadsheet in which text is text, also where it begins with "="."""
    if path.suffix.lower() not in _WRITABLE:
        raise ValueError(
            f"{path}: only {', '.join(_WRITABLE)} can be written of spreadsheets"
        )
    for name in frame:
        reason = _why_no_sheet(frame[name])
        if reason is not None:
            raise ValueError(
                f"{path}: column {name!r} has {reason}, which a spreadsheet does not "
                "keep; write the kind of file that was encrypted, or .csv"
            )
    with pd.ExcelWriter(file, engine="openpyxl") as writer:
        frame.to_excel(writer, index=False)
        for row in writer.book.active.iter_rows():
            for cell in row:
                if cell.data_type in ("f", "e"):
                    cell.data_type = "s"


def _why_no_sheet(column):
    """Return what of a column would come out changed, or None."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return "times with a zone"
    if column.dtype.kind == "m":
        return "durations"
    if len(column) >= _SHEET_ROWS:
        return f"{len(column):,} cells"
    if column.dtype.kind in "biufM":
        cells = (
            column[column.abs() > _SHEET_INTEGER] if column.dtype.kind in "iu" else ()
        )
        return "whole numbers beyond 2**53" if len(cells) else None
    for cell in column[column.notna()].tolist():
        if isinstance(cell, str):
            if len(cell) > _SHEET_TEXT:
                return f"text of more than {_SHEET_TEXT:,} characters"
            if _NOT_IN_SHEETS.search(cell):
                return "control characters"
        elif isinstance(cell, int) and abs(cell) > _SHEET_INTEGER:
            return "whole numbers beyond 2**53"
    return None


_SOURCES = {source.kind: source for source in (TextSource, ParquetSource, FrameSource)}
