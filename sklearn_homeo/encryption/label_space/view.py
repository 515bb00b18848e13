"""What a cipher leaks of a row, as the cipher sees it."""

from typing import Protocol

__all__ = ["MAX_CODE", "MIN_CODE", "View"]

# Six bits, the high ones of every number of a ciphertext.
MIN_CODE, MAX_CODE = -32, 31


class View(Protocol):
    """An exact, deterministic function of a row's lattice integers.

    A row has the same view on every machine, in every batch and on every device, so
    a view computes with integers alone: exact products, table look-ups, comparisons.

    Attributes
    ----------
    n_cells : int or None
        How many different views there can be; None where only their precision
        bounds them.
    """

    n_cells: int | None

    def codes(self, u):
        """Return what is leaked of rows, after the keyed homeomorphism.

        Parameters
        ----------
        u : ndarray or tensor of shape (n_samples, n_features), dtype int64
            Rows on the lattice, in steps of 2**-27 standard deviations.

        Returns
        -------
        codes : ndarray or tensor of shape (n_samples, width), dtype int8 or int64
            In [-32, 31].
        """

    def coordinates(self, u):
        """Return label coordinates, or the cells' centres: no key, no noise.

        Parameters
        ----------
        u : ndarray or tensor of shape (n_samples, n_features), dtype int64

        Returns
        -------
        coordinates : ndarray or tensor of shape (n_samples, k), dtype float64
            In standard deviations within a class.
        """

    def state(self):
        """Return what, with the key, rebuilds the view.

        Returns
        -------
        state : dict of str to ndarray, int, float, str or None
        """
