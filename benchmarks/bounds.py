"""The bound on telling ciphertexts from views and random residues, as powers of two.

    python benchmarks/bounds.py

It is computed for some widths, and for an attacker who has 2^20 or 2^30 rows of his
choice encrypted or decrypted. Nothing is measured.
"""

from sklearn_homeo.encryption._bounds import log2_advantage
from sklearn_homeo.encryption._certificate import QUERIES

WIDTHS = (5, 10, 30, 512, 25_000, 3)


def main():
    print(f"{'width':>6}" + "".join(f"  2^{q.bit_length() - 1}" for q in QUERIES))
    for width in WIDTHS:
        bounds = (round(log2_advantage(width, q)) for q in QUERIES)
        print(f"{width:6}" + "".join(f"{bound:6}" for bound in bounds))


if __name__ == "__main__":
    main()
