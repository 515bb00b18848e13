"""Do on bundled data what evaluate does on yours: encrypt, learn, query, decrypt and
attack. The data are scikit-learn's digits and breast cancer, and images of digits.
"""

from sklearn_homeo.cli.evaluate import add_settings, evaluate
from sklearn_homeo.cli.parsing import (
    open_settings,
    private_files,
)

TABLES = ("digits", "breast cancer")


def add_options(parser):
    add_settings(parser, out="demo_output")


@private_files()
def run(options):
    folder, key = open_settings(options)
    from sklearn_homeo.demo.images import load_bundled_images
    from sklearn_homeo.demo.tables import load_bundled

    sources = [*map(load_bundled, TABLES), load_bundled_images()]
    evaluate(sources, key, folder, options)
