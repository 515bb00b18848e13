"""
======================
Holders of the key
======================

If one person holds the key, that person can lose it, sell it or be forced to hand it
over. There are two remedies. Split the key into shares of which several are needed, or
give each of several parties the key of one lock.
"""

# %%
# Split the key
# -------------
# There are five holders, and any three of them can restore the key. Two shares tell
# nothing about it, however much is computed.
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.exceptions import (
    InsecureKeyWarning,
    InvalidCiphertextError,
    KeyShareError,
)

key = SecretKey.generate()
shares = key.split(5, threshold=3)
print(shares[0])
print(SecretKey.combine([shares[0], shares[2], shares[4]]) == key)
try:
    SecretKey.combine(shares[:2])
except KeyShareError as refusal:
    print(refusal)

# %%
# A share travels as text, with a checksum against typing errors.
text = shares[0].to_string()
print(f"{text[:20]}...")
try:
    SecretKey.combine([text[:-1] + ("0" if text[-1] != "0" else "1"), *shares[1:3]])
except KeyShareError as refusal:
    print(refusal)

# %%
# One lock for each holder
# ------------------------
# An encryptor of depth 3 applies three locks, and the key of each is derived from the
# whole key: ``key.for_lock(0)``, ``key.for_lock(1)``, ``key.for_lock(2)``. A holder of
# one of them learns neither another one nor the whole key. The proof of confidentiality
# holds as long as the attacker lacks the key of one lock.
warnings.simplefilter("ignore", InsecureKeyWarning)
key = SecretKey.insecure_from_seed(0)
for i, holder in enumerate(("hospital", "laboratory", "auditor")):
    print(f"{holder:<11} {key.for_lock(i)}")

# %%
# The holders pass a file on. The hospital has the rows and the first lock. The others
# have one key each and see only ciphertexts. On the way back the locks are opened in
# reverse order.
import os
import tempfile

from sklearn_homeo import load_ciphertexts, lock_file, save_ciphertexts, unlock_file

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)
whole = HomeomorphicEncryptor(3, leakage="cells", n_cells=20, key=key).fit(X, y)
hospital = whole.first_holder()
with tempfile.TemporaryDirectory() as folder:
    files = [os.path.join(folder, f"{i}.parquet") for i in range(5)]
    save_ciphertexts(hospital.transform(X), files[0], hospital)
    lock_file(files[0], key.for_lock(1), files[1])
    lock_file(files[1], key.for_lock(2), files[2])
    print((load_ciphertexts(files[2], whole) == whole.transform(X)).all())
    try:
        unlock_file(files[2], key.for_lock(1), files[3])
    except ValueError as refusal:
        print(str(refusal).removeprefix(folder))
    unlock_file(files[2], key.for_lock(2), files[3])
    unlock_file(files[3], key.for_lock(1), files[4])
    back = hospital.inverse_transform(load_ciphertexts(files[4], hospital))
print(np.abs(back - X).max())

# %%
# A lock costs time and nothing else. The view is the same, so models see the same
# thing, and decryption is exact at any depth.
from time import process_time

model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
depths = [1, 2, 3, 5, 8]
scores, times, errors = [], [], []
for depth in depths:
    encryptor = HomeomorphicEncryptor(depth, leakage="cells", n_cells=20, key=key)
    encryptor.fit(X, y)
    took = []
    for _ in range(5):
        start = process_time()
        Z = encryptor.transform(X)
        took.append(process_time() - start)
    times.append(1e6 * min(took) / len(X))
    scores.append(100 * model.fit(Z, y).score(encryptor.transform(X_new), y_new))
    errors.append(np.abs(encryptor.inverse_transform(Z) - X).max())
    print(f"depth {depth}: {scores[-1]:.1f} % correct, largest error {errors[-1]:.0e}")

# %%
# Another key is refused for every row.
other = HomeomorphicEncryptor(3, leakage="cells", n_cells=20, key=SecretKey.generate())
try:
    other.fit(X, y).inverse_transform(Z)
except InvalidCiphertextError as refusal:
    print(str(refusal).split(":")[0])

# %%
# If the holders act for one owner, splitting the key is simpler. Separate locks are for
# parties that do not trust each other.
import matplotlib.pyplot as plt

figure, (above, below) = plt.subplots(
    2, 1, figsize=(6, 5), sharex=True, layout="constrained"
)
above.plot(depths, scores, "o-", color="#0072B2")
above.set_ylim(80, 100)
above.set_ylabel("correct in %")
below.plot(depths, times, "o-", color="#D55E00")
below.set_ylim(0)
below.set_ylabel("CPU microseconds a row")
below.set_xlabel("locks")
below.set_xticks(depths)
figure.suptitle("Every lock costs time and no accuracy")
plt.show()
