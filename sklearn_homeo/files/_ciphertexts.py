"""Ciphertext files: what a service is given."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sklearn_homeo._utils.messages import one_line

__all__ = ["Ciphertexts", "Locks", "read_ciphertexts", "write_ciphertexts"]

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
    """

    Z: np.ndarray
    names: list
    fingerprint: str
    target: str | None = None
    labels: object = None
    sealed: list | None = field(default=None, repr=False)
    locks: "Locks | None" = None


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
        """Read what `about` returned; None of None."""
        if about is None:
            return None
        return cls(about["order"], about["n_set"], bytes.fromhex(about["binding"]))


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
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise ValueError(f"{path}: ciphertext files end in {', '.join(_WRITERS)}")
    with path.open("xb") as file:
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
    path = Path(path)
    if path.suffix not in _READERS:
        raise ValueError(f"{path}: ciphertext files end in {', '.join(_READERS)}")
    return _READERS[path.suffix](path)


def _to_arrow(ciphertexts):
    import pyarrow as pa

    taken = {ROW, SEALED, *ciphertexts.names}
    if ciphertexts.target in taken:
        raise ValueError(
            f"the target cannot be called {ciphertexts.target!r}, which a column of "
            "ciphertext files is called; rename it"
        )
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
        raise ValueError(f"{path}: a damaged or no Parquet file ({reason})") from None
    about = _about(path, table.schema.metadata or {})
    target = about["target"]
    Z = np.column_stack([table[name].to_numpy() for name in about["columns"]])
    return Ciphertexts(
        np.ascontiguousarray(Z, dtype=np.float64),
        about["columns"],
        about["fingerprint"],
        target,
        table[target].combine_chunks() if target in table.column_names else None,
        table[SEALED].to_pylist() if SEALED in table.column_names else None,
        Locks.from_about(about.get("locks")),
    )


def _about(path, metadata):
    try:
        about = json.loads(metadata.get(_METADATA, b""))
    except ValueError:
        about = {}
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        raise ValueError(f"{path}: not a ciphertext file of sklearn_homeo")
    if about["version"] > _VERSION:
        raise ValueError(
            f"{path}: the ciphertext file has version {about['version']}, this "
            f"sklearn_homeo knows versions up to {_VERSION}; upgrade it"
        )
    return about


def _write_npy(ciphertexts, file):
    np.save(file, ciphertexts.Z, allow_pickle=False)


def _read_npy(path):
    try:
        Z = np.load(path, allow_pickle=False)
    except (EOFError, ValueError):
        raise ValueError(f"{path}: no array of NumPy") from None
    if Z.ndim != 2 or Z.dtype != np.float64:
        raise ValueError(f"{path}: no table of float64, which ciphertexts are")
    return Ciphertexts(Z, [f"z{i}" for i in range(Z.shape[1])], "")


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
    return Ciphertexts(Z, names, "", target, labels, sealed)


_WRITERS = {".parquet": _write_parquet, ".csv": _write_csv, ".npy": _write_npy}
_READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".npy": _read_npy}
