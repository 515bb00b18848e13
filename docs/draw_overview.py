"""Draw docs/_static/overview.svg, the picture on the landing page.

Run ``python docs/draw_overview.py``. Everything in the picture is computed: digits that
come with scikit-learn are encrypted, a model is trained on ciphertexts, and an attacker
who knows 90 % of the pairs attacks the others.
"""

import warnings
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.linear_model import LogisticRegression, RidgeCV  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from sklearn_homeo import HomeomorphicEncryptor, SecretKey  # noqa: E402
from sklearn_homeo.exceptions import InsecureKeyWarning  # noqa: E402

N_SHOWN = 6
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#444444"
# Inches and points: 11 points are still read on a phone, 350 pixels for 5 inches.
WIDTH, HEIGHT, FONT = 5.0, 5.6, 11


def measure():
    """Encrypt, train, decrypt and attack; return pictures and accuracies."""
    warnings.simplefilter("ignore", InsecureKeyWarning)
    X, y = load_digits(return_X_y=True)
    X, X_new, y, y_new = train_test_split(
        X, y, test_size=0.1, stratify=y, random_state=0
    )
    # Only so that the picture is the same whenever it is drawn.
    key = SecretKey.insecure_from_seed(0)
    encryptor = HomeomorphicEncryptor(key=key).fit(X, y)
    Z, Z_new = encryptor.transform(X), encryptor.transform(X_new)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    plain = model.fit(X, y).score(X_new, y_new)
    encrypted = model.fit(Z, y).score(Z_new, y_new)
    attacker = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-8, 3, 12)))
    rebuilt = attacker.fit(Z, X).predict(Z_new)
    shown = [np.flatnonzero(y_new == digit)[0] for digit in range(N_SHOWN)]
    return {
        "records": X_new[shown],
        "ciphertexts": Z_new[shown],
        "decrypted": encryptor.inverse_transform(Z_new)[shown],
        "rebuilt": rebuilt[shown],
        "answers": model.predict(Z_new[shown]),
        "plain": 100 * plain,
        "encrypted": 100 * encrypted,
    }


def draw(found):
    """Draw the picture of what `measure` found."""
    figure = plt.figure(figsize=(WIDTH, HEIGHT))
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    canvas.set_axis_off()
    box(canvas, 0.1, 4.2, 4.8, 1.3, BLUE, "You: records, labels, secret key")
    tiles(figure, found["records"], 0.4, 4.3, 4.2, (0, 16))
    arrow(canvas, 1.0, 4.15, 3.65, BLUE, "encrypted rows, labels", "left")
    box(canvas, 0.1, 2.1, 4.8, 1.5, GREY, "The service, not trusted")
    limits = np.quantile(found["ciphertexts"], (0.02, 0.98))
    tiles(figure, found["ciphertexts"], 0.4, 2.44, 4.2, limits)
    label(
        canvas,
        2.5,
        2.26,
        f"learns: {found['encrypted']:.1f} % right (plain {found['plain']:.1f} %)",
        GREY,
    )
    arrow(canvas, 0.7, 2.05, 1.55, BLUE, "with the key", "left")
    arrow(canvas, 3.1, 2.05, 1.55, VERMILION, "with 90 % of the pairs", "left")
    box(canvas, 0.1, 0.1, 2.35, 1.4, BLUE, "exact again")
    tiles(figure, found["decrypted"][:3], 0.2, 0.25, 2.15, (0, 16))
    box(canvas, 2.55, 0.1, 2.35, 1.4, VERMILION, "attacker: averages")
    tiles(figure, found["rebuilt"][:3], 2.65, 0.25, 2.15, (0, 16))
    return figure


def box(canvas, x, y, width, height, colour, title):
    """Draw a rounded box with a title at its top."""
    canvas.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor="white",
            edgecolor=colour,
            linewidth=1.6,
        )
    )
    label(canvas, x + width / 2, y + height - 0.22, title, colour, weight="bold")


def label(canvas, x, y, text, colour, **options):
    """Write text around a point."""
    canvas.text(
        x, y, text, ha="center", va="center", fontsize=FONT, color=colour, **options
    )


def arrow(canvas, x, start, stop, colour, text, ha):
    """Draw an arrow down and write beside it."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.8}
    canvas.annotate("", (x, stop), (x, start), arrowprops=style)
    canvas.text(
        x + 0.12, (start + stop) / 2, text, ha=ha, va="center", fontsize=FONT,
        color=colour,
    )  # fmt: skip


def tiles(figure, rows, x, y, width, limits):
    """Draw rows as pictures side by side."""
    step = width / len(rows)
    size = 0.9 * step
    for i, row in enumerate(rows):
        place = (x + i * step + 0.05 * step, y + 0.03, size, size)
        scale = (WIDTH, HEIGHT, WIDTH, HEIGHT)
        ax = figure.add_axes([a / b for a, b in zip(place, scale, strict=True)])
        ax.imshow(row.reshape(8, 8), "gray_r", vmin=limits[0], vmax=limits[1])
        ax.set_xticks([])
        ax.set_yticks([])


def main():
    """Draw the picture and save it."""
    # No date and no random names, so that a picture unchanged is a file unchanged.
    matplotlib.rcParams["svg.hashsalt"] = "sklearn_homeo"
    target = Path(__file__).parent / "_static" / "overview.svg"
    draw(measure()).savefig(target, metadata={"Date": None}, transparent=True)
    print(target)


if __name__ == "__main__":
    main()
