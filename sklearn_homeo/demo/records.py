"""An evaluation's figures as CSV files."""

import csv
from pathlib import Path

from sklearn_homeo.demo.report import linking_verdict, rebuilding_of, rebuilds

__all__ = ["write_audits", "write_csv", "write_rows"]

_CSV_COLUMNS = (
    "dataset",
    "measure",
    "name",
    "cipher",
    "depth",
    "n_preserved",
    "plain",
    "view",
    "value",
    "loss",
    "loss_vs_best",
    "low",
    "high",
    "chance",
    "verdict",
)


def write_csv(results, path):
    """Write every figure in a row of its own, as fractions and not rounded.

    Parameters
    ----------
    results : list of Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`.
    path : str or Path
    """
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _CSV_COLUMNS, restval="")
        writer.writeheader()
        for result in results:
            for measured in result.ciphers:
                writer.writerows(_records(result, measured))
            if "scores" in result.get("hybrid", {}):
                writer.writerows(_hybrid_records(result))
            if "pictures" in result:
                writer.writerows(_picture_records(result))


def write_audits(results, path):
    """Write every figure of the audits but their times.

    Parameters
    ----------
    results : list of Bunch
        Each with `table` and `audit`, an :class:`sklearn_homeo.audit.AuditReport`.
    path : str or Path
    """
    rows = [
        {"dataset": result.table.name}
        | {name: value for name, value in row.items() if name != "seconds"}
        for result in results
        for row in result.audit.rows
    ]
    write_rows(rows, path)


def write_rows(rows, path):
    """Write rows of figures under the names of the first row's."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _records(result, measured):
    shared = {"dataset": result.table.name, "cipher": measured.cipher}
    if "reason" in measured:
        return [shared | {"measure": "refused", "name": measured.reason}]
    encryptor = measured.encryptor
    shared |= {"depth": encryptor.depth, "n_preserved": encryptor.n_preserved_}
    single = {
        "round_trip_error": measured.round_trip_error,
        "preserved_variance_ratio": encryptor.preserved_variance_ratio_,
        "leakage_bits": measured.leakage_bits,
    }
    measure = "accuracy" if result.table.task == "classification" else "r2"
    rows = [*_score_records(result, measured.scores, measure)]
    rows += _attack_records(measured.attack)
    rows += [{"measure": name, "value": value} for name, value in single.items()]
    rows.append({"measure": "rebuilding", "verdict": rebuilding_of(measured)})
    return [shared | row for row in rows]


def _score_records(result, scores, measure):
    for name, score in scores.items():
        plain, view = result.plain[name], result.view[name]
        yield {
            "measure": measure,
            "name": name,
            "plain": plain,
            "view": view,
            "value": score,
            "loss": plain - score,
            "loss_vs_best": max(plain, view) - score,
        }


def _attack_records(attack):
    for name, attempt in attack.attacks.items():
        if rebuilds(attempt):
            yield {"measure": "attack_r2", "name": name, "value": attempt.r2}
        yield {
            "measure": "attack_reidentification",
            "name": name,
            "value": attempt.rate,
            "low": attempt.interval[0],
            "high": attempt.interval[1],
            "chance": attempt.chance,
            "verdict": linking_verdict(attempt.rate, attempt.n),
        }


def _hybrid_records(result):
    shared = {"dataset": result.table.name, "cipher": result.ciphers[0].cipher}
    attack = result.hybrid.attack
    for row in _score_records(result, result.hybrid.scores, "hybrid_accuracy"):
        yield shared | row
    for measure, name, value, (low, high), chance in (
        ("auc", attack.choice, attack.rate, attack.interval, 0.5),
        ("tpr", attack.best_tpr_choice, attack.tpr, attack.tpr_interval, 0.01),
    ):
        yield shared | {
            "measure": f"hybrid_membership_{measure}",
            "name": name,
            "value": value,
            "low": low,
            "high": high,
            "chance": chance,
        }


def _picture_records(result):
    pictures = result.pictures
    shared = {"dataset": result.table.name, "cipher": result.ciphers[0].cipher}
    similarity, matched = pictures.similarity, pictures.reidentification
    rows = [
        {"measure": f"image_{name}", "value": getattr(similarity, name)}
        for name in ("ssim", "ssim_mismatched", "ssim_unrelated", "psnr")
    ]
    low, high = matched.interval
    rows.append(
        {
            "measure": "image_reidentification",
            "value": matched.rate,
            "low": low,
            "high": high,
            "chance": matched.chance,
        }
    )
    return [shared | row for row in rows]
