"""
=====================================
A mixed table, there and back
=====================================

Penguins with text, dates, gaps and an identifier become numbers, ciphertexts, and the
same penguins again.
"""

# %%
# A table as it comes
# -------------------
# Whole numbers with gaps, decimals, categories, days, and a name for each animal, which
# is nothing to learn from.
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
# The encoder sets the names aside and says so. The rest becomes numbers: a column of 0
# and 1 for each island, and one for the gaps of the masses.
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
# Names go back to their places, types, gaps and every digit come back.
rest, names = pipeline[0].split(table)
back = pipeline[0].inverse_transform(pipeline[1].inverse_transform(Z), names)
print("equal:", back.equals(table))
print(back.dtypes.to_string())

# %%
# What shows
# ----------
# On the left masses and bills, on the right two columns of the ciphertexts.
import matplotlib.pyplot as plt

figure, (plain, encrypted) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for name in np.unique(species):
    rows = species == name
    mass = table["mass"][rows].astype(float)
    plain.scatter(table["bill"][rows], mass, s=8, label=name)
    encrypted.scatter(Z[rows, 0], Z[rows, 1], s=8, label=name)
plain.set(xlabel="bill (mm)", ylabel="mass (g)", title="the table")
encrypted.set(xlabel="column 0", ylabel="column 1", title="its ciphertexts")
plain.legend()
figure.suptitle("Species stay apart in the ciphertexts")
plt.show()
