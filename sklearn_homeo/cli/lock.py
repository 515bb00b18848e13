"""Set a holder's lock on a ciphertext file (Parquet), on top of those that are set. The
holder needs nothing but a key of his own. Models see no difference; decrypting needs
all holders, the last one first. The file tells the order.
"""

from sklearn_homeo.cli.parsing import existing_file, load_key, new_file


def add_options(parser):
    add = parser.add_argument
    add("file", metavar="FILE", help="ciphertext.parquet")
    add("--key", required=True, metavar="KEYFILE", help="the holder's saved key")
    add("--out", required=True, metavar="FILE", help="to write: .parquet")


def run(options):
    path, out = existing_file(options.file), new_file(options.out)
    key = load_key(options.key)
    from sklearn_homeo.files._locks import lock_file

    n_rows = lock_file(path, key, out)
    print(f"{n_rows} rows under the lock of the key {key.fingerprint} in {out}.")
