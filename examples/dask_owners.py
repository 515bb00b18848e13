"""Three owners, each with a Dask worker of his own.

    pip install "sklearn-homeo[dask]"
    python examples/dask_owners.py

Each worker loads its owner's rows, and they never leave it: what comes back are masked
sums. Here all workers are processes on this machine. Owners would each start one at
home, with TLS, and give its name by ``dask worker --name north``.
"""

import numpy as np
from distributed import Client, LocalCluster, get_worker
from sklearn.datasets import load_breast_cancer

from sklearn_homeo import HomeomorphicEncryptor, MaskingKey, SecretKey, SummaryPlan

NAMES = ("north", "east", "south")


def load_rows(name):
    """What is behind this owner's walls; here a part of a public data set."""
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.split(np.arange(len(X)), (100, 250))[NAMES.index(name)]
    return X[rows], y[rows]


def draw_key(name):
    """Draw this owner's masking key; only its public half leaves the worker."""
    get_worker().masking_key = MaskingKey.generate()
    return get_worker().masking_key.public


def summarize(name, plan, roster):
    """Answer one round's plan with masked sums."""
    summary = plan.summarize(*load_rows(name))
    return summary.masked(name, get_worker().masking_key, roster)


def rounds(client, workers):
    """Ask every owner's worker in each round; return the last summaries."""

    def ask(question, *arguments):
        futures = {
            name: client.submit(question, name, *arguments, workers=worker, pure=False)
            for name, worker in workers.items()
        }
        return client.gather(futures)

    roster = ask(draw_key)
    plan = SummaryPlan(30, [0, 1], n_random_features=256, masked=True)
    while True:
        summaries = list(ask(summarize, plan, roster).values())
        print(summaries[0])
        if plan.is_last:
            return summaries
        plan = plan.advance(summaries)


def main():
    """Start three workers, go through the rounds and make the owners' encryptors."""
    local = LocalCluster(
        n_workers=len(NAMES), threads_per_worker=1, dashboard_address=None
    )
    with local, Client(local) as client:
        client.wait_for_workers(len(NAMES))
        found = client.scheduler_info(n_workers=-1)["workers"]
        summaries = rounds(client, dict(zip(NAMES, found, strict=True)))
    encryptor = HomeomorphicEncryptor.from_summaries(
        summaries, key=SecretKey.generate()
    )
    for name in NAMES:
        own = encryptor.for_owner(name)
        print(f"{name}: key {own.key_fingerprint_}, {own.n_cells_} cells")


if __name__ == "__main__":
    main()
