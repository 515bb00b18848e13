"""A table's file in, ciphertext file and sealed encryptor out."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.pipeline import Pipeline

from sklearn_homeo._utils.messages import listed
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
from sklearn_homeo.files._ciphertexts import (
    Ciphertexts,
    check_target_name,
    write_ciphertexts,
)
from sklearn_homeo.files._encrypted import (
    EncryptedFile,
    new_paths,
    random_order,
    write_encrypted,
)
from sklearn_homeo.files._locks import locks_of
from sklearn_homeo.files._pipelines import open_pipeline
from sklearn_homeo.files._rows import seal_rows
from sklearn_homeo.files._sources import open_source, source_class
from sklearn_homeo.tables._encoder import TableEncoder

__all__ = ["ENCRYPTING_STEPS", "encrypt_query_file", "encrypt_table_file"]

ENCRYPTING_STEPS = (
    "reading the table",
    "choosing what leaks",
    "encrypting, and decrypting again",
    "writing",
)
# More different numbers are a quantity.
_MOST_CLASSES = 20


def encrypt_table_file(
    path,
    key,
    folder,
    *,
    target,
    encryptor=None,
    encoder=None,
    suffix=".parquet",
    synthetic=False,
    on_step=lambda step: None,
):
    """Encrypt a table's file.

    Cells that numbers cannot bring back exactly as they are in the file (identifiers,
    free text, odd spellings of a number) travel sealed with the row. Every row is
    decrypted once before anything is written.

    Parameters
    ----------
    path : str or Path
        CSV with any common delimiter and encoding, Parquet or a spreadsheet.
    key : SecretKey
    folder : str or Path
        Where to write ``ciphertext.parquet``, ``encryptor.sealed`` and ``report.html``;
        made if need be.
    target : str
        Name of the column to predict, which stays readable.
    encryptor : HomeomorphicEncryptor, default=None
        Not fitted; its key is set. None is one with ``randomized=True``.
    encoder : TableEncoder, default=None
        Not fitted. None is one with default settings.
    suffix : {".parquet", ".csv", ".npy"}, default=".parquet"
        Suffix of the ciphertext file.
    synthetic : bool, default=False
        Whether to write ``synthetic.parquet`` too: made-up ciphertexts, as many of each
        class as the table has.
    on_step : callable
        Called with each of `ENCRYPTING_STEPS` when it begins.

    Returns
    -------
    encrypted : EncryptedFile

    Raises
    ------
    FileExistsError
        If one of the files to write is there.
    ImportError, OSError
        If the table cannot be read.
    ValueError
        If the file is not a table, has no such column or no other, or no row with a
        label, or a single one.
    """
    on_step(ENCRYPTING_STEPS[0])
    source = open_source(path)
    if target not in source.names:
        names = listed([repr(name) for name in source.names])
        raise ValueError(f"{path}: no column {target!r}; columns: {names}")
    check_target_name(target)
    if len(source.names) < 2:
        raise ValueError(f"{path}: no column but the target {target!r}")
    paths = new_paths(folder, suffix, synthetic)
    frame = source.frame()
    features = frame.drop(columns=target)
    labelled = frame[target].notna().to_numpy()
    if not labelled.any():
        raise ValueError(f"{path}: no row has a label in column {target!r}")
    if labelled.sum() < 2:
        raise ValueError(
            f"{path}: an encryptor learns from 2 rows with a label or more"
        )
    encoder = TableEncoder() if encoder is None else encoder
    # An exception is sealed, and stays as it is.
    encoder.set_params(handle_unknown="ignore")
    if encryptor is None:
        encryptor = HomeomorphicEncryptor(randomized=True)
    encryptor.set_params(key=key)
    X = encoder.fit(features).transform(features)[labelled]
    y = _plain_labels(frame[target][labelled])
    on_step(ENCRYPTING_STEPS[1])
    encryptor.fit(X, y)
    pipeline = Pipeline([("tableencoder", encoder), ("encryptor", encryptor)])
    about = source.about() | {"target": target}
    on_step(ENCRYPTING_STEPS[2])
    found = _encrypt(source, frame, pipeline, about)
    found.paths = paths
    on_step(ENCRYPTING_STEPS[3])
    write_encrypted(found, Path(path).name, X, _classes(y), synthetic)
    return found


def encrypt_query_file(path, key, folder, *, sealed, suffix=".parquet"):
    """Encrypt a file of queries for models that were trained on an encrypted table.

    Parameters
    ----------
    path : str or Path
        File of the same kind as the table, with the same columns; the target may be
        missing.
    key : SecretKey
    folder : str or Path
        Where to write ``ciphertext.parquet``; made if need be.
    sealed : str or Path
        The ``encryptor.sealed`` of the table.
    suffix : {".parquet", ".csv", ".npy"}, default=".parquet"
        Suffix of the ciphertext file.

    Returns
    -------
    encrypted : EncryptedFile

    Raises
    ------
    FileExistsError, ImportError, OSError, ValueError
        As in `encrypt_table_file`; a ValueError too if columns are missing, or others
        are there.
    SealedFileError
        If the sealed file does not open.
    """
    pipeline, about = open_pipeline(sealed, key)
    source = open_source(path)
    _check_queries(path, source, about)
    paths = {"ciphertexts": new_paths(folder, suffix, False)["ciphertexts"]}
    frame = source.frame(about)
    found = _encrypt(source, frame, pipeline, about)
    write_ciphertexts(found.ciphertexts, paths["ciphertexts"])
    found.paths = paths
    return found


def _check_queries(path, source, about):
    if about is None or about["kind"] != source.kind:
        kind = "in Python" if about is None else f"from a {about['kind']} file"
        raise ValueError(f"{path}: the encryptor was fitted {kind}, not on such a file")
    needed = [name for name in about["names"] if name != about["target"]]
    missing = [repr(name) for name in needed if name not in source.names]
    others = [repr(name) for name in source.names if name not in about["names"]]
    if missing or others:
        parts = [f"without {listed(missing)}"] if missing else []
        parts += [f"with {listed(others)}, which it did not have"] if others else []
        raise ValueError(
            f"{path}: another table than the one encrypted: {' and '.join(parts)}"
        )


def _encrypt(source, frame, pipeline, about):
    """Encrypt all rows, in random order, and seal what does not come back."""
    encoder, encryptor = (step for _, step in pipeline.steps)
    target = about["target"]
    features = frame[[name for name in about["names"] if name != target]]
    Z = encryptor.transform(encoder.transform(features))
    decoded = encoder.inverse_transform(encryptor.inverse_transform(Z))
    cells = [{} for _ in range(len(frame))]
    exceptions = {}
    for name in source.names:
        original = source.cells(name)
        if name not in decoded:
            for row, cell in enumerate(original):
                cells[row][name] = cell
            continue
        back = source_class(about["kind"]).rendered(decoded[name], name, about)
        for row in _different(original, back):
            cells[row][name] = original[row]
            exceptions.setdefault(name, []).append(row)
    order = random_order(len(frame))
    trees = [{"row": row, "cells": cells[row]} for row in order]
    if source.form is not None:
        # Queries may be written in another way than the table of fit.
        trees[order.index(0)]["form"] = source.form
        for place, row in enumerate(order):
            if row in source.texts:
                trees[place]["text"] = source.texts[row]
    Z = np.ascontiguousarray(Z[order])
    ciphertexts = Ciphertexts(
        Z,
        [str(name) for name in encryptor.get_feature_names_out()],
        encryptor.key_fingerprint_,
        target if target in frame else None,
        _arrow_labels(frame[target].iloc[order]) if target in frame else None,
        seal_rows(trees, Z, encryptor.key_),
        locks_of(encryptor),
    )
    return EncryptedFile(ciphertexts, pipeline, {}, exceptions, about)


def _different(original, back):
    if original == back:
        return []
    pairs = enumerate(zip(original, back, strict=True))
    return [row for row, (a, b) in pairs if not _same(a, b)]


def _same(a, b):
    if type(a) is not type(b):
        return False
    return a == b or (isinstance(a, float) and a != a and b != b)


def _plain_labels(column):
    """Return labels as NumPy's numbers or text, which all models take."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(getattr(column.dtype, "numpy_dtype", column.dtype))
    return column.astype(str).to_numpy(dtype=object)


def _classes(y):
    """Return labels as numbers of classes, None if they are numbers themselves."""
    levels, codes = np.unique(y, return_inverse=True)
    return codes if y.dtype == object or len(levels) <= _MOST_CLASSES else None


def _arrow_labels(column):
    array = pa.array(column.reset_index(drop=True), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
