"""Decrypt a ciphertext file. The table that was encrypted comes back, with the same
rows, order, names, types and cells; of a CSV file the same text. Images come back as a
folder of the same files, or as a table of their names and features. With --answers,
what a service answered to encrypted queries comes next to the queries.
"""

from sklearn_homeo.cli.parsing import (
    existing_file,
    load_key,
    new_file,
    private_files,
    showing,
)


def add_options(parser):
    add = parser.add_argument
    add("file", metavar="FILE", help="ciphertext.parquet (or .csv, .npy)")
    add(
        "--with",
        dest="sealed",
        required=True,
        metavar="SEALED",
        help="the encryptor.sealed that was written with it",
    )
    add("--key", required=True, metavar="KEYFILE", help="the saved key")
    add(
        "--answers",
        metavar="TABLE",
        help="what the service sent: the column 'row' of FILE, and others",
    )
    add(
        "--out",
        required=True,
        metavar="PATH",
        help="to write: .csv, .parquet, .xlsx, or a folder",
    )
    add("--quiet", action="store_true", help="no progress bar")


@private_files()
def run(options):
    path, sealed = existing_file(options.file), existing_file(options.sealed)
    answers = None if options.answers is None else existing_file(options.answers)
    out = new_file(options.out)
    key = load_key(options.key)
    from sklearn_homeo.files._decrypting import DECRYPTING_STEPS, decrypt_table_file

    with showing(DECRYPTING_STEPS, options) as on_step:
        n_rows = decrypt_table_file(
            path, key, sealed, out, answers=answers, on_step=on_step
        )
    print(f"{n_rows} rows in {out}.")
