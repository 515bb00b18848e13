"""The verb evaluate on folders of images."""

import csv
from functools import partial

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.utils import Bunch
from torch import nn

from problems import KEY, run
from sklearn_homeo import ImageFeatureExtractor
from sklearn_homeo.cli.parsing import PASSPHRASE_VARIABLE
from sklearn_homeo.demo import images


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pieces of two photographs: one class each."""
    root = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name, photograph in zip(
        ("palace", "flower"), load_sample_images().images, strict=True
    ):
        (root / name).mkdir()
        for number in range(40):
            i, j = rng.integers(0, (427 - 40, 640 - 40))
            piece = photograph[i : i + 40, j : j + 40]
            Image.fromarray(piece).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def job(folder, tmp_path_factory):
    files = tmp_path_factory.mktemp("out")
    # A fresh key would make twenty test images a gamble.
    KEY.save(files / "my.key", "a passphrase of words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSPHRASE_VARIABLE, "a passphrase of words")
        patch.setattr(images, "MAX_EPOCHS", 3)
        # The default network's 1,280 features would take a minute to attack.
        network = nn.Sequential(nn.Conv2d(3, 16, 5, stride=4), nn.ReLU())
        extractor = partial(ImageFeatureExtractor, network)
        patch.setattr(images, "ImageFeatureExtractor", extractor)
        argv = [
            "evaluate",
            "--data",
            folder,
            "--out",
            files,
            "--key",
            files / "my.key",
            "--quiet",
        ]
        return Bunch(files=files, **run(*argv))


def test_a_folder_of_images_is_measured_like_a_table(job, folder):
    assert job.status == 0, job.err
    assert f"{folder.name}: 80 rows, 16 features, 2 classes" in job.out
    with (job.files / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    accuracies = [float(row["value"]) for row in rows if row["measure"] == "accuracy"]
    assert len(accuracies) == 10  # Five models, two ciphers.
    # Of two classes, on 20 images.
    assert np.mean(accuracies[:5]) > 0.7


def test_encrypted_images_are_compared_and_drawn(job):
    assert "Encrypted images of 20 test images: SSIM" in job.out
    with (job.files / "results.csv").open() as file:
        figures = {row["measure"]: row["value"] for row in csv.DictReader(file)}
    assert -1 <= float(figures["image_ssim"]) <= 1
    assert 0 <= float(figures["image_reidentification"]) <= 1
    with Image.open(job.files / "encrypted_images.png") as picture:
        assert min(picture.size) > 500


def test_a_folder_needs_no_target(folder, tmp_path):
    refused = run("evaluate", "--data", folder, "--target", "y", "--out", tmp_path)
    assert refused.status == 2
    assert "folders name the classes" in refused.err


def test_a_folder_without_classes_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    refused = run("evaluate", "--data", tmp_path / "empty", "--out", tmp_path)
    assert refused.status == 2
    assert "empty" in refused.err
