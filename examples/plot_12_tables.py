"""
=====================================
A mixed table, there and back
=====================================

A table of penguins with text, dates, gaps and an identifier becomes numbers, then
ciphertexts, and then the same table again.
"""

# %%
# A table as it comes
# -------------------
# The table has whole numbers with gaps, decimals, categories and days. It also has a
# name for each animal, from which there is nothing to learn.
import warnings

import numpy as np
import pandas as pd

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TableEncoder
from sklearn_homeo.exceptions import InsecureKeyWarning, SealedColumnsWarning

warnings.simplefilter("ignore", InsecureKeyWarning)

rng = np.random.default_rng(0)
n_rows = 300
species = rng.choice(["Adelie", "Chinstrap", "Gentoo"], size=n_rows)
places = pd.Series(species).map({"Adelie": 0, "Chinstrap": 1, "Gentoo": 2}).to_numpy()
mass = pd.array(rng.normal(3700 + 650 * (places == 2), 400).round(-1), dtype="Int64")
mass[::25] = pd.NA
island = np.where(places == 2, "Biscoe", rng.choice(["Dream", "Biscoe"], n_rows))
days = pd.to_timedelta(rng.integers(0, 40, n_rows), "D")
table = pd.DataFrame(
    {
        "name": [f"bird {i}" for i in range(n_rows)],
        "island": island,
        "bill": (38.8 + 5 * (places > 0) + rng.normal(0, 2.5, n_rows)).round(1),
        "mass": mass,
        "seen": pd.to_datetime("2007-11-01") + days,
    }
)
print(table.head(3).to_string())

# %%
# Numbers
# -------
# The encoder sets the names aside and says so. Everything else becomes numbers. Each
# island gets a column of 0 and 1, and so do the gaps of the masses.
from sklearn.pipeline import make_pipeline

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", SealedColumnsWarning)
    encoder = TableEncoder().set_output(transform="pandas").fit(table)
print(str(caught[0].message).split(":")[1].split(".")[0].strip())
print(encoder.transform(table).head(3).to_string())

# %%
# Ciphertexts
# -----------
# The encoder and an encryptor in one pipeline. A service would get `Z` and the species.
warnings.simplefilter("ignore", SealedColumnsWarning)
pipeline = make_pipeline(
    TableEncoder(),
    HomeomorphicEncryptor(
        n_preserved=2, randomized=True, key=SecretKey.insecure_from_seed(0)
    ),
).fit(table, species)
Z = pipeline.transform(table)
print(f"{table.shape[1]} columns, {Z.shape[1]} numbers a ciphertext")

# %%
# The same table again
# --------------------
# The names go back to their places, and types, gaps and every digit are as before.
rest, names = pipeline[0].split(table)
back = pipeline[0].inverse_transform(pipeline[1].inverse_transform(Z), names)
print("equal:", back.equals(table))
print(back.dtypes.to_string())

# %%
# What can be seen
# ----------------
# Above are bills and masses, below two columns of the ciphertexts.
import matplotlib.pyplot as plt

figure, (plain, encrypted) = plt.subplots(2, 1, figsize=(5.5, 7), layout="constrained")
colours = {"Adelie": "#D55E00", "Chinstrap": "#CC79A7", "Gentoo": "#0072B2"}
for name, colour in colours.items():
    rows = species == name
    mass = table["mass"][rows].astype(float)
    plain.scatter(table["bill"][rows], mass, s=8, color=colour, label=name)
    encrypted.scatter(Z[rows, 0], Z[rows, 1], s=8, color=colour)
plain.set(xlabel="bill (mm)", ylabel="mass (g)")
plain.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
encrypted.set(xlabel="ciphertexts, column 0", ylabel="ciphertexts, column 1")
figure.suptitle("Species stay apart in the ciphertexts")
plt.show()
