"""Homeomorphic encryption of feature vectors for scikit-learn."""

from importlib import import_module

__version__ = "0.1.dev0"

_HOME = {
    "BrokenCipherWarning": "exceptions",
    "ClassConditionalSynthesizer": "synthesis._synthesizer",
    "EncryptedImagesDisplay": "images._display",
    "HeavyTailWarning": "exceptions",
    "HomeomorphicEncryptor": "encryption._encryptor",
    "ImageAutoencoder": "images._autoencoder",
    "ImageFeatureExtractor": "images._features",
    "InsecureKeyWarning": "exceptions",
    "InvalidCiphertextError": "exceptions",
    "KeyFileError": "exceptions",
    "KeyShare": "keys._shares",
    "KeyShareError": "exceptions",
    "KeyWrapper": "keys._wrapping",
    "LeakageDisplay": "encryption._leakage_display",
    "LeakageWarning": "exceptions",
    "LossOfAccuracyWarning": "exceptions",
    "MaskingKey": "keys._masks",
    "MemorisationWarning": "exceptions",
    "NoProtectionWarning": "exceptions",
    "PassphraseWrapper": "keys._wrapping",
    "PoorReconstructionWarning": "exceptions",
    "ResolutionWarning": "exceptions",
    "SealedColumnsWarning": "exceptions",
    "SealedFileError": "exceptions",
    "SecretKey": "keys._key",
    "SubspaceDisplay": "encryption._subspace_display",
    "Summary": "encryption.summaries.summary",
    "SummaryPlan": "encryption.summaries.plan",
    "TableEncoder": "tables._encoder",
    "TanhEncryptor": "baselines",
    "encrypt_images": "images._display",
    "load_ciphertexts": "files._locks",
    "load_pipeline": "files._pipelines",
    "lock_file": "files._locks",
    "reencrypt": "encryption._reencrypting",
    "reencrypt_into": "encryption._reencrypting",
    "save_ciphertexts": "files._locks",
    "save_pipeline": "files._pipelines",
    "unlock_file": "files._locks",
    "views_of": "ciphers.packing",
}
_SUBMODULES = ("audit", "datasets", "exceptions")

__all__ = sorted([*_HOME, *_SUBMODULES])


def __getattr__(name):
    # PEP 562: `import sklearn_homeo` loads neither scikit-learn nor torch.
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
