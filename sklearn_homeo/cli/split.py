"""Split a key into shares for several holders. Any K of them restore the key; fewer
tell nothing about it. Each share is a file of its own: give each to another person.
"""

from sklearn_homeo.cli.parsing import (
    existing_file,
    load_key,
    new_file,
    output_folder,
    positive_int,
)


def add_options(parser):
    add = parser.add_argument
    add("file", metavar="KEYFILE", help="the key")
    add(
        "--shares",
        type=positive_int,
        required=True,
        metavar="N",
        help="how many to make",
    )
    add(
        "--threshold",
        type=positive_int,
        required=True,
        metavar="K",
        help="how many restore the key",
    )
    add("--out", default=".", metavar="DIR", help="where to write (default: here)")


def run(options):
    path = existing_file(options.file)
    if not 2 <= options.threshold <= options.shares:
        raise ValueError(
            f"--threshold must be from 2 to --shares ({options.shares}), got "
            f"{options.threshold}"
        )
    folder = output_folder(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(1, options.shares + 1)
    paths = [new_file(folder / f"{path.stem}.{i}.share") for i in numbers]
    key = load_key(path)
    shares = key.split(options.shares, threshold=options.threshold)
    for share, place in zip(shares, paths, strict=True):
        share.save(place)
    print(
        f"Key {key.fingerprint}: any {options.threshold} of these {options.shares} "
        "shares bring it back:"
    )
    print("\n".join(map(str, paths)))
