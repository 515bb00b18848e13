"""What the verbs' options have in common: types, checks of paths, passphrases."""

import argparse
import getpass
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from sklearn_homeo._utils.hidden import Hidden
from sklearn_homeo._utils.messages import listed
from sklearn_homeo._utils.paths import ordinary_file

PASSPHRASE_VARIABLE = "SKLEARN_HOMEO_PASSPHRASE"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


@contextmanager
def private_files():
    """Context and decorator in which new files can be read by their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def positive_int(text):
    number = _int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return number


def depth(text):
    from sklearn_homeo.ciphers.base import MAX_DEPTH

    number = positive_int(text)
    if number > MAX_DEPTH:
        raise argparse.ArgumentTypeError(f"{text} is more than {MAX_DEPTH}")
    return number


def seed(text):
    number = _int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2**32 - 1")
    return number


def share(text):
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def _int(text):
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def existing_file(text):
    """A file that can be opened.

    Raises
    ------
    OSError
        If it cannot: the message names it.
    ValueError
        If it is a pipe or a device.
    """
    path = ordinary_file(text)
    with path.open("rb"):
        return path


def new_file(text):
    """A path at which nothing is, in a folder that exists.

    Raises
    ------
    OSError
        If something is there, or no folder.
    """
    path = Path(text).expanduser()
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists; nothing was overwritten")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder does not exist")
    return path


def output_folder(text):
    """A folder to write to, which need not exist yet.

    Raises
    ------
    OSError
        If a file is there, or it cannot be written to.
    """
    path = Path(text).expanduser()
    nearest = path.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir():
        raise NotADirectoryError(f"{nearest} is not a folder")
    if not os.access(nearest, os.W_OK):
        raise PermissionError(f"{nearest} cannot be written to")
    return path


def check_path(text):
    """A file that can be opened, or a folder.

    Raises
    ------
    OSError
        If it cannot: the message names it.
    """
    path = Path(text).expanduser()
    return path if path.is_dir() else existing_file(path)


def check_data(data, target, others=()):
    """Check a table and the names of its columns, or a folder of images.

    Parameters
    ----------
    data : str
        Path of a table, or of a folder with a sub-folder a class.
    target : str or None
    others : list of str, default=()
        More columns that must be there.

    Returns
    -------
    path : Path

    Raises
    ------
    OSError, ValueError
        If there is no such file, or no such column, or a folder has a target.
    """
    # pandas and scikit-learn take seconds to import: names are read without them.
    from sklearn_homeo.tables._reading import read_names

    path = Path(data).expanduser()
    if path.is_dir():
        if target is not None:
            raise ValueError("--target is for tables: folders name the classes")
        if not any(entry.is_dir() for entry in path.iterdir()):
            raise ValueError(
                f"{path} has no sub-folders: put the images of each class into a "
                "folder of its own, named after the class"
            )
        return path
    names = read_names(existing_file(path))
    if target is None:
        raise ValueError(f"{path} needs --target; columns: {_quoted(names)}")
    for name in (target, *others):
        if name not in names:
            raise ValueError(f"{path}: no column {name!r}; columns: {_quoted(names)}")
    return path


def _quoted(names):
    more = f" ({len(names)} in all)" if len(names) > 10 else ""
    return listed([repr(name) for name in names]) + more


def add_leak(parser):
    """Add the option of how much the attacker knows."""
    parser.add_argument(
        "--leak",
        type=share,
        default=0.9,
        metavar="SHARE",
        help="share of the rows that the attacker knows (default 0.9)",
    )


def add_common(parser, out):
    """Add the options that all verbs share which measure something."""
    add = parser.add_argument
    add("--out", default=out, metavar="DIR", help=f"folder to write to (default {out})")
    add(
        "--random-state",
        type=seed,
        default=0,
        metavar="SEED",
        help="seed of splits and models, not of keys (default 0)",
    )
    add("--key", metavar="KEYFILE", help="a saved key (default: one for this run only)")
    add("--quiet", action="store_true", help="no progress bar")


def open_settings(options):
    """Check what ``add_common`` added.

    Returns
    -------
    folder : Path
        To write to; it need not exist.
    key : SecretKey
        Opened, or drawn for this run; a line says which.
    """
    from sklearn_homeo.keys._key import SecretKey

    folder = output_folder(options.out)
    if options.key is not None:
        key = load_key(options.key)
        print(f"Key {key.fingerprint} from {options.key}.")
        return folder, key
    key = SecretKey.generate()
    print(
        f"Key {key.fingerprint} was drawn for this run and is not saved (sklearn-homeo "
        "keygen FILE saves one, --key FILE uses it)."
    )
    return folder, key


def shows_progress(options):
    """Progress is for people: not for files and pipes."""
    return sys.stderr.isatty() and not options.quiet


@contextmanager
def showing(steps, options):
    """Context with a progress bar; gives what is called with each step as it begins."""
    from tqdm import tqdm

    hidden = not shows_progress(options)
    with tqdm(total=len(steps), disable=hidden, leave=False) as progress:

        def show(step):
            progress.n = steps.index(step)
            progress.set_description(step)

        yield show


def load_key(path):
    """Open a key file with the passphrase of the environment, or one asked for."""
    from sklearn_homeo.keys._key import SecretKey

    path = existing_file(path)
    return SecretKey.load(path, ask_passphrase("Passphrase: ").value)


def ask_passphrase(prompt):
    """The passphrase in the environment, or the answer to a question, hidden."""
    found = os.environ.get(PASSPHRASE_VARIABLE)
    if found is not None:
        return Hidden(found)
    try:
        return Hidden(getpass.getpass(prompt))
    except EOFError:
        raise ValueError(
            f"no passphrase: set {PASSPHRASE_VARIABLE}, or run in a terminal"
        ) from None


def ask_new_passphrase():
    """A new passphrase, asked for twice: a mistyped one would lose the key for ever."""
    passphrase = ask_passphrase("New passphrase: ")
    if passphrase.value != ask_passphrase("The same again: ").value:
        raise ValueError("the passphrases differ; no key was saved")
    return passphrase
