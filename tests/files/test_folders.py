"""Folders of images there and back, to the byte."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor, ImageFeatureExtractor
from sklearn_homeo.exceptions import InvalidCiphertextError
from sklearn_homeo.files import _folders
from sklearn_homeo.files._decrypting import decrypt_table_file
from sklearn_homeo.files._encrypting import encrypt_table_file
from sklearn_homeo.files._folders import encrypt_image_folder, encrypt_query_folder

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    """Features of 12 numbers; the network of the default is tested elsewhere."""
    network = torch.nn.Flatten()
    small = partial(ImageFeatureExtractor, network, image_shape=(2, 2, 3))
    monkeypatch.setattr(_folders, "ImageFeatureExtractor", small)


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    root = tmp_path / "images"
    for i in range(24):
        folder = root / ("cat", "dog/brown")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, size=(5 + i, 6, 3), dtype=np.uint8)
        suffix = ("png", "jpg", "bmp")[i % 3]
        Image.fromarray(pixels).save(folder / f"IMG {i:02}.{suffix}")
    return root


def fast():
    return HomeomorphicEncryptor(leakage="space")


def encrypt(images, out, **options):
    return encrypt_image_folder(images, KEY, out, encryptor=fast(), **options)


def decrypt(out, back, name="ciphertext.parquet"):
    return decrypt_table_file(out / name, KEY, out / "encryptor.sealed", back)


def contents(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in Path(root).rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_file_comes_back(images, tmp_path, suffix):
    out, back = tmp_path / "out", tmp_path / "back"
    encrypt(images, out, suffix=suffix)
    assert decrypt(out, back, f"ciphertext{suffix}") == 24
    assert contents(back) == contents(images)


def test_the_service_sees_classes_and_neither_names_nor_sizes(images, tmp_path):
    encrypt(images, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "ciphertext.parquet")
    assert sorted(set(table["class"].to_pylist())) == ["cat", "dog"]
    assert len({len(cell) for cell in table["sealed"].to_pylist()}) == 1
    content = (tmp_path / "out" / "ciphertext.parquet").read_bytes()
    # Three letters may occur by chance among so many sealed bytes.
    assert not any(Path(name).name.encode() in content for name in contents(images))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "12 features of each image" in page and "IMG" not in page


def test_a_table_of_names_classes_and_features(images, tmp_path):
    out = tmp_path / "out"
    encrypt(images, out, with_files=False)
    decrypt(out, tmp_path / "back.csv")
    table = pd.read_csv(tmp_path / "back.csv")
    assert list(table)[:2] == ["file", "class"] and table.shape == (24, 14)
    names = sorted(contents(images))
    assert sorted(table["file"]) == names
    assert (table["file"].str.split("/").str[0] == table["class"]).all()
    files = [images / name for name in table["file"]]
    X = _folders.ImageFeatureExtractor().fit_transform(files)
    np.testing.assert_allclose(table.iloc[:, 2:], X, atol=1e-6)
    with pytest.raises(ValueError, match="were not sealed with the rows"):
        decrypt(out, tmp_path / "back")


def test_queries_need_no_classes(images, tmp_path):
    out, asked = tmp_path / "out", tmp_path / "asked"
    encrypt(images, out)
    queries = images / "cat"
    found = encrypt_query_folder(queries, KEY, asked, sealed=out / "encryptor.sealed")
    assert found.Z.shape == (12, 12) and found.ciphertexts.labels is None
    decrypt_table_file(
        asked / "ciphertext.parquet",
        KEY,
        out / "encryptor.sealed",
        tmp_path / "back",
    )
    assert contents(tmp_path / "back") == contents(queries)


def test_rows_that_were_exchanged_are_refused(images, tmp_path):
    out = tmp_path / "out"
    encrypt(images, out)
    table = pq.read_table(out / "ciphertext.parquet")
    sealed = table["sealed"].to_pylist()
    sealed[:2] = sealed[1::-1]
    place = table.schema.get_field_index("sealed")
    table = table.set_column(place, table.schema.field(place), [sealed])
    pq.write_table(table, out / "changed.parquet")
    with pytest.raises(InvalidCiphertextError, match="belong to other rows"):
        decrypt(out, tmp_path / "back", "changed.parquet")


def test_a_table_and_a_folder_do_not_mix(images, tmp_path):
    encrypt(images, tmp_path / "out")
    table = tmp_path / "table.csv"
    rows = [f"{i},{'ab'[i % 2]},{i % 7}" for i in range(30)]
    table.write_text("\n".join(["size,kind,outcome", *rows]) + "\n")
    encrypt_table_file(table, KEY, tmp_path / "other", target="kind", encryptor=fast())
    sealed = tmp_path / "other" / "encryptor.sealed"
    with pytest.raises(ValueError, match="not fitted on a folder of images"):
        encrypt_query_folder(images, KEY, tmp_path / "asked", sealed=sealed)
    with pytest.raises(ValueError, match="would take 0.0 GiB, and 2 is the limit"):
        _folders._MAX_SEALED_BYTES, limit = 10, _folders._MAX_SEALED_BYTES
        try:
            encrypt(images, tmp_path / "large")
        finally:
            _folders._MAX_SEALED_BYTES = limit
