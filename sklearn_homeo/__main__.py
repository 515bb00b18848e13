"""Command line of the main job: ``python -m sklearn_homeo --help``."""

import argparse
import getpass
import os
import sys
import warnings
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

import sklearn_homeo

__all__ = ["main"]

PASSPHRASE_VARIABLE = "SKLEARN_HOMEO_PASSPHRASE"
DEFAULT_TABLES = ("digits", "breast cancer")
AUDITED_KEYS = 2

_DESCRIPTION = """\
Encrypt a table, train five models on the encrypted rows alone, query them with
encrypted test rows, decrypt everything, and attack the ciphertexts with most rows
known. Train on a hybrid, synthetic ciphertexts, as well. Prints a table and a quick
audit of the cipher and writes them (CSV, Markdown) with two figures. A folder of
images (one sub-folder a class) becomes such a table by a pretrained network, and an
autoencoder's encrypted images are one figure more. Without --data: scikit-learn's
digits and breast cancer, and images of digits. The published tanh cipher runs beside
the chosen one for comparison.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(argv=None):
    """Run the main job.

    Parameters
    ----------
    argv : list of str or None, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    status : int
        0, or 2 after an error of the user's input, told in one line on stderr.

    Raises
    ------
    SystemExit
        After ``--help`` (status 0) or a wrong option (status 2).
    """
    parser = _make_parser()
    options = parser.parse_args(argv)
    try:
        _run(options)
    except (ImportError, OSError, ValueError) as error:
        print(f"{parser.prog}: error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


def _make_parser():
    parser = _Parser(prog="python -m sklearn_homeo", description=_DESCRIPTION)
    add = parser.add_argument
    add(
        "--data",
        metavar="FILE.csv|DIR",
        help="table of numbers with a header line, or folder with a sub-folder a class",
    )
    add("--target", metavar="COLUMN", help="column to predict, with FILE.csv")
    add("--depth", type=_positive_int, default=3, help="locks (default 3)")
    add("--cipher", choices=("coupling", "smooth", "tanh"), default="coupling")
    add(
        "--n-preserved",
        type=_n_preserved,
        default="auto",
        metavar="auto|N|all",
        help="directions that stay learnable (default auto)",
    )
    add("--test-size", type=_share, default=0.25, help="share (default 0.25)")
    add("--leak", type=_share, default=0.9, help="share of rows known (default 0.9)")
    add("--out", default="demo_output", metavar="DIR", help="default demo_output")
    add("--random-state", type=_seed, default=0, help="of splits and models, not keys")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--key", metavar="KEYFILE", help="use a saved key")
    keys.add_argument("--new-key", metavar="KEYFILE", help="draw a key and save it")
    add("--quiet", action="store_true", help="no progress bar")
    add("--version", action="version", version=sklearn_homeo.__version__)
    parser.epilog = (
        f"Key files are opened with the passphrase in {PASSPHRASE_VARIABLE}, "
        "or you are asked for it."
    )
    return parser


def _run(options):
    # Imported late, so that --help and wrong options answer at once.
    from sklearn_homeo._utils.plotting import make_figure
    from sklearn_homeo.demo import figures, records, report

    sources = _load_sources(options)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    # An import that fails must not cost the user the whole job first.
    make_figure(1, 1)
    key, remark = _find_key(options)
    print(remark)
    results = _measure(sources, key, options)
    for result in results:
        print(f"\n{report.format_text(result)}\n\n{result.audit}")
    print("\n" + "\n".join(report.LEGEND))
    records.write_csv(results, folder / "results.csv")
    markdown = report.format_markdown(results)
    (folder / "results.md").write_text(markdown, encoding="utf-8")
    figures.draw_plane(folder / "figure2.png", depth=options.depth, key=key)
    figures.draw_summary(results, folder / "summary.png")
    records.write_audits(results, folder / "audit.csv")
    names = ["results.csv", "results.md", "audit.csv", "figure2.png", "summary.png"]
    for result in results:
        if "pictures" in result:
            names.append("encrypted_images.png")
            figures.draw_pictures(result.pictures.images, folder / names[-1])
    print(f"\nFiles in {folder}{os.sep}: {', '.join(names)}")


def _measure(sources, key, options):
    from sklearn_homeo.demo.evaluation import count_steps

    ciphers = list(dict.fromkeys([options.cipher, "tanh"]))
    # One step more is the audit.
    total = len(sources) * (count_steps(len(ciphers)) + 1)
    with (
        # Small matrices: BLAS threads only wait for each other, minutes on busy cores.
        threadpool_limits(1, user_api="blas"),
        tqdm(total=total, disable=options.quiet, file=sys.stderr) as progress,
    ):
        return [
            _measure_source(source, ciphers, key, options, progress)
            for source in sources
        ]


def _measure_source(source, ciphers, key, options, progress):
    from sklearn_homeo.demo.evaluation import measure_table
    from sklearn_homeo.demo.hybrid import measure_table_hybrid

    progress.set_description(source.name)
    study = _train_encoders(source, options) if "images" in source else None
    table = source if study is None else study.table
    encryptors = [_make_encryptor(cipher, table, key, options) for cipher in ciphers]
    result = measure_table(
        table,
        *encryptors,
        test_size=options.test_size,
        leak=options.leak,
        n_jobs=-1,
        random_state=options.random_state,
        on_step=progress.update,
    )
    if table.task == "classification":
        result.hybrid = measure_table_hybrid(
            table,
            encryptors[0],
            test_size=options.test_size,
            random_state=options.random_state,
            on_step=progress.update,
        )
    result.audit = _audit(table, encryptors[0], options)
    progress.update()
    if study is not None:
        from sklearn_homeo.demo.images import measure_pictures

        result.pictures = measure_pictures(
            study, encryptors[0], random_state=options.random_state
        )
    return result


def _audit(table, encryptor, options):
    from sklearn_homeo.audit import privacy_audit
    from sklearn_homeo.exceptions import BrokenCipherWarning, NoProtectionWarning

    with warnings.catch_warnings():
        # The table's notes say the same.
        warnings.simplefilter("ignore", BrokenCipherWarning)
        warnings.simplefilter("ignore", NoProtectionWarning)
        return privacy_audit(
            encryptor,
            table.X,
            table.y,
            leak=options.leak,
            n_keys=AUDITED_KEYS,
            attacks="quick",
            random_state=options.random_state,
            n_jobs=-1,
        )


def _train_encoders(source, options):
    from sklearn_homeo.demo.images import train_encoders

    return train_encoders(
        source,
        test_size=options.test_size,
        random_state=options.random_state,
        verbose=not options.quiet,
    )


def _make_encryptor(cipher, table, key, options):
    from sklearn_homeo.demo.evaluation import make_encryptor

    return make_encryptor(
        cipher,
        table.task,
        depth=options.depth,
        n_preserved=options.n_preserved,
        key=key,
    )


def _load_sources(options):
    """Tables and folders of images to run on."""
    from sklearn_homeo.demo.images import load_bundled_images, load_folder
    from sklearn_homeo.demo.tables import load_bundled, read_csv, read_header

    if options.data is None:
        if options.target is not None:
            raise ValueError("--target needs --data")
        return [*map(load_bundled, DEFAULT_TABLES), load_bundled_images()]
    if os.path.isdir(options.data):
        if options.target is not None:
            raise ValueError("--target is for tables: folders name the classes")
        return [load_folder(options.data)]
    if options.target is None:
        raise ValueError(
            f"--data needs --target; columns of {options.data}: "
            f"{read_header(options.data)}"
        )
    return [read_csv(options.data, options.target)]


def _find_key(options):
    """The key to use and a line that says where it comes from and stays."""
    from sklearn_homeo import SecretKey

    if options.key is not None:
        key = SecretKey.load(options.key, _passphrase("Passphrase: "))
        return key, f"Key {key.fingerprint} from {options.key}."
    key = SecretKey.generate()
    if options.new_key is not None:
        key.save(options.new_key, _new_passphrase())
        return key, f"Key {key.fingerprint} was drawn and saved in {options.new_key}."
    return key, (
        f"Key {key.fingerprint} was drawn for this run and is not saved "
        "(--new-key FILE saves one)."
    )


def _passphrase(prompt):
    found = os.environ.get(PASSPHRASE_VARIABLE)
    if found is not None:
        return found
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise ValueError(
            f"no passphrase: set {PASSPHRASE_VARIABLE}, or run in a terminal"
        ) from None


def _new_passphrase():
    # A mistyped passphrase would lose the key for ever.
    passphrase = _passphrase("New passphrase: ")
    if passphrase != _passphrase("The same again: "):
        raise ValueError("the passphrases differ; no key was saved")
    return passphrase


def _positive_int(text):
    number = _int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return number


def _seed(text):
    number = _int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2**32 - 1")
    return number


def _n_preserved(text):
    if text in ("auto", "all"):
        return {"auto": "auto", "all": None}[text]
    return _positive_int(text)


def _share(text):
    try:
        share = float(text)
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _int(text):
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _one_line(error):
    return " ".join(str(error).split()) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
