"""Attack your encrypted data in every way that the package knows. The report is a page
(HTML) and a table (CSV). It compares what attacks find with what they find on
unprotected and on random rows.
"""

import os

from sklearn_homeo.cli.evaluate import add_data, add_encryption, make_encryptor
from sklearn_homeo.cli.parsing import (
    add_common,
    add_leak,
    check_data,
    open_settings,
    positive_int,
    private_files,
    shows_progress,
)


def add_options(parser):
    add = parser.add_argument
    add_data(parser)
    add_encryption(parser)
    add_leak(parser)
    add("--attacks", choices=("quick", "full"), default="quick", help="default quick")
    add("--n-keys", type=positive_int, default=3, help="keys to draw (default 3)")
    add_common(parser, out="audit")


@private_files()
def run(options):
    path = check_data(options.data, options.target)
    folder, key = open_settings(options)
    from threadpoolctl import threadpool_limits

    from sklearn_homeo.audit import privacy_audit
    from sklearn_homeo.demo.records import write_rows

    table = _load(path, options)
    with threadpool_limits(1, user_api="blas"):
        report = privacy_audit(
            make_encryptor(table.task, key, options),
            table.X,
            table.y,
            leak=options.leak,
            n_keys=options.n_keys,
            attacks="all" if options.attacks == "full" else "quick",
            random_state=options.random_state,
            verbose=shows_progress(options),
            n_jobs=-1,
        )
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\n{report}")
    write_rows(report.rows, folder / "audit.csv")
    report.save_html(folder / "report.html")
    print(f"\nFiles in {folder}{os.sep}: report.html, audit.csv")


def _load(path, options):
    if options.target is not None:
        from sklearn_homeo.demo.tables import read_file

        return read_file(path, options.target)
    from sklearn_homeo.demo.images import extract_features, load_folder

    return extract_features(load_folder(path), verbose=shows_progress(options))
