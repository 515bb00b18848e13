"""Three owners and a server, as processes of Flower on this machine.

    pip install "sklearn-homeo[flower]"
    python examples/flower/run.py

A SuperLink, three SuperNodes with an owner's rows each, and a run of the app in this
folder: Flower carries plans to the owners and masked summaries back. From the last
total an encryptor is made; each owner gets his own, encrypts at home, and one model
learns from all ciphertexts.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, Summary, SummaryPlan

HERE, BIN = Path(__file__).resolve().parent, Path(sys.executable).parent
ROOT = HERE.parents[1]
NAMES, CUTS = ("north", "east", "south"), (60, 180)
PORT = 9192
CONFIG = f"""[superlink]
default = "here"

[superlink.here]
address = "127.0.0.1:{PORT}"
insecure = true
"""


def main():
    """Run all of it and print accuracies."""
    # Who stops this program stops Flower's processes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.perf_counter()
    X, y = load_breast_cancer(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)
    parts = zip(np.split(X, CUTS), np.split(y, CUTS), strict=True)
    owners = dict(zip(NAMES, parts, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        plan, total = rounds(owners, Path(folder))
    print(f"Flower: {time.perf_counter() - began:.0f} s")
    encryptor = HomeomorphicEncryptor.from_summaries(total, key=SecretKey.generate())
    own = {name: encryptor.for_owner(name) for name in owners}
    Z = np.vstack([own[name].transform(rows) for name, (rows, _) in owners.items()])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    found = {
        "all owners' ciphertexts": model.fit(Z, y).score(
            own["north"].transform(X_new), y_new
        ),
        "pooled plain rows": model.fit(X, y).score(X_new, y_new),
        **{
            f"{name} alone, plain": model.fit(*rows).score(X_new, y_new)
            for name, rows in owners.items()
        },
    }
    for name, score in found.items():
        print(f"{name:<24} {100 * score:.1f} %")
    print(f"{time.perf_counter() - began:.0f} s")


def rounds(owners, folder):
    """Let Flower go through the rounds; return the last plan and total."""
    (folder / "config.toml").write_text(CONFIG)
    environment = {
        **os.environ,
        "FLWR_HOME": str(folder),
        "FLWR_TELEMETRY_ENABLED": "0",
        # Flower starts its own programs by their names.
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    log = (folder / "log.txt").open("w")

    def start(*command):
        return subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    link = ["flower-superlink", "--insecure", "--port", str(PORT)]
    processes = [start(*link, "--disable-runtime-dependency-installation")]
    try:
        for i, (name, (X, y)) in enumerate(owners.items()):
            np.savez(folder / f"{name}.npz", X=X, y=y)
            config = f'name="{name}" rows="{folder / name}.npz"'
            node = ["flower-supernode", "--insecure", "--port", str(PORT + 1 + i)]
            node += ["--superlink", f"127.0.0.1:{PORT}", "--node-config", config]
            processes.append(start(*node))
        run = ["flwr", "run", str(HERE), "here", "--run-config", f'out="{folder}"']
        for _ in range(10):
            # The SuperLink takes a moment to listen.
            if start(*run).wait() == 0:
                break
            time.sleep(1)
        return result(folder)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def result(folder, most_seconds=240):
    """The last plan and total, as soon as the server has written them."""
    end = time.monotonic() + most_seconds
    while not (folder / "plan").exists():
        if time.monotonic() > end:
            print((folder / "log.txt").read_text()[-9000:], file=sys.stderr)
            raise SystemExit("the server did not come to an end")
        time.sleep(0.2)
    plan = SummaryPlan.load(folder / "plan")
    return plan, Summary.load(folder / "total", plan)


if __name__ == "__main__":
    main()
