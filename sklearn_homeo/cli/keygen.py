"""Draw a secret key from the operating system's random source and save it in a new
file, under a passphrase. Without file and passphrase nobody can decrypt: keep both, in
different places.
"""

from sklearn_homeo.cli.parsing import ask_new_passphrase, new_file


def add_options(parser):
    parser.add_argument("file", metavar="FILE", help="new file for the key")


def run(options):
    from sklearn_homeo.keys._key import SecretKey

    path = new_file(options.file)
    passphrase = ask_new_passphrase()
    key = SecretKey.generate()
    key.save(path, passphrase.value)
    print(f"Key {key.fingerprint} was drawn and saved in {path}.")
