"""The scale on which attacks are judged: that of the NeuraCrypt challenge.

Yala et al., "NeuraCrypt", 2021, arXiv:2106.02484: less than 5 % re-identified is good,
up to 20 % moderate, more is bad.
"""

# Greatest advantage over chance, (rate - chance) / (1 - chance), of either verdict.
GOOD, MODERATE = 0.05, 0.20
VERDICTS = ("good", "moderate", "bad")


def judge(rate, chance, measure="re-id"):
    """Say whether a rate is good, moderate or bad for the owner of the data.

    An AUC of 0.5 + a / 2 is an advantage of a over chance. Its limits are 0.55 and 0.65
    (0.1 and 0.3), since the usual error of an AUC on small tables is .03.
    """
    good, moderate = (0.10, 0.30) if measure == "AUC" else (GOOD, MODERATE)
    advantage = (rate - chance) / (1.0 - chance)
    if advantage <= good:
        return "good"
    return "moderate" if advantage <= moderate else "bad"
