"""The command line: ``sklearn-homeo VERB``, or ``python -m sklearn_homeo VERB``."""

import sys
import warnings
from importlib import import_module

import sklearn_homeo
from sklearn_homeo._utils.messages import one_line
from sklearn_homeo.cli.parsing import PASSPHRASE_VARIABLE, Parser

# Each verb has a file of its own in sklearn_homeo/cli/.
VERBS = {
    "demo": "encrypt, learn, query, decrypt and attack, on bundled data",
    "keygen": "draw a key and save it under a passphrase",
    "split": "split a key into shares for several holders",
    "combine": "bring a key back from its shares",
    "encrypt": "encrypt a table, a folder of images, or queries, for a service",
    "decrypt": "bring the encrypted table or images back",
    "lock": "set a holder's lock on a ciphertext file",
    "unlock": "open a holder's lock again, the last one first",
    "evaluate": "measure on your data what is kept and what an attacker gets",
    "audit": "attack your data in every way and write a report",
}


def main(argv: list[str] | None = None) -> int:
    """Run a verb of the command line.

    Parameters
    ----------
    argv : list of str or None, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    status : int
        0, 2 after an error of the user's input, told in one line on stderr, or 130
        after an interrupt.

    Raises
    ------
    SystemExit
        After ``--help`` (status 0) or a wrong option (status 2).
    """
    options = _make_parser().parse_args(argv)

    def say(what, message):
        prog = f"sklearn-homeo {options.verb}"
        print(f"{prog}: {what}: {one_line(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: say("warning", message)
        try:
            options.run(options)
        except (ImportError, OSError, ValueError) as error:
            say("error", error)
            return 2
        except KeyboardInterrupt:
            return 130
    return 0


def _make_parser():
    parser = Parser(
        prog="sklearn-homeo",
        description="Encrypt data for a machine-learning service that is not trusted.",
        epilog=f"Key files are opened with the passphrase in {PASSPHRASE_VARIABLE}, or "
        "you are asked for it. Each verb explains itself: sklearn-homeo VERB --help.",
    )
    parser.add_argument(
        "--version", action="version", version=sklearn_homeo.__version__
    )
    verbs = parser.add_subparsers(
        dest="verb", metavar="VERB", required=True, title="verbs"
    )
    for verb, summary in VERBS.items():
        module = import_module(f"sklearn_homeo.cli.{verb}")
        one = verbs.add_parser(verb, help=summary, description=module.__doc__)
        module.add_options(one)
        one.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
