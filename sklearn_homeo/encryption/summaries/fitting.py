"""From the last round's summaries to a fitted state."""

from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption._fitting import fitted_cells
from sklearn_homeo.encryption.summaries.levels import choose
from sklearn_homeo.encryption.summaries.summary import total_of

__all__ = ["fit_summaries"]


def fit_summaries(summaries, depth, randomized, min_cell_size):
    """Take the cells that all owners' summaries tell to be best.

    Parameters
    ----------
    summaries : list of Summary, or Summary
        Those of the last round.
    depth : int
    randomized : bool
    min_cell_size : int

    Returns
    -------
    fitted : Fitted
    plan : SummaryPlan

    Raises
    ------
    ValueError
        If they are not of the last round.
    """
    total = total_of(summaries)
    plan = total.plan
    if not plan.is_last:
        raise ValueError(
            f"These are the summaries of the round {plan.round!r}, which is not the "
            "last; give them to advance of their plan, and ask the owners again."
        )
    choice, smallest = choose(plan, plan.totals(total), min_cell_size)
    known = plan.known
    lattice = Lattice(known["mean"], known["scale"], randomized, known["whole"])
    # How much of the rows the cells' means explain, no sum tells.
    return fitted_cells(lattice, choice, smallest, depth, float("nan")), plan
