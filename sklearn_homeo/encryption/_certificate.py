"""What is claimed of an encryptor, in numbers.

The proofs are in the mathematics page of the documentation; the terms here have its
letters.
"""

import html
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.stats import norm
from sklearn.utils.validation import check_consistent_length

from sklearn_homeo._utils.html import PALETTE, make_page
from sklearn_homeo._utils.labels import missing_labels
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.lock import LEFT_BITS, N_HASHED, RIGHT_BITS
from sklearn_homeo.ciphers.packing import RESIDUE_BITS
from sklearn_homeo.encryption._number_floors import NumberFloors, number_floors
from sklearn_homeo.encryption.label_space.joined import parts_of
from sklearn_homeo.encryption.label_space.target import Target, are_numbers

__all__ = [
    "Certificate",
    "Linking",
    "cells_linking",
    "certify",
    "log2_advantage",
    "log2_forgery",
    "scores_linking",
]

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
  padding-bottom: .1rem; } .certificate th { border: 0; } }
"""
)

QUERIES = (2**20, 2**30)
# Of a block that F enciphers: the counter, and as many halves come out.
_BLOCK_BITS, _COUNTER_BITS, _HALVES_PER_BLOCK = 128, 16, 4
# Bits of a residue that a row that nobody wrote must have by chance.
_REDUNDANT_BITS = 6
# Candidates that are matched one to one; fewer are easier to tell apart.
_MATCHED_ROWS = 1000
_DRAWS, _WORST_DRAWS = 5, 200
_CONFIDENCE = 0.95


def log2_advantage(width, n_rows):
    """Return the bound on telling ciphertexts from views and uniform residues.

    For an attacker who has ``n_rows`` rows of his choice encrypted or decrypted, in any
    order, beyond what breaking AES-256 or HKDF-SHA256 would give him. For any number of
    locks, even if he holds the keys of all locks but one.

    Parameters
    ----------
    width : int
        Columns of a ciphertext, at least 1.
    n_rows : int
        At least 1.

    Returns
    -------
    log2_advantage : float
        At most 0.

    Examples
    --------
    >>> from sklearn_homeo.encryption._certificate import log2_advantage
    >>> [round(log2_advantage(30, 2**k)) for k in (20, 30)]
    [-72, -52]
    """
    pairs = n_rows * (n_rows - 1) / 2
    hashed = min(width, N_HASHED)
    blocks = -(-width // _HALVES_PER_BLOCK)
    counter_bits = max(_COUNTER_BITS, (blocks - 1).bit_length())
    outer = 2.0 ** (-LEFT_BITS * hashed) + 2.0 ** (-RIGHT_BITS * hashed)
    inner = 2 * 2.0 ** (counter_bits - _BLOCK_BITS)
    repeated = 2.0 ** -min(RESIDUE_BITS * width, 1000)
    # Two functions, each of so many blocks; and the words of four hash keys.
    drawn = n_rows * blocks
    switched = 2 * drawn * (drawn - 1) / 2
    expanded = sum(m * (m - 1) / 2 for m in _key_blocks(width))
    advantage = pairs * (outer + inner + repeated)
    advantage += (switched + expanded) * 2.0**-_BLOCK_BITS
    return min(math.log2(advantage), 0.0)


def _key_blocks(width):
    """AES blocks from which the keys of h1, h2, F1 and F2 are made, at most."""
    outer = 4 * (width + 1)
    # A tweak has a quarter of the width for the view, and eleven for a context.
    inner = 4 * (width + width // 4 + 13)
    return outer, outer, inner, inner


def log2_forgery(n_features, width, randomized):
    """Return the chance that what no encryptor wrote is accepted, each attempt.

    Columns of data and of randomness must be in range; columns of zeros, zero.

    Parameters
    ----------
    n_features, width : int
    randomized : bool

    Returns
    -------
    log2_chance : float
        To be added to the advantage of `log2_advantage`.
    """
    n_checked = n_features + 2 * bool(randomized)
    return -float(
        _REDUNDANT_BITS * n_checked + RESIDUE_BITS * max(width - n_checked, 0)
    )


@dataclass(frozen=True)
class Linking:
    """How often ciphertexts of candidate rows can be linked to them.

    Parameters
    ----------
    n_candidates : int
    one_target : float
        Best expected rate for a target that is drawn evenly among the candidates, with
        each of them known. A bound if `is_exact`, else an estimate.
    one_to_one : float
        Best expected share of right pairs when all candidates' ciphertexts are matched
        with all candidates.
    worst_row : float
        The rate for the row that is easiest to link.
    smallest_cell : int or None
        Candidates in the smallest cell that has any; None without cells.
    n_views : int or None
        Cells that hold candidates; None without cells.
    r2 : float
        Share of the candidates' standardised variance that the cells' means explain;
        NaN without cells.
    label_floor : float
        The rate of an attacker who knows only the label; NaN for numbers, or without
        `y`.
    error : float
        Half-width of the 95 % interval of an estimate; 0 for a bound.
    n_matched : int
        Candidates among which `one_to_one` was estimated.
    number_floors : NumberFloors or None, default=None
        Shares of that variance that are rebuilt from a label of numbers alone, and from
        predictions of it: whatever leaves them possible tells as much. None without
        `y`.
    """

    n_candidates: int
    one_target: float
    one_to_one: float
    worst_row: float
    smallest_cell: int | None
    n_views: int | None
    r2: float
    label_floor: float
    error: float
    n_matched: int
    number_floors: NumberFloors | None = None

    @property
    def is_exact(self):
        """Whether the rates are bounds that were computed, not estimates."""
        return self.error == 0.0


def cells_linking(codes, X, n_cells, n_fits, randomized, label_floor):
    """Bound linking where rows leak their cell.

    Parameters
    ----------
    codes : ndarray of shape (n_candidates, width), dtype int64
    X : ndarray of shape (n_candidates, n_features), dtype float64
        The candidates, standardised.
    n_cells : int
        Cells of the encryptor.
    n_fits : int
        Number of fits. Each may have cut other cells, but as many.
    randomized : bool
        Whether equal rows have different ciphertexts.
    label_floor : float

    Returns
    -------
    linking : Linking
    """
    n = len(X)
    cells = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(cells)
    n_views, smallest = len(counts), int(counts.min())
    # More than there are rows is as good as any number of other cells.
    others = n_cells ** min(n_fits - 1, 64)
    hits = float(min(n, n_views * others))
    worst = 1.0 / smallest if n_fits == 1 else 1.0
    if not randomized:
        # Who sees which ciphertexts are equal knows how often their row comes.
        hits = min(n, hits + _extra_hits(cells, X, others))
        worst = max(worst, _worst_with_equality(cells, X)) if n_fits == 1 else 1.0
    return Linking(
        n_candidates=n,
        one_target=float(hits / n),
        one_to_one=float(hits / n),
        worst_row=float(worst),
        smallest_cell=smallest,
        n_views=n_views,
        r2=_explained(cells, X) if n_fits == 1 else float("nan"),
        label_floor=label_floor,
        error=0.0,
        n_matched=n,
    )


def _with_multiplicity(cells, X):
    """Cells together with how often a row comes, and that number for each row."""
    rows = np.unique(X, axis=0, return_inverse=True)[1].ravel()
    times = np.bincount(rows)[rows]
    return np.unique(np.column_stack([cells, times]), axis=0, return_inverse=True)[
        1
    ].ravel(), times


def _extra_hits(cells, X, factor):
    groups, times = _with_multiplicity(cells, X)
    first = np.unique(groups, return_index=True)[1]
    # Of rows that come r times each, naming one is right r times.
    return (times[first].sum() - len(np.unique(cells))) * factor


def _worst_with_equality(cells, X):
    groups, times = _with_multiplicity(cells, X)
    return float((times / np.bincount(groups)[groups]).max())


def _explained(cells, X):
    """Share of the variance that lies between the cells."""
    total = ((X - X.mean(axis=0)) ** 2).sum()
    if total == 0:
        return 0.0
    counts = np.bincount(cells)
    sums = np.zeros((len(counts), X.shape[1]))
    np.add.at(sums, cells, X - X.mean(axis=0))
    return float(((sums**2).sum(axis=1) / counts).sum() / total)


def scores_linking(S, noise, n_repeats, label_floor):
    """Estimate linking where rows leak coordinates with noise, by simulation.

    The attacker knows all candidates' coordinates, sees each target's before they are
    rounded to 6 bits, and takes the likeliest: the nearest candidate, or the nearest
    one-to-one assignment of all.

    Parameters
    ----------
    S : ndarray of shape (n_candidates, k), dtype float64
        Coordinates without noise.
    noise : float
        Standard deviation of the noise, in the units of `S`.
    n_repeats : int
        How often each row is seen with fresh noise, which is averaged away.
    label_floor : float

    Returns
    -------
    linking : Linking
    """
    # The attacker's luck is no secret of the encryptor's.
    rng = np.random.default_rng()
    n, spread = len(S), noise / math.sqrt(n_repeats)
    rates = [_nearest_rate(S, spread, rng) for _ in range(_DRAWS)]
    rows = rng.permutation(n)[:_MATCHED_ROWS]
    matched = [_assignment_rate(S[rows], spread, rng) for _ in range(_DRAWS)]
    n_seen = _DRAWS * min(n, len(rows))
    larger = max(np.mean(rates), np.mean(matched))
    z = norm.ppf((1 + _CONFIDENCE) / 2)
    error = z * math.sqrt(max(larger * (1 - larger), 1 / n_seen) / n_seen)
    return Linking(
        n_candidates=n,
        one_target=float(np.mean(rates)),
        one_to_one=float(np.mean(matched)),
        worst_row=_most_isolated_rate(S, spread, rng),
        smallest_cell=None,
        n_views=None,
        r2=float("nan"),
        label_floor=label_floor,
        error=float(error),
        n_matched=len(rows),
    )


def _nearest_rate(S, spread, rng):
    seen = S + spread * rng.normal(size=S.shape)
    tree = cKDTree(S)
    distance, nearest = tree.query(seen)
    own = np.sqrt(((seen - S) ** 2).sum(axis=1))
    # Equal coordinates are as good as each other.
    tied = own <= distance * (1 + 1e-12)
    same = np.unique(S, axis=0, return_inverse=True, return_counts=True)
    copies = same[2][same[1].ravel()]
    return float((tied / copies)[nearest >= 0].mean())


def _assignment_rate(S, spread, rng):
    seen = S + spread * rng.normal(size=S.shape)
    squares = (seen**2).sum(axis=1)[:, None] - 2 * seen @ S.T + (S**2).sum(axis=1)
    order = rng.permutation(len(S))
    rows, columns = linear_sum_assignment(squares[:, order])
    return float((order[columns] == rows).mean())


def _most_isolated_rate(S, spread, rng):
    if len(S) == 1:
        return 1.0
    tree = cKDTree(S)
    distance = tree.query(S, k=2)[0][:, 1]
    row = int(np.argmax(distance))
    if distance[row] == 0:
        return float(1 / np.unique(S, axis=0, return_counts=True)[1].min())
    seen = S[row] + spread * rng.normal(size=(_WORST_DRAWS, S.shape[1]))
    return float((tree.query(seen)[1] == row).mean())


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


def _is_number(encryptor, y):
    """Whether the label is a number, as far as can be told."""
    parts = parts_of(encryptor._state["view"])
    sizes = [(part.get("regions") or {}).get("sizes") for part in parts]
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
    parts = parts_of(encryptor._state["view"])
    sizes = [(part.get("regions") or {}).get("sizes") for part in parts]
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
