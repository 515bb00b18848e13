"""A ciphertext file in, the table's file out."""

from pathlib import Path

import pandas as pd

from sklearn_homeo._utils.messages import listed
from sklearn_homeo.exceptions import InvalidCiphertextError
from sklearn_homeo.files._ciphertexts import ROW, read_ciphertexts
from sklearn_homeo.files._folders import CLASS, FILE, KIND, write_image_folder
from sklearn_homeo.files._locks import check_own_locks
from sklearn_homeo.files._pipelines import open_pipeline
from sklearn_homeo.files._rows import open_rows
from sklearn_homeo.files._sources import TABLES, source_class, write_frame
from sklearn_homeo.tables._reading import read_table

__all__ = ["DECRYPTING_STEPS", "decrypt_table_file"]

DECRYPTING_STEPS = ("reading the ciphertexts", "decrypting", "writing")


def decrypt_table_file(
    path, key, sealed, out, *, answers=None, on_step=lambda step: None
):
    """Decrypt a ciphertext file into the table that was encrypted.

    The same rows in the same order, names, types and cells; of a CSV file the same
    text. Rows may have been left out of the ciphertext file or put in another order.

    Parameters
    ----------
    path : str or Path
        The ciphertext file. A ``.npy`` file has no sealed cells: what these hold (the
        target, identifiers and text, the order of the rows) does not come back.
    key : SecretKey
    sealed : str or Path
        The ``encryptor.sealed`` that was written with it.
    out : str or Path
        Where to write; nothing may be there. ``.parquet``, a spreadsheet (``.xlsx``),
        or text; the table's own kind gives the same file. Of images, a folder for the
        files, or a table (``.parquet``, ``.csv``) of their names and features.
    answers : str or Path or None, default=None
        What a service said of each row: a table with the column ``row`` of the
        ciphertext file and others. These are put behind the columns of the table; of
        images, `out` is a table of names and answers.
    on_step : callable
        Called with each of `DECRYPTING_STEPS` when it begins.

    Returns
    -------
    n_rows : int

    Raises
    ------
    FileExistsError
        If anything is at `out`.
    InvalidCiphertextError
        If rows were changed or repeated, or cells were put with other rows.
    OSError
        If a file cannot be read or written.
    SealedFileError
        If the sealed file does not open with this key.
    ValueError
        If `path` is not a ciphertext file, or one of another key, or locks of other
        holders are set. If `answers` is a table of other rows.
    """
    out = Path(out).expanduser()
    if out.exists() or out.is_symlink():
        raise FileExistsError(f"{out} exists; nothing was overwritten")
    on_step(DECRYPTING_STEPS[0])
    ciphertexts = read_ciphertexts(path)
    if answers is not None:
        answers = _read_answers(answers, path, ciphertexts)
    if ciphertexts.fingerprint not in ("", key.fingerprint):
        raise ValueError(
            f"{path} was encrypted with the key {ciphertexts.fingerprint}, not with "
            f"{key.fingerprint}"
        )
    pipeline, about = open_pipeline(sealed, key)
    if about is None:
        raise ValueError(f"{sealed} is of a pipeline fitted in Python, not on a file")
    check_own_locks(path, ciphertexts, pipeline[-1])
    on_step(DECRYPTING_STEPS[1])
    decoded = pipeline.inverse_transform(ciphertexts.Z)
    on_step(DECRYPTING_STEPS[2])
    write = _write_images if about["kind"] == KIND else _write_table
    write(path, ciphertexts, decoded, key, about, out, answers)
    return len(ciphertexts.Z)


def _read_answers(path, of, ciphertexts):
    """Return the answers of a file without their numbers, in the ciphertexts' order."""
    if ciphertexts.rows is None or ciphertexts.sealed is None:
        raise ValueError(
            f"{of} does not say which row is which; give the .parquet file"
        )
    table = read_table(path)
    if ROW not in table or table.shape[1] < 2:
        raise ValueError(
            f"{path}: answers are a table with the column {ROW!r} of {of}, and others"
        )
    places = {row: place for place, row in enumerate(table[ROW].tolist())}
    missing = [row for row in ciphertexts.rows if row not in places]
    if missing or len(table) != len(ciphertexts.rows):
        what = f"no answer to rows {listed(missing)}" if missing else "too many rows"
        raise ValueError(f"{path}: {what}; each row of {of} needs one answer")
    return table.drop(columns=ROW).iloc[[places[row] for row in ciphertexts.rows]]


def _write_table(path, ciphertexts, decoded, key, about, out, answers):
    """Write the table with its sealed cells, or with answers behind its columns."""
    source = source_class(about["kind"])
    columns = {
        name: source.rendered(decoded[name], name, about) for name in decoded.columns
    }
    if ciphertexts.sealed is not None:
        trees = open_rows(ciphertexts.sealed, ciphertexts.Z, key)
        order = _order_of(path, trees)
        about |= next(({"form": tree["form"]} for tree in trees if "form" in tree), {})
        names = about.get("form", {}).get("names", about["names"])
        columns = _restored(columns, trees, names, order)
        about["texts"] = {
            place: trees[i]["text"]
            for place, i in enumerate(order)
            if "text" in trees[i]
        }
    if answers is None:
        source.write(columns, about, out)
    else:
        _write_answered(source.as_frame(columns, about), answers.iloc[order], out)


def _write_answered(table, answers, out):
    """Write a table with the answers, which are in its order, behind its columns."""
    common = [name for name in answers if name in table]
    if common:
        raise ValueError(
            f"the table has a column {listed(common)} already; give the answers "
            "another name"
        )
    answers = answers.reset_index(drop=True)
    write_frame(pd.concat([table, answers], axis=1), out)


def _write_images(path, ciphertexts, features, key, about, out, answers):
    """Write image files, or a table of their names, classes and features."""
    if ciphertexts.sealed is None:
        raise ValueError(f"{path}: its format holds nothing but numbers, so no images")
    trees = open_rows(ciphertexts.sealed, ciphertexts.Z, key)
    order = _order_of(path, trees)
    names = [trees[i]["cells"][FILE] for i in order]
    if answers is not None:
        _write_answered(pd.DataFrame({FILE: names}), answers.iloc[order], out)
        return
    if out.suffix.lower() not in TABLES:
        write_image_folder([trees[i] for i in order], out)
        return
    table = pd.DataFrame(features[order], columns=about["names"][2:])
    if ciphertexts.labels is not None:
        labels = ciphertexts.labels.to_pylist()
        table.insert(0, CLASS, [labels[i] for i in order])
    table.insert(0, FILE, names)
    write_frame(table, out)


def _restored(columns, trees, names, order):
    """Return columns with the sealed cells, in the order of the table."""
    given = {name for tree in trees for name in tree["cells"]} | set(columns)
    restored = {}
    for name in names:
        if name not in given:
            continue
        column = columns.get(name)
        restored[name] = [
            trees[i]["cells"][name] if name in trees[i]["cells"] else column[i]
            for i in order
        ]
    return restored


def _order_of(path, trees):
    """Return the places of rows in the order of the table; refuse changed ones."""
    changed = [i for i, tree in enumerate(trees) if tree is None]
    if changed:
        raise InvalidCiphertextError(
            f"{path}: the sealed cells of rows {listed(changed)} were changed, or "
            "belong to other rows",
            changed,
        )
    places = [tree["row"] for tree in trees]
    first = {place: i for i, place in reversed(list(enumerate(places)))}
    repeated = [i for i, place in enumerate(places) if first[place] != i]
    if repeated:
        raise InvalidCiphertextError(
            f"{path}: rows {listed(repeated)} repeat others; ciphertexts of different "
            "files were mixed, or one was replayed",
            repeated,
        )
    return sorted(range(len(trees)), key=places.__getitem__)
