"""Restore a key from its shares and save it in a new file, under a passphrase."""

from sklearn_homeo.cli.parsing import ask_new_passphrase, existing_file, new_file


def add_options(parser):
    add = parser.add_argument
    add("shares", nargs="+", metavar="SHARE", help="files of shares")
    add("--out", required=True, metavar="KEYFILE", help="new file for the key")


def run(options):
    from sklearn_homeo.keys._key import SecretKey
    from sklearn_homeo.keys._shares import KeyShare

    path = new_file(options.out)
    shares = [KeyShare.load(existing_file(share)) for share in options.shares]
    key = SecretKey.combine(shares)
    key.save(path, ask_new_passphrase().value)
    print(f"Key {key.fingerprint} came back and was saved in {path}.")
