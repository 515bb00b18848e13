"""Encrypt a table (CSV, Parquet, Excel) or a folder of images for a service. For the
service this writes ciphertext.parquet: encrypted rows in random order, with the target
readable and with cells that cannot be numbers sealed. For you it writes
encryptor.sealed, which with the key decrypts and encrypts queries, and report.html, one
page on what all of this gives away. With --with it encrypts queries for models that
were trained on such a file.
"""

import warnings

from sklearn_homeo.cli.parsing import (
    check_data,
    check_path,
    existing_file,
    load_key,
    output_folder,
    showing,
    shows_progress,
)


def add_options(parser):
    add = parser.add_argument
    add(
        "data",
        metavar="FILE|DIR",
        help="table (CSV, Parquet, Excel), or folder with a sub-folder for each class",
    )
    add("--target", metavar="COLUMN", help="column to predict; stays readable")
    add("--key", required=True, metavar="KEYFILE", help="a saved key")
    add("--out", required=True, metavar="DIR", help="to write to")
    add(
        "--with",
        dest="sealed",
        metavar="SEALED",
        help="encryptor.sealed of a table or folder: the data are queries",
    )
    add(
        "--format",
        choices=("parquet", "csv", "npy"),
        default="parquet",
        help="of the ciphertext file (default parquet; npy holds only numbers)",
    )
    add(
        "--leakage",
        choices=("auto", "cells", "scores", "space"),
        default="auto",
        help="what the service may see (default auto)",
    )
    add(
        "--seal",
        action="append",
        metavar="COLUMN",
        help="column that no model may see, sealed next to the rows; may be repeated "
        "(default: identifiers and free text that are found)",
    )
    add(
        "--names-only",
        action="store_true",
        help="of images, seal the names of the files, not the files",
    )
    add("--synthetic", action="store_true", help="write synthetic ciphertexts as well")
    add("--quiet", action="store_true", help="no progress bar")


def run(options):
    folder = output_folder(options.out)
    _check_unused(folder, options)
    if options.sealed is not None:
        _encrypt_queries(folder, options)
        return
    path = check_data(options.data, options.target, options.seal or ())
    key = load_key(options.key)
    encrypt = _encrypt_images if path.is_dir() else _encrypt_table
    found = encrypt(path, key, folder, options)
    print(f"For the service: {found.paths['ciphertexts']}, {len(found.Z)} rows.")
    if options.synthetic:
        print(f"Or instead of it: {found.paths['synthetic']}, made-up rows only.")
    print(f"To keep: {found.paths['encryptor']}; with the key, it decrypts.")
    print(f"To read: {found.paths['report']}, what the ciphertexts give away.")


def _check_unused(folder, options):
    """Check at once what is checked again before anything is written."""
    names = [f"ciphertext.{options.format}"]
    if options.sealed is None:
        names += ["encryptor.sealed", "report.html"]
    for path in (folder / name for name in names):
        if path.exists():
            raise FileExistsError(f"{path} exists; nothing was overwritten")


def _encrypt_queries(folder, options):
    for name, chosen in (
        ("--synthetic", options.synthetic),
        ("--seal", options.seal),
        ("--target", options.target),
    ):
        if chosen:
            raise ValueError(f"{name} is for tables: queries are as the table was")
    path = check_path(options.data)
    sealed, key = existing_file(options.sealed), load_key(options.key)
    common = {"sealed": sealed, "suffix": f".{options.format}"}
    if path.is_dir():
        from sklearn_homeo.files._folders import encrypt_query_folder

        found = encrypt_query_folder(
            path, key, folder, **common, **_about_images(options)
        )
    else:
        from sklearn_homeo.files._encrypting import encrypt_query_file

        found = encrypt_query_file(path, key, folder, **common)
        _say_exceptions(found, "queries")
    print(f"For the service: {found.paths['ciphertexts']}, {len(found.Z)} queries.")


def _encrypt_table(path, key, folder, options):
    from sklearn_homeo.exceptions import SealedColumnsWarning
    from sklearn_homeo.files._encrypting import ENCRYPTING_STEPS, encrypt_table_file
    from sklearn_homeo.tables._encoder import TableEncoder

    sealed = "auto" if options.seal is None else options.seal
    with (
        warnings.catch_warnings(),
        showing(ENCRYPTING_STEPS, options) as on_step,
    ):
        # What is printed below says the same.
        warnings.simplefilter("ignore", SealedColumnsWarning)
        found = encrypt_table_file(
            path,
            key,
            folder,
            target=options.target,
            encoder=TableEncoder(sealed_columns=sealed),
            on_step=on_step,
            **_how(options),
        )
    _say_exceptions(found, "table")
    return found


def _encrypt_images(path, key, folder, options):
    from sklearn_homeo.files._folders import encrypt_image_folder

    if options.seal:
        raise ValueError("--seal is for tables: of images, all files are sealed")
    return encrypt_image_folder(
        path, key, folder, **_how(options), **_about_images(options)
    )


def _how(options):
    from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor

    randomized = options.leakage != "space"
    return {
        "encryptor": HomeomorphicEncryptor(
            leakage=options.leakage, randomized=randomized
        ),
        "suffix": f".{options.format}",
        "synthetic": options.synthetic,
    }


def _about_images(options):
    return {
        "with_files": not options.names_only,
        "verbose": int(shows_progress(options)),
    }


def _say_exceptions(found, what):
    sealed = found.pipeline[0].sealed_columns_
    if sealed:
        names = ", ".join(map(str, sealed))
        print(f"Sealed columns, which no model sees: {names}. (--seal names them.)")
    for name, rows in found.exceptions.items():
        print(
            f"Column {name!r}: {len(rows)} cell(s) of the {what} are unlike the others "
            "and sealed; models see the nearest value."
        )
