"""A table encoder and an encryptor in one sealed file."""

import os

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
from sklearn_homeo.encryption._files import encryptor_tree, restore_encryptor
from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.keys._seal import open_sealed, save_sealed
from sklearn_homeo.tables._encoder import TableEncoder
from sklearn_homeo.tables._files import encoder_tree, restore_encoder

__all__ = ["load_pipeline", "open_pipeline", "save_pipeline", "write_pipeline"]

_KIND = "pipeline"


def save_pipeline(pipeline: Pipeline, path: str | os.PathLike) -> None:
    """Write a fitted pipeline of a table encoder and an encryptor to a sealed file.

    Parameters
    ----------
    pipeline : Pipeline
        Pipeline of a `TableEncoder` and a `HomeomorphicEncryptor`, whose key seals the
        file. A
        model behind them is not part of it: pass ``pipeline[:2]``.

    path : str or path-like
        Where to write; nothing may be there. Only its owner can read the file.

    Raises
    ------
    FileExistsError
        If anything is at `path`.
    TypeError
        If the pipeline has other steps.

    See Also
    --------
    load_pipeline : Reads it.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TableEncoder
    >>> from sklearn_homeo import load_pipeline, save_pipeline
    >>> table = pd.DataFrame({"size": [1.5, 2.5, 9.5] * 20, "kind": list("aba") * 20})
    >>> key = SecretKey.generate()
    >>> pipeline = make_pipeline(
    ...     TableEncoder(), HomeomorphicEncryptor(leakage="space", key=key)
    ... ).fit(table)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pipeline.sealed")
    ...     save_pipeline(pipeline, path)
    ...     loaded = load_pipeline(path, key)
    >>> loaded.inverse_transform(pipeline.transform(table)).equals(table)
    True
    """
    write_pipeline(pipeline, path, None)


def load_pipeline(path: str | os.PathLike, key: SecretKey) -> Pipeline:
    """Read the pipeline that `save_pipeline` or the command line wrote.

    Parameters
    ----------
    path : str or path-like
        Where the file is.

    key : SecretKey
        The encryptor's key.

    Returns
    -------
    pipeline : Pipeline
        Fitted.

    Raises
    ------
    SealedFileError
        If it is not a sealed file, holds something else, was changed, or is of another
        key or a newer version.
    """
    return open_pipeline(path, key)[0]


def write_pipeline(pipeline, path, about):
    """Do what `save_pipeline` does, with a note about the file of the fit."""
    if not isinstance(pipeline, Pipeline):
        raise TypeError(
            f"save_pipeline takes a Pipeline, got {type(pipeline).__name__}"
        )
    kinds = [type(step) for _, step in pipeline.steps]
    if kinds != [TableEncoder, HomeomorphicEncryptor]:
        names = [kind.__name__ for kind in kinds]
        raise TypeError(
            "save_pipeline takes a pipeline of a TableEncoder and a "
            f"HomeomorphicEncryptor, got one of {names}; pass pipeline[:2]"
        )
    for _, step in pipeline.steps:
        check_is_fitted(step)
    encoder, encryptor = (step for _, step in pipeline.steps)
    tree = {
        "names": [name for name, _ in pipeline.steps],
        "encoder": encoder_tree(encoder),
        "encryptor": encryptor_tree(encryptor),
        "about": about,
    }
    save_sealed(path, tree, _KIND, encryptor.key_)


def open_pipeline(path, key):
    """Return the pipeline of a file, and the note that `write_pipeline` put there."""
    tree = open_sealed(path, _KIND, key)
    steps = [
        restore_encoder(TableEncoder(), tree["encoder"]),
        restore_encryptor(HomeomorphicEncryptor(), tree["encryptor"], key),
    ]
    return Pipeline(list(zip(tree["names"], steps, strict=True))), tree["about"]
