"""Open a holder's lock on a ciphertext file (Parquet). The lock that was set last is
opened first; the first one is opened by decrypting.
"""

from sklearn_homeo.cli.parsing import existing_file, load_key, new_file


def add_options(parser):
    add = parser.add_argument
    add("file", metavar="FILE", help="ciphertext file with the lock")
    add("--key", required=True, metavar="KEYFILE", help="the holder's saved key")
    add("--out", required=True, metavar="FILE", help="to write: .parquet")


def run(options):
    path, out = existing_file(options.file), new_file(options.out)
    key = load_key(options.key)
    from sklearn_homeo.files._locks import unlock_file

    n_rows = unlock_file(path, key, out)
    print(f"{n_rows} rows without the lock of the key {key.fingerprint} in {out}.")
