"""Tables as files hold them, so that the same file can be written again."""

import csv
import io
from pathlib import Path

import pandas as pd

from sklearn_homeo._utils.messages import one_line
from sklearn_homeo.files._text import find_form, parse, render
from sklearn_homeo.tables._dtypes import read_level, write_level
from sklearn_homeo.tables._reading import EXCEL, PARQUET, read_table, read_text

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

_INDEX = "__index_level_"


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
        How the file is written: "delimiter", "encoding", "end", "last", "quoting".
    """

    kind = "text"

    def __init__(self, names, columns, form):
        self.names = names
        self.columns = columns
        self.form = form

    @classmethod
    def read(cls, path):
        """Read a file."""
        text, encoding, delimiter = read_text(path)
        # Names and widths of rows are checked where all verbs check them.
        read_table(path)
        rows = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            if row
        ]
        width = len(rows[0])
        uneven = [i for i, row in enumerate(rows) if len(row) != width]
        if uneven:
            raise ValueError(
                f"{path}: row {uneven[0]} has {len(rows[uneven[0]])} cells, but the "
                f"header has {width}"
            )
        form = {
            "delimiter": delimiter,
            "encoding": encoding,
            "end": "\r\n" if "\r\n" in text else "\n",
            "last": text.endswith("\n"),
            "quoting": csv.QUOTE_MINIMAL,
        }
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
            if _csv_text(rows, form | {"quoting": quoting}) == text:
                form["quoting"] = quoting
                break
        columns = [list(column) for column in zip(*rows[1:], strict=True)]
        return cls([name.strip() for name in rows[0]], columns or [[]] * width, form)

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
            rows = [list(columns), *zip(*columns.values(), strict=True)]
            text = _csv_text(rows, about["form"])
            with path.open("x", encoding=about["form"]["encoding"], newline="") as file:
                file.write(text)
            return
        forms = about["forms"]
        typed = {name: parse(cells, forms[name]) for name, cells in columns.items()}
        write_frame(pd.DataFrame(typed), path)


def _decimal_mark(column):
    """Return the decimal mark where columns are not separated by commas."""
    given = [cell for cell in column if cell]
    return "," if any("," in cell for cell in given) else "."


def _csv_text(rows, form):
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream,
        delimiter=form["delimiter"],
        lineterminator=form["end"],
        quoting=form["quoting"],
    )
    writer.writerows(rows)
    text = stream.getvalue()
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

        try:
            table = parquet.read_table(path)
        except ArrowException as error:
            reason = one_line(error)
            raise ValueError(f"{path}: no Parquet table ({reason})") from None
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
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.ipc.read_schema(pa.py_buffer(about["schema"]))
        fields = [schema.field(name) for name in columns]
        arrays = [
            _arrow_array(cells, field.type, about["dictionaries"].get(name))
            for (name, cells), field in zip(columns.items(), fields, strict=True)
        ]
        kept = pa.schema(fields, metadata=schema.metadata)
        table = pa.Table.from_arrays(arrays, schema=kept)
        path = Path(path)
        if path.suffix.lower() not in PARQUET:
            write_frame(table.to_pandas(), path)
            return
        with path.open("xb") as file:
            parquet.write_table(table, file)


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
        table = {
            name: [read_level(cell) for cell in cells]
            for name, cells in columns.items()
        }
        write_frame(pd.DataFrame(table), Path(path))


def _frame_cells(column):
    missing = column.isna()
    return [
        None if gap else write_level(cell)
        for cell, gap in zip(column.astype(object), missing, strict=True)
    ]


def write_frame(frame, path):
    """Write a frame to a new file of the kind that its name says."""
    kind = path.suffix.lower()
    if kind in EXCEL:
        if path.exists():
            raise FileExistsError(f"{path} exists; nothing was overwritten")
        frame.to_excel(path, index=False)
        return
    with path.open("xb") as file:
        if kind in PARQUET:
            frame.to_parquet(file)
        else:
            frame.to_csv(file, index=False)


_SOURCES = {source.kind: source for source in (TextSource, ParquetSource, FrameSource)}
