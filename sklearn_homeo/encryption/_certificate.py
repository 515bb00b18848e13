"""What is claimed of an encryptor, in numbers."""

import html
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sklearn_homeo._utils.html import PALETTE, make_page
from sklearn_homeo._utils.labels import missing_labels
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.encryption._bounds import log2_advantage, log2_forgery
from sklearn_homeo.encryption._linking import Linking, cells_linking, scores_linking
from sklearn_homeo.encryption._number_floors import number_floors
from sklearn_homeo.encryption.label_space.joined import parts_of
from sklearn_homeo.encryption.label_space.target import Target, are_numbers

__all__ = ["QUERIES", "Certificate", "certify"]

_STYLE = (
    PALETTE.substitute(name="certificate")
    + """
.certificate { border-collapse: collapse; max-width: 60rem; margin: 0 auto;
  font: .9rem/1.5 system-ui, sans-serif; }
.certificate caption { text-align: left; font-weight: 600; padding: .3rem 0; }
.certificate th, .certificate td { text-align: left; vertical-align: top;
  padding: .45rem 1rem .45rem 0; border-bottom: 1px solid var(--line); }
.certificate th { color: var(--faint); font-weight: 600; }
@media (max-width: 44rem) { .certificate th, .certificate td { display: block;
  width: auto; padding-bottom: .1rem; } .certificate th { border: 0; } }
"""
)

QUERIES = (2**20, 2**30)


@dataclass(frozen=True)
class Certificate:
    """What is claimed of a fitted encryptor, in numbers.

    Parameters
    ----------
    leakage : {"cells", "scores", "space"}
    width : int
        Columns of a ciphertext.
    depth : int
        Number of locks.
    n_cells : int or None
        How many different views there are; None where none are counted.
    leakage_bits : float
        Most bits that a row's ciphertexts tell about it; infinite without cells.
    min_cell_rows : int or None
        Training rows of the smallest cell.
    log2_advantages : dict of int to float
        For numbers of rows that an attacker has encrypted or decrypted at will, the
        bound on his advantage of telling ciphertexts from views and uniform residues.
        Empty at "space".
    log2_forgery : float
        Chance of each attempt to pass decryption; 0 at "space".
    randomized : bool
        Whether equal rows have different ciphertexts.
    n_fits, n_repeats : int
        Fits of the same rows, and ciphertexts of each row, that are taken to be known.
    linking : Linking or None
        None without candidates.
    owner : str or None
        Owner of the encryptor, if several owners have the view in common.
    """

    leakage: str
    width: int
    depth: int
    n_cells: int | None
    leakage_bits: float
    min_cell_rows: int | None
    log2_advantages: dict
    log2_forgery: float
    randomized: bool
    n_fits: int
    n_repeats: int
    linking: Linking | None
    owner: str | None = None

    def lines(self):
        """Return the claims, as pairs of what is claimed and how much."""
        if self.leakage == "space":
            return [
                ("what leaks", "everything: known pairs of rows break it"),
                ("confidentiality", "none is claimed"),
                ("integrity", "none is claimed"),
            ]
        claims = [self._leak(), *self._cipher()]
        if self.owner is not None:
            claims.append(("to other owners", self._to_owners()))
        if self.linking is not None:
            claims += self._linking()
        return claims

    def _leak(self):
        several = f", {self.n_fits} fits together" if self.n_fits > 1 else ""
        if self.n_cells is None:
            return "what leaks", f"label coordinates with noise, not bounded{several}"
        smallest = (
            ""
            if self.min_cell_rows is None
            else f"; the smallest has {self.min_cell_rows} training rows"
        )
        return (
            "what leaks",
            f"at most {self.leakage_bits:.2f} bits a row{several} "
            f"({self.n_cells} cells{smallest})",
        )

    def _to_owners(self):
        what = "coordinates with noise" if self.n_cells is None else "the cell of a row"
        return f"{what}, by the common view, and nothing else of {self.owner!r}'s rows"

    def _cipher(self):
        told = ", ".join(
            f"2^{bound:.0f} after 2^{math.log2(q):.0f} rows"
            for q, bound in self.log2_advantages.items()
        )
        equality = (
            "hidden" if self.randomized else "shows (randomized=True would hide it)"
        )
        return [
            (
                "confidentiality",
                f"advantage at most {told} (if AES-256 holds)",
            ),
            (
                "integrity",
                f"a forged row passes with chance 2^{self.log2_forgery:.0f}",
            ),
            ("equality of rows", equality),
        ]

    def _linking(self):
        link = self.linking
        how = "at most " if link.is_exact else "about "
        error = "" if link.is_exact else f" +- {link.error:.1%}"
        among = (
            ""
            if link.n_matched == link.n_candidates
            else f", among {link.n_matched} of them"
        )
        lines = [
            (
                f"linking one of {link.n_candidates}",
                f"{how}{link.one_target:.1%}{error}",
            ),
            ("linking all one to one", f"{how}{link.one_to_one:.1%}{error}{among}"),
            ("linking the worst row", f"{how}{link.worst_row:.1%}"),
        ]
        if link.smallest_cell is not None:
            size = link.smallest_cell
            rows = "1 row" if size == 1 else f"{size} rows"
            lines.append(("smallest cell among them", rows))
        if not math.isnan(link.r2):
            lines.append(("variance that cells explain", f"{link.r2:.1%}"))
        if not math.isnan(link.label_floor):
            lines.append(("linking by the label alone", f"{link.label_floor:.1%}"))
        floors = link.number_floors
        if floors is not None and not math.isnan(floors.label):
            lines.append(("variance by the label alone", f"{floors.label:.1%}"))
            told = f"{floors.prediction:.1%} (of an R2 of {floors.prediction_r2:.3f})"
            lines.append(("variance by predictions of it", told))
        return lines

    def __str__(self):
        lines = self.lines()
        widest = max(len(name) for name, _ in lines)
        head = f"Certificate: {self.leakage}, {self.width} columns, {self.depth} locks"
        return "\n".join(
            [head, *(f"  {name:<{widest}}  {text}" for name, text in lines)]
        )

    def _repr_html_(self):
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self.lines()
        )
        head = f"Certificate: {self.leakage}, {self.width} columns, {self.depth} locks"
        return (
            f'<style>{_STYLE}</style><table class="certificate">'
            f"<caption>{html.escape(head)}</caption>{rows}</table>"
        )

    def save_html(self, path):
        """Write the certificate as one page that needs no other file and no network.

        Parameters
        ----------
        path : str or path-like
            File to write.
        """
        page = make_page("Certificate", self._repr_html_())
        Path(path).expanduser().write_text(page, "utf-8")


def certify(encryptor, X, y, n_fits, n_repeats):
    """Return the certificate of a fitted encryptor.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted.
    X : ndarray of shape (n_candidates, n_features) or None
        Candidates.
    y : array-like of shape (n_candidates,) or None
        Their classes.
    n_fits, n_repeats : int

    Returns
    -------
    certificate : Certificate
    """
    cipher, leakage = encryptor._cipher, encryptor.leakage_
    n_cells = encryptor.n_cells_
    bounds, forgery, linking = {}, 0.0, None
    depth = encryptor.depth
    if leakage != "space":
        depth = len(cipher.locks)
        bounds = {q: log2_advantage(cipher.width, q) for q in QUERIES}
        randomized = cipher.lattice.randomized
        forgery = log2_forgery(cipher.n_features, cipher.width, randomized)
        if X is not None:
            linking = _linking(encryptor, X, y, n_fits, n_repeats)
    return Certificate(
        leakage=leakage,
        width=cipher.width,
        depth=depth,
        owner=encryptor.owner_,
        n_cells=n_cells,
        leakage_bits=n_fits * encryptor.leakage_bits_,
        min_cell_rows=(encryptor._state["view"] or {}).get("smallest_cell"),
        log2_advantages=bounds,
        log2_forgery=forgery,
        randomized=bool(encryptor.randomized),
        n_fits=n_fits,
        n_repeats=n_repeats,
        linking=linking,
    )


def _linking(encryptor, X, y, n_fits, n_repeats):
    is_number = _is_number(encryptor, y)
    floor = float("nan") if is_number else _label_floor(encryptor, len(X), y)
    lattice = encryptor._cipher.lattice
    units = (X - lattice.mean) / lattice.scale
    if encryptor.leakage_ == "scores":
        S, noise = _of_equal_noise(encryptor.preserve(X), encryptor._state["view"])
        linking = scores_linking(S, noise, n_fits * n_repeats, floor)
    else:
        codes = encryptor._cipher.view.codes(lattice.round(X, Workspace()))
        linking = cells_linking(
            codes, units, encryptor.n_cells_, n_fits, lattice.randomized, floor
        )
    if not is_number or y is None:
        return linking
    check_consistent_length(X, y)
    return replace(linking, number_floors=number_floors(units, y))


def _class_sizes(encryptor):
    """Numbers of classes by target: empty of numbers, None where they are not known."""
    parts = parts_of(encryptor._state["view"])
    return [(part.get("regions") or {}).get("sizes") for part in parts]


def _is_number(encryptor, y):
    """Whether the label is a number, as far as can be told."""
    sizes = _class_sizes(encryptor)
    if all(size is None for size in sizes):
        return y is not None and are_numbers(np.asarray(y), encryptor.target_type)
    return all(size is not None and len(size) == 0 for size in sizes)


def _of_equal_noise(S, view):
    """Coordinates of all targets, so scaled that one noise is that of all of them."""
    parts = parts_of(view)
    noises = np.repeat(
        [part["linkage_noise"] for part in parts],
        [len(part["reach"]) for part in parts],
    )
    largest = float(noises.max())
    if noises.min() == largest:
        return S, largest
    return S * (largest / np.maximum(noises, 1e-6 * largest)), largest


def _label_floor(encryptor, n, y):
    """Rate of linking by labels alone; NaN for numbers, or where it is not known."""
    sizes = _class_sizes(encryptor)
    if any(size is not None and len(size) == 0 for size in sizes):
        return float("nan")
    if y is not None:
        return len(np.unique(_class_codes(y, n), axis=0)) / n
    if any(size is None for size in sizes):
        return float("nan")
    return min(math.prod(int(np.prod(size)) for size in sizes), n) / n


def _class_codes(y, n):
    """Class codes of labels of any type, of shape (n, n_outputs)."""
    y = np.asarray(y)
    if y.ndim not in (1, 2) or len(y) != n:
        raise ValueError(f"y has the shape {y.shape}, but X has {n} rows.")
    if missing_labels(y).any():
        raise ValueError("Input y contains missing values; drop these rows.")
    try:
        return Target.from_labels(y, False).outputs
    except TypeError:
        raise ValueError(
            "y mixes labels that cannot be ordered; make them all strings or all "
            "numbers."
        ) from None
