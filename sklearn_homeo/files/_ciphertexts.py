"""Ciphertext files: what a service is given."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from sklearn_homeo._utils.messages import one_line
from sklearn_homeo._utils.paths import ordinary_file
from sklearn_homeo.keys._files import new_file

__all__ = [
    "ROW",
    "Ciphertexts",
    "Locks",
    "check_target_name",
    "read_ciphertexts",
    "write_ciphertexts",
]

_FORMAT = "sklearn_homeo ciphertext"
_VERSION = 1
_METADATA = b"sklearn_homeo"
# What `HomeomorphicEncryptor` calls its columns.
_NAME = re.compile(r"homeomorphicencryptor\d+")
ROW, SEALED = "row", "sealed"


@dataclass
class Ciphertexts:
    """Encrypted rows, and what a service may know about them.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns), dtype float64
    names : list of str
        Names of its columns.
    fingerprint : str
        Fingerprint of the key.
    target : str or None, default=None
        Name of the label.
    labels : pyarrow.Array of length n_rows or None, default=None
    sealed : list of bytes or None, default=None
        What `seal_rows` returned.
    locks : Locks or None, default=None
        Which are set; None where the file does not tell.
    rows : list or None, default=None
        The numbers by which a service names rows that were read from a file; None
        where the file has none.
    """

    Z: np.ndarray
    names: list
    fingerprint: str
    target: str | None = None
    labels: object = None
    sealed: list | None = field(default=None, repr=False)
    locks: "Locks | None" = None
    rows: list | None = None


@dataclass(frozen=True)
class Locks:
    """What holders of locks must know of ciphertexts. Public.

    Parameters
    ----------
    order : list of str
        Fingerprints of the keys of the locks, in the order in which they are set.
    n_set : int
        How many of them are set.
    binding : bytes of length 32
        What the locks are bound to.
    """

    order: list
    n_set: int
    binding: bytes

    @property
    def missing(self):
        """Fingerprints of those that are still to be set."""
        return self.order[self.n_set :]

    def about(self):
        """Return it as what JSON takes."""
        return {
            "order": list(self.order),
            "n_set": self.n_set,
            "binding": self.binding.hex(),
        }

    @classmethod
    def from_about(cls, about):
        """Read what `about` returned; None of None.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is something else.
        """
        if about is None:
            return None
        locks = cls(about["order"], about["n_set"], bytes.fromhex(about["binding"]))
        named = isinstance(locks.order, list) and _are_texts(locks.order)
        if not named or not 1 <= locks.n_set <= len(locks.order):
            raise ValueError("locks that cannot be")
        return locks


def write_ciphertexts(ciphertexts, path):
    """Write a new ciphertext file.

    Parameters
    ----------
    ciphertexts : Ciphertexts
    path : str or Path
        ``.parquet``; ``.csv``; or ``.npy``, which holds the numbers alone.

    Raises
    ------
    FileExistsError
        If anything is at `path`.
    ValueError
        If `path` ends otherwise.
    """
    path = Path(path).expanduser()
    if path.suffix not in _WRITERS:
        raise ValueError(f"{path}: ciphertext files end in {', '.join(_WRITERS)}")
    with new_file(path) as file:
        _WRITERS[path.suffix](ciphertexts, file)


def read_ciphertexts(path):
    """Read a ciphertext file.

    Parameters
    ----------
    path : str or Path
        What `write_ciphertexts` wrote; the rows may be fewer and in another order.

    Returns
    -------
    ciphertexts : Ciphertexts
        Without a fingerprint (an empty one) if the file does not tell it.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not a ciphertext file, or of a newer version.

    Notes
    -----
    The labels of a ``.csv`` file are text.
    """
    path = Path(path).expanduser()
    if path.suffix not in _READERS:
        raise ValueError(f"{path}: ciphertext files end in {', '.join(_READERS)}")
    found = _READERS[path.suffix](ordinary_file(path))
    if len(found.Z) == 0:
        raise ValueError(f"{path}: the ciphertext file has no rows")
    return found


def check_target_name(target):
    """Raise ValueError if a column of ciphertext files is called like a target."""
    if target in (ROW, SEALED) or _NAME.fullmatch(str(target)):
        raise ValueError(
            f"the target cannot be called {target!r}, which a column of ciphertext "
            "files is called; rename it"
        )


def _to_arrow(ciphertexts):
    import pyarrow as pa

    check_target_name(ciphertexts.target)
    columns = {ROW: pa.array(np.arange(len(ciphertexts.Z)))}
    for name, column in zip(ciphertexts.names, ciphertexts.Z.T, strict=True):
        columns[name] = pa.array(column)
    if ciphertexts.labels is not None:
        columns[ciphertexts.target] = ciphertexts.labels
    if ciphertexts.sealed is not None:
        columns[SEALED] = pa.array(ciphertexts.sealed, pa.binary())
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "fingerprint": ciphertexts.fingerprint,
        "n_rows": len(ciphertexts.Z),
        "columns": ciphertexts.names,
        "target": ciphertexts.target,
        "locks": None if ciphertexts.locks is None else ciphertexts.locks.about(),
    }
    table = pa.table(columns)
    return table.replace_schema_metadata({_METADATA: json.dumps(about).encode()})


def _write_parquet(ciphertexts, file):
    from pyarrow import parquet

    # Dictionaries of random numbers only cost time.
    parquet.write_table(_to_arrow(ciphertexts), file, use_dictionary=False)


def _read_parquet(path):
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = one_line(error)
        raise ValueError(
            f"{path}: not a Parquet file, or a damaged one ({reason})"
        ) from None
    about = _about(path, table.schema.metadata or {})
    try:
        return _from_arrow(table, about)
    except (KeyError, TypeError, ValueError):
        # What was raised names no file, and may show what is in it.
        raise ValueError(
            f"{path}: not a ciphertext file of sklearn_homeo, or a damaged one"
        ) from None


def _from_arrow(table, about):
    """Return the ciphertexts of a table; an error, if it is another one."""
    import pyarrow as pa

    names, target = about["columns"], about["target"]
    texts = [about["fingerprint"], *names, *([] if target is None else [target])]
    columns = [table[name] for name in names]
    if not _are_texts(texts) or any(c.type != pa.float64() for c in columns):
        raise TypeError("other columns")
    sealed = None
    if SEALED in table.column_names:
        sealed = table[SEALED].to_pylist()
        if not all(isinstance(cell, bytes) for cell in sealed):
            raise TypeError("other sealed cells")
    return Ciphertexts(
        np.column_stack([column.to_numpy() for column in columns]),
        list(names),
        about["fingerprint"],
        target,
        table[target].combine_chunks() if target in table.column_names else None,
        sealed,
        Locks.from_about(about.get("locks")),
        table[ROW].to_pylist() if ROW in table.column_names else None,
    )


def _are_texts(values):
    return all(isinstance(value, str) for value in values)


def _about(path, metadata):
    try:
        about = json.loads(metadata.get(_METADATA, b""))
    except (ValueError, RecursionError):
        about = {}
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        raise ValueError(f"{path}: not a ciphertext file of sklearn_homeo")
    version = about.get("version")
    if not isinstance(version, int) or version < 1:
        raise ValueError(
            f"{path}: a ciphertext file without a version, so a damaged one"
        )
    if version > _VERSION:
        raise ValueError(
            f"{path}: the ciphertext file has version {version}, this sklearn_homeo "
            f"knows versions up to {_VERSION}; upgrade it"
        )
    return about


def _write_npy(ciphertexts, file):
    np.save(file, ciphertexts.Z, allow_pickle=False)


def _read_npy(path):
    try:
        # Mapped first, as a header may promise more numbers than the file has.
        Z = np.load(path, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError, OverflowError, BadZipFile):
        raise ValueError(f"{path}: not an array of NumPy") from None
    if not isinstance(Z, np.ndarray) or Z.ndim != 2 or Z.dtype != np.float64:
        raise ValueError(f"{path}: not a table of float64, as ciphertexts are")
    return Ciphertexts(np.array(Z), [f"z{i}" for i in range(Z.shape[1])], "")


def _write_csv(ciphertexts, file):
    """Text, in which floats have as many digits as they need; sealed as base64."""
    frame = _to_arrow(ciphertexts).to_pandas()
    if ciphertexts.sealed is not None:
        frame[SEALED] = [base64.b64encode(cell).decode() for cell in frame[SEALED]]
    frame.to_csv(file, index=False)


def _read_csv(path):
    try:
        return _parse_csv(path)
    except ValueError:
        # pandas, NumPy and base64 name no file, and may show what is in it.
        raise ValueError(
            f"{path}: not a ciphertext file of sklearn_homeo, or a damaged one"
        ) from None


def _parse_csv(path):
    import pandas as pd
    import pyarrow as pa

    # As text: NumPy reads floats to the last bit.
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    others = [name for name in frame.columns if name not in (ROW, SEALED)]
    names = [name for name in others if _NAME.fullmatch(str(name))]
    targets = [name for name in others if name not in names]
    if not names or len(targets) > 1:
        raise ValueError("other columns")
    target = targets[0] if targets else None
    sealed = None
    if SEALED in frame:
        sealed = [base64.b64decode(cell) for cell in frame[SEALED]]
    labels = None if target is None else pa.array(frame[target])
    Z = frame[names].to_numpy(dtype=str).astype(np.float64)
    rows = [int(row) for row in frame[ROW]] if ROW in frame else None
    return Ciphertexts(Z, names, "", target, labels, sealed, rows=rows)


_WRITERS = {".parquet": _write_parquet, ".csv": _write_csv, ".npy": _write_npy}
_READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".npy": _read_npy}
