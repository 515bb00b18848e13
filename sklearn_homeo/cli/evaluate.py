"""Measure on your data what encryption keeps and what an attacker gets. This encrypts a
table, trains five models on the encrypted rows alone, queries them with encrypted test
rows, decrypts everything, and attacks the ciphertexts as somebody who knows most rows.
It also trains on a hybrid, which is synthetic ciphertexts, and runs the published tanh
cipher for comparison. It prints a table and a quick audit and writes them (CSV,
Markdown) with figures. A pretrained network turns a folder of images (one sub-folder
for each class) into such a table, and an autoencoder adds a figure of encrypted images.
"""

import os
import warnings

from sklearn_homeo.cli.parsing import (
    add_common,
    add_leak,
    check_data,
    depth,
    open_settings,
    positive_int,
    private_files,
    share,
    shows_progress,
)

LEAKAGES = ("auto", "cells", "scores", "space")
AUDITED_KEYS = 2


def add_options(parser):
    add_data(parser)
    add_settings(parser, out="evaluation")


def add_data(parser):
    """Add the options that name the user's data."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="FILE|DIR",
        help="table (CSV, Parquet, Excel), or folder with a sub-folder for each class",
    )
    parser.add_argument("--target", metavar="COLUMN", help="column to predict")


def add_encryption(parser):
    """Add the encryptor's options."""
    add = parser.add_argument
    add(
        "--depth",
        type=depth,
        default=3,
        metavar="N",
        help="number of locks (default 3)",
    )
    add(
        "--leakage",
        choices=LEAKAGES,
        default="auto",
        help="what the service may see (default auto)",
    )
    add(
        "--n-cells",
        type=_auto_or_int,
        default="auto",
        metavar="auto|N",
        help="cells of label space, at --leakage cells (default auto)",
    )
    add(
        "--n-preserved",
        type=_auto_or_int,
        default="auto",
        metavar="auto|N",
        help="label coordinates, at --leakage scores (default auto)",
    )


def add_settings(parser, out):
    """Add the options that demo has as well."""
    add = parser.add_argument
    add_encryption(parser)
    add(
        "--test-size",
        type=share,
        default=0.25,
        metavar="SHARE",
        help="share of the rows to test models on (default 0.25)",
    )
    add_leak(parser)
    add_common(parser, out)


@private_files()
def run(options):
    path = check_data(options.data, options.target)
    folder, key = open_settings(options)
    from sklearn_homeo.demo.images import load_folder
    from sklearn_homeo.demo.tables import read_file

    if options.target is None:
        source = load_folder(path)
    else:
        source = read_file(path, options.target)
    evaluate([source], key, folder, options)


def make_encryptor(task, key, options):
    """The encryptor that ``add_encryption``'s options mean, unfitted."""
    from sklearn_homeo.demo import evaluation

    return evaluation.make_encryptor(
        options.leakage,
        task,
        depth=options.depth,
        n_cells=options.n_cells,
        n_preserved=options.n_preserved,
        key=key,
    )


def evaluate(sources, key, folder, options):
    """Measure tables and folders of images; print and write what was found."""
    from sklearn_homeo._utils.plotting import make_figure
    from sklearn_homeo.demo import figures, records, report

    # An import that fails must not cost the user the whole evaluation first.
    make_figure(1, 1)
    folder.mkdir(parents=True, exist_ok=True)
    results = _measure(sources, key, options)
    for result in results:
        print(f"\n{report.format_text(result)}\n\n{result.audit}")
    print("\n" + report.format_legend())
    records.write_csv(results, folder / "results.csv")
    markdown = report.format_markdown(results)
    (folder / "results.md").write_text(markdown, encoding="utf-8")
    records.write_audits(results, folder / "audit.csv")
    figures.draw_summary(results, folder / "summary.png")
    figures.draw_planes(results, folder / "figure2.png")
    names = ["results.csv", "results.md", "audit.csv", "summary.png", "figure2.png"]
    for result in results:
        if "pictures" in result:
            names.append("encrypted_images.png")
            figures.draw_pictures(result.pictures.images, folder / names[-1])
    print(f"\nFiles in {folder}{os.sep}: {', '.join(names)}")


def _measure(sources, key, options):
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    from sklearn_homeo.demo.evaluation import count_steps

    # One step more is the audit.
    total = len(sources) * (count_steps(n_ciphers=2) + 1)
    with (
        # Small matrices: BLAS threads only wait for each other, minutes on busy cores.
        threadpool_limits(1, user_api="blas"),
        tqdm(total=total, disable=not shows_progress(options)) as progress,
    ):
        return [_measure_source(one, key, options, progress) for one in sources]


def _measure_source(source, key, options, progress):
    from sklearn_homeo.demo.evaluation import make_baseline, measure_table
    from sklearn_homeo.demo.hybrid import measure_table_hybrid
    from sklearn_homeo.demo.images import measure_pictures, train_encoders

    progress.set_description(source.name)
    split = {"test_size": options.test_size, "random_state": options.random_state}
    study = None
    if "images" in source:
        study = train_encoders(source, **split, verbose=shows_progress(options))
    table = source if study is None else study.table
    encryptor = make_encryptor(table.task, key, options)
    result = measure_table(
        table,
        encryptor,
        make_baseline(depth=options.depth, key=key),
        **split,
        leak=options.leak,
        n_jobs=-1,
        on_step=progress.update,
    )
    if table.task == "classification":
        result.hybrid = measure_table_hybrid(
            result, random_state=options.random_state, on_step=progress.update
        )
    result.audit = _audit(table, encryptor, options)
    progress.update()
    if study is not None:
        result.pictures = measure_pictures(
            study, encryptor, random_state=options.random_state
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


def _auto_or_int(text):
    return text if text == "auto" else positive_int(text)
