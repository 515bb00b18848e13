"""Encrypt a table (CSV, Parquet, Excel) for a service. Writes ciphertext.parquet for
the service: encrypted rows in random order, the target readable, what cannot be a
number sealed. For you it writes encryptor.sealed, which together with the key decrypts
and encrypts queries, and report.html, one page on what this gives away. With --with,
encrypts queries for models that were trained on an encrypted table.
"""

from sklearn_homeo.cli.parsing import (
    check_data,
    existing_file,
    load_key,
    output_folder,
)


def add_options(parser):
    add = parser.add_argument
    add("file", metavar="FILE", help="table: CSV, Parquet or Excel")
    add("--target", metavar="COLUMN", help="column to predict; stays readable")
    add("--key", required=True, metavar="KEYFILE", help="a saved key")
    add("--out", required=True, metavar="DIR", help="to write to")
    add(
        "--with",
        dest="sealed",
        metavar="SEALED",
        help="encryptor.sealed of an encrypted table: FILE holds queries",
    )
    add(
        "--format",
        choices=("parquet", "csv", "npy"),
        default="parquet",
        help="of the ciphertext file (default parquet; npy holds numbers alone)",
    )
    add(
        "--leakage",
        choices=("auto", "cells", "scores", "space"),
        default="auto",
        help="what the service may see (default auto)",
    )
    add("--synthetic", action="store_true", help="write synthetic ciphertexts as well")


def run(options):
    folder = output_folder(options.out)
    if options.sealed is None:
        path = check_data(options.file, options.target)
        key = load_key(options.key)
        _encrypt_table(path, key, folder, options)
        return
    path, sealed = existing_file(options.file), existing_file(options.sealed)
    if options.synthetic:
        raise ValueError("--synthetic is for tables: queries have no synthetic rows")
    key = load_key(options.key)
    from sklearn_homeo.files._encrypting import encrypt_query_file

    found = encrypt_query_file(
        path, key, folder, sealed=sealed, suffix=f".{options.format}"
    )
    _say_exceptions(found, "queries")
    print(f"For the service: {found.paths['ciphertexts']}, {len(found.Z)} queries.")


def _encrypt_table(path, key, folder, options):
    from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
    from sklearn_homeo.files._encrypting import encrypt_table_file

    if path.is_dir():
        raise ValueError(f"{path} is a folder; encrypt takes one table")
    encryptor = HomeomorphicEncryptor(
        leakage=options.leakage, randomized=options.leakage != "space"
    )
    found = encrypt_table_file(
        path,
        key,
        folder,
        target=options.target,
        encryptor=encryptor,
        suffix=f".{options.format}",
        synthetic=options.synthetic,
    )
    _say_exceptions(found, "table")
    print(f"For the service: {found.paths['ciphertexts']}, {len(found.Z)} rows.")
    if options.synthetic:
        print(f"Or instead of it: {found.paths['synthetic']}, made-up rows only.")
    print(f"To keep: {found.paths['encryptor']}; with the key, it decrypts.")
    print(f"To read: {found.paths['report']}, what the ciphertexts give away.")


def _say_exceptions(found, what):
    sealed = found.pipeline[0].sealed_columns_
    if sealed:
        print(f"Sealed columns, which no model sees: {', '.join(map(str, sealed))}.")
    for name, rows in found.exceptions.items():
        print(
            f"Column {name!r}: {len(rows)} cell(s) of the {what} are unlike the others "
            "and sealed; models see the nearest value."
        )
