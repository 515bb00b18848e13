"""A folder of images in, ciphertext file and sealed encryptor out, and back.

Features are encrypted, by which a service's models tell images apart. Nobody can make a
picture of them, so the image files travel sealed, each with its row.
"""

import warnings
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from sklearn.pipeline import Pipeline

from sklearn_homeo.datasets import image_files, load_image_folder
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
from sklearn_homeo.exceptions import HeavyTailWarning, ResolutionWarning
from sklearn_homeo.files._ciphertexts import Ciphertexts, write_ciphertexts
from sklearn_homeo.files._encrypted import (
    EncryptedFile,
    new_paths,
    random_order,
    write_encrypted,
)
from sklearn_homeo.files._locks import locks_of
from sklearn_homeo.files._pipelines import open_pipeline
from sklearn_homeo.files._rows import seal_rows
from sklearn_homeo.images._features import ImageFeatureExtractor
from sklearn_homeo.tables._encoder import TableEncoder

__all__ = ["encrypt_image_folder", "encrypt_query_folder", "write_image_folder"]

KIND, CLASS, FILE, CONTENT = "images", "class", "file", "content"
# All sealed rows are as long as the longest: a size must not tell whose image it is.
_MAX_SEALED_BYTES = 2**31


def encrypt_image_folder(
    path,
    key,
    folder,
    *,
    encryptor=None,
    suffix=".parquet",
    synthetic=False,
    with_files=True,
    verbose=0,
):
    """Encrypt a folder of images, with a sub-folder for each class.

    Parameters
    ----------
    path : str or Path
        The folder, as `load_image_folder` takes it.
    key : SecretKey
    folder, encryptor, suffix, synthetic
        As in `encrypt_table_file`. The classes stay readable.
    with_files : bool, default=True
        Whether the image files go along, sealed. False seals their names alone.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    encrypted : EncryptedFile

    Raises
    ------
    FileExistsError
        If one of the files to write is there.
    ImportError, OSError
        If images or the network that makes features cannot be read.
    ValueError
        If the folder has no classes, or if the sealed files would be too large.
    """
    data = load_image_folder(path)
    paths = new_paths(folder, suffix, synthetic)
    y = np.array(data.target_names, dtype=object)[data.target]
    cells = _cells(path, data.filenames, with_files)
    extractor = ImageFeatureExtractor(verbose=verbose)
    X = extractor.fit_transform(data.filenames)
    # Numbers that no one needs to the last digit.
    encoder = TableEncoder(exact=False, sealed_columns=[])
    if encryptor is None:
        encryptor = HomeomorphicEncryptor(randomized=True)
    encryptor.set_params(key=key)
    with warnings.catch_warnings():
        # They are about numbers that must come back to the last digit.
        warnings.simplefilter("ignore", HeavyTailWarning)
        warnings.simplefilter("ignore", ResolutionWarning)
        encryptor.fit(encoder.fit_transform(X), y)
    pipeline = Pipeline([("tableencoder", encoder), ("encryptor", encryptor)])
    about = {
        "kind": KIND,
        "target": CLASS,
        "names": [FILE, CLASS, *map(str, extractor.get_feature_names_out())],
    }
    found = _encrypt(X, cells, y, pipeline, about)
    found.paths = paths
    write_encrypted(found, Path(path).resolve().name, X, data.target, synthetic)
    return found


def encrypt_query_folder(
    path, key, folder, *, sealed, suffix=".parquet", with_files=True, verbose=0
):
    """Encrypt images for models that were trained on an encrypted folder.

    Parameters
    ----------
    path : str or Path
        A folder of images, at any depth; sub-folders' names mean nothing.
    key, folder, sealed, suffix
        As in `encrypt_query_file`.
    with_files, verbose
        As in `encrypt_image_folder`.

    Returns
    -------
    encrypted : EncryptedFile

    Raises
    ------
    FileExistsError, ImportError, OSError, ValueError
        As in `encrypt_image_folder`.
    SealedFileError
        If the sealed file does not open.
    """
    pipeline, about = open_pipeline(sealed, key)
    if about is None or about["kind"] != KIND:
        raise ValueError(f"{path}: the encryptor was not fitted on a folder of images")
    files = image_files(path)
    paths = {"ciphertexts": new_paths(folder, suffix, False)["ciphertexts"]}
    cells = _cells(path, files, with_files)
    X = ImageFeatureExtractor(verbose=verbose).fit_transform(files)
    found = _encrypt(X, cells, None, pipeline, about)
    write_ciphertexts(found.ciphertexts, paths["ciphertexts"])
    found.paths = paths
    return found


def write_image_folder(trees, out):
    """Write the image files of opened rows to a new folder.

    Parameters
    ----------
    trees : list of dict
        Trees of the rows, as `open_rows` returns them.
    out : Path
        Where nothing is.

    Raises
    ------
    ValueError
        If the rows hold names alone.
    """
    cells = [tree["cells"] for tree in trees]
    if not all(CONTENT in cell for cell in cells):
        raise ValueError(
            "the images were not sealed with the rows, so they cannot come back; give "
            "a table (.csv or .parquet) to write names, classes and features"
        )
    for cell in cells:
        place = PurePosixPath(cell[FILE])
        if place.is_absolute() or ".." in place.parts:
            raise ValueError("a row names a file outside the folder")
        target = out / place
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(cell[CONTENT])


def _cells(root, files, with_files):
    """Return what is sealed of each image."""
    names = [Path(file).relative_to(root).as_posix() for file in files]
    if not with_files:
        return [{FILE: name} for name in names]
    longest = max(Path(file).stat().st_size for file in files)
    # Base64 and the padding of `seal_rows`.
    total = len(files) * (1 << int(longest * 4 / 3).bit_length())
    if total > _MAX_SEALED_BYTES:
        raise ValueError(
            f"{root}: {len(files)} images, sealed to the length of the largest, would "
            f"take {total / 2**30:.1f} GiB, and 2 is the limit; --names-only seals "
            "their names alone"
        )
    contents = [Path(file).read_bytes() for file in files]
    return [
        {FILE: name, CONTENT: content}
        for name, content in zip(names, contents, strict=True)
    ]


def _encrypt(X, cells, y, pipeline, about):
    encryptor = pipeline[-1]
    order = random_order(len(X))
    Z = np.ascontiguousarray(pipeline.transform(X)[order])
    # Only what decrypts is written.
    pipeline.inverse_transform(Z)
    trees = [{"row": row, "cells": cells[row]} for row in order]
    ciphertexts = Ciphertexts(
        Z,
        [str(name) for name in encryptor.get_feature_names_out()],
        encryptor.key_fingerprint_,
        None if y is None else CLASS,
        None if y is None else pa.array(y[order].tolist()),
        seal_rows(trees, Z, encryptor.key_),
        locks_of(encryptor),
    )
    counts = Counter() if y is None else Counter(y.tolist())
    return EncryptedFile(ciphertexts, pipeline, {}, about=about, classes=dict(counts))
