"""What becomes of a table or a folder of images, and how it is written."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.pipeline import Pipeline

from sklearn_homeo.files._ciphertexts import Ciphertexts, write_ciphertexts
from sklearn_homeo.files._pipelines import write_pipeline
from sklearn_homeo.files._report import report_page
from sklearn_homeo.keys._files import write_private

__all__ = ["EncryptedFile", "new_paths", "random_order", "write_encrypted"]

CIPHERTEXTS, SYNTHETIC = "ciphertext.parquet", "synthetic.parquet"
SEALED, REPORT = "encryptor.sealed", "report.html"


@dataclass
class EncryptedFile:
    """What became of a table.

    Parameters
    ----------
    ciphertexts : Ciphertexts
        As they are in the file.
    pipeline : Pipeline
        Pipeline of the table encoder and the encryptor, fitted.
    paths : dict of str to Path
        What was written: "ciphertexts" and, of a table, "encryptor", "report" and
        perhaps "synthetic".
    exceptions : dict of str to list of int
        By column, the rows whose cells go sealed, since numbers would not bring them
        back as they are in the file.
    about : dict, default={}
        What the sealed file says of the file or folder.
    classes : dict of str to int, default={}
        How many images of each class there are, if it was a folder of these.
    """

    ciphertexts: Ciphertexts
    pipeline: Pipeline
    paths: dict
    exceptions: dict = field(default_factory=dict)
    about: dict = field(default_factory=dict)
    classes: dict = field(default_factory=dict)

    @property
    def Z(self):
        """The ciphertexts; float64 of shape (n_rows, n_columns)."""
        return self.ciphertexts.Z


def new_paths(folder, suffix, synthetic):
    """Return the paths of the files to write, in a folder that is made if need be.

    Raises
    ------
    FileExistsError
        If one of them is there.
    """
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "ciphertexts": (folder / CIPHERTEXTS).with_suffix(suffix),
        "encryptor": folder / SEALED,
        "report": folder / REPORT,
    }
    if synthetic:
        paths["synthetic"] = folder / SYNTHETIC
    for path in paths.values():
        if path.exists():
            raise FileExistsError(f"{path} exists; nothing was overwritten")
    return paths


def random_order(n_rows):
    """Return the places of rows in an order that tells nothing; list of int."""
    order = list(range(n_rows))
    secrets.SystemRandom().shuffle(order)
    return order


def write_encrypted(found, name, X, classes, synthetic):
    """Write the report, the sealed encryptor and, last, the ciphertexts.

    Parameters
    ----------
    found : EncryptedFile
    name : str
        Name of the file or folder.
    X : ndarray of shape (n_samples, n_features), dtype float64
        Its rows as numbers, those with a label.
    classes : ndarray of int of shape (n_samples,) or None
        Classes of these rows, if the target has any.
    synthetic : bool
        Whether to write made-up ciphertexts as well.
    """
    paths = found.paths
    certificate = found.pipeline[-1].certificate(X, classes)
    page = report_page(found, name, certificate)
    write_private(paths["report"], page.encode())
    write_pipeline(found.pipeline, paths["encryptor"], found.about)
    if synthetic:
        write_ciphertexts(_synthesized(found), paths["synthetic"])
    write_ciphertexts(found.ciphertexts, paths["ciphertexts"])


def _synthesized(found):
    """Return made-up ciphertexts, as many of each class as there are real ones."""
    from sklearn_homeo.synthesis._synthesizer import ClassConditionalSynthesizer

    real = found.ciphertexts
    given = np.asarray(real.labels.is_valid())
    labels = np.array(real.labels.to_pylist(), dtype=object)[given]
    Z, y = ClassConditionalSynthesizer().fit_resample(real.Z[given], labels)
    labels = pa.array(y.tolist())
    return Ciphertexts(Z, real.names, real.fingerprint, real.target, labels)
