"""Dask: the bytes of one process from four, and a key that stays in memory."""

import gc
import os
import signal
import time
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import correlated
from sklearn_homeo import HomeomorphicEncryptor, SecretKey

dask = pytest.importorskip("dask", reason='needs pip install "sklearn-homeo[dask]"')
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

import sklearn_homeo.dask as sharing  # noqa: E402
from sklearn_homeo.dask import SharedEstimator  # noqa: E402

# Not a byte pattern that anything else may hold.
KEY = SecretKey.from_bytes(bytes((97 * i + 31) % 256 for i in range(32)))
X, y = correlated(4000, 64, scales=(-1, 1))
# Workers spill all but 10 KiB.
SPILLING = {
    "distributed.worker.memory.target": 1e-5,
    "distributed.worker.memory.spill-compression": False,
    "distributed.comm.timeouts.connect": "60s",
}


@pytest.fixture(scope="module")
def encryptor():
    return HomeomorphicEncryptor(n_preserved=2, key=KEY).fit(X[:300], y[:300])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dask")


@pytest.fixture(scope="module")
def client(folder):
    with (
        dask.config.set(SPILLING),
        distributed.LocalCluster(
            n_workers=4,
            threads_per_worker=1,
            processes=True,
            memory_limit="1GiB",
            local_directory=str(folder),
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def pids(client):
    return list(client.run(os.getpid).values())


def test_four_processes_give_the_bytes_of_one(client, encryptor):
    Z = encryptor.transform(X)
    assert len(set(pids(client)) - {os.getpid()}) == 4
    with SharedEstimator(encryptor, client) as shared:
        rows = da.from_array(X, chunks=(333, 50))
        locked = shared.transform(rows).persist()
        distributed.wait(locked)
        holders = client.who_has(locked)
        assert len({worker for who in holders.values() for worker in who}) == 4
        assert locked.compute().tobytes() == Z.tobytes()
        back = shared.inverse_transform(locked).compute()
    assert back.tobytes() == encryptor.inverse_transform(Z).tobytes()


def test_killing_a_worker_loses_nothing(client, encryptor):
    slow = da.from_array(X, chunks=(100, 64)).map_blocks(
        lambda block: (time.sleep(0.1), block)[1], dtype=float
    )
    with SharedEstimator(encryptor, client) as shared:
        future = client.compute(shared.transform(slow))
        before = set(pids(client))
        time.sleep(0.3)
        assert not future.done()
        os.kill(next(iter(before)), signal.SIGKILL)
        assert future.result(timeout=60).tobytes() == encryptor.transform(X).tobytes()
        # The worker that comes back has the estimator as well.
        client.wait_for_workers(4, timeout=60)
        assert set(pids(client)) - before
        again = shared.transform(da.from_array(X, chunks=(100, 64))).compute()
    assert again.tobytes() == encryptor.transform(X).tobytes()


def bytes_on_disk(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def logs(client):
    return repr([client.get_scheduler_logs(), client.get_worker_logs()])


def test_the_key_is_neither_spilled_nor_logged(client, encryptor, folder):
    secret = KEY.to_bytes()
    with SharedEstimator(encryptor, client) as shared:
        Z = shared.transform(da.from_array(X, chunks=(100, 64))).persist()
        distributed.wait(Z)
        far = np.where(np.arange(64) == 3, 1e12, X[:5])
        with pytest.raises(ValueError, match="Row 0 of X lies more than 8192"):
            shared.transform(da.from_array(far)).compute()
        one = encryptor.transform(X[:100])[7].tobytes()
        spilled = bytes_on_disk(folder)
        assert one in spilled and secret not in spilled
        logged = logs(client)
        assert "lies more than 8192" in logged
        assert secret.hex() not in logged and repr(secret)[2:-1] not in logged
    # It would be found: what is scattered is spilled, and the key with it.
    scattered = client.scatter([[encryptor, X]], hash=False)
    deadline = time.time() + 20
    while secret not in bytes_on_disk(folder) and time.time() < deadline:
        time.sleep(0.2)
    assert secret in bytes_on_disk(folder)
    del scattered


def test_a_closed_estimator_has_left_the_workers(client, encryptor):
    with SharedEstimator(encryptor, client) as shared:
        Z = shared.transform(da.from_array(X[:200], chunks=(100, 64)))
        names = client.run(lambda dask_worker: list(dask_worker.plugins))
        assert all(shared._handle.name in found for found in names.values())
    names = client.run(lambda dask_worker: list(dask_worker.plugins))
    assert not any(shared._handle.name in found for found in names.values())
    with pytest.raises(RuntimeError, match="no such estimator: it is closed"):
        Z.compute()


def memory_of_the_scheduler(dask_scheduler):
    """What the scheduler keeps of plugins, events and tasks."""
    import pickle

    tasks = [task.run_spec for task in dask_scheduler.tasks.values()]
    topics = [topic.events for topic in dask_scheduler._broker._topics.values()]
    plugins = [dask_scheduler.worker_plugins, dask_scheduler.plugins]
    return pickle.dumps([repr([plugins, topics, tasks]), tasks, plugins[0]])


def test_the_scheduler_keeps_no_key(client, encryptor):
    with SharedEstimator(encryptor, client) as shared:
        Z = shared.transform(da.from_array(X, chunks=(100, 64))).persist()
        distributed.wait(Z)
        kept = client.run_on_scheduler(memory_of_the_scheduler)
        assert shared._handle.name.encode() in kept
        for secret in (KEY.to_bytes(), encryptor._cipher.lattice.mean.tobytes()):
            assert secret not in kept and repr(secret)[2:-1].encode() not in kept


def plugins(client):
    found = client.run(lambda dask_worker: list(dask_worker.plugins)).values()
    return {name for names in found for name in names}


def test_what_is_dropped_leaves_the_workers(client, encryptor):
    shared = SharedEstimator(encryptor, client)
    name = shared._handle.name
    Z = shared.transform(da.from_array(X[:200], chunks=(100, 64)))
    del shared
    gc.collect()
    # What is still to be computed needs it.
    assert name in plugins(client)
    assert Z.compute().tobytes() == encryptor.transform(X[:200]).tobytes()
    del Z
    deadline = time.time() + 20
    while name in plugins(client) and time.time() < deadline:
        gc.collect()
        time.sleep(0.05)
    assert name not in plugins(client)


def asking(monkeypatch):
    """A worker's plugin, the worker, and the questions that it asked."""
    monkeypatch.setattr(sharing, "_WAIT", 0.01)
    monkeypatch.setattr(sharing, "_MAX_QUESTIONS", 3)
    asked = []
    worker = SimpleNamespace(
        address="tcp://127.0.0.1:1", log_event=lambda *event: asked.append(event)
    )
    plugin = sharing._Asking("name")
    plugin.setup(worker)
    return plugin, worker, asked


def test_a_worker_asks_again_and_says_that_nothing_came(monkeypatch):
    plugin, worker, asked = asking(monkeypatch)
    with pytest.raises(RuntimeError, match="did not come to this worker"):
        plugin.find(worker)
    assert len(asked) == 1 + 3


def test_an_answer_is_for_one_worker_and_name(monkeypatch):
    plugin, worker, asked = asking(monkeypatch)
    other, _, _ = asking(monkeypatch)
    public = bytes.fromhex(asked[0][1]["public"])
    sealed = sharing._seal(["estimator"], public, "name")
    assert b"estimator" not in sealed
    other.receive(sealed)
    plugin.receive(sharing._seal(["another"], public, "other name"))
    plugin.receive(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    assert other._estimator is plugin._estimator is None
    plugin.receive(sealed)
    assert plugin.find(worker) == ["estimator"]
    plugin.teardown(worker)
    assert plugin._estimator is plugin._private is None


def test_grid_search_on_the_cluster(client):
    pipeline = make_pipeline(
        StandardScaler(),
        HomeomorphicEncryptor(leakage="space", key=KEY),
        LogisticRegression(),
    )
    grid = {"homeomorphicencryptor__depth": [1, 3]}
    with joblib.parallel_config(backend="dask"):
        there = GridSearchCV(pipeline, grid, cv=3).fit(X[:400], y[:400])
    here = GridSearchCV(pipeline, grid, cv=3).fit(X[:400], y[:400])
    np.testing.assert_array_equal(
        there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"]
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_search_inside_a_fit_sends_nothing_to_the_cluster(client):
    # It fits hundreds of models; each would be a task.
    def count(dask_scheduler):
        return len(dask_scheduler.transition_log)

    before = client.run_on_scheduler(count)
    with joblib.parallel_config(backend="dask"):
        encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=4, key=KEY)
        encryptor.fit(X[:40, :2], y[:40])
    assert client.run_on_scheduler(count) == before


def in_threads(estimator):
    return SharedEstimator(estimator, SimpleNamespace(**LOCAL))


LOCAL = {
    "scheduler": SimpleNamespace(address="inproc://here"),
    "loop": SimpleNamespace(add_callback=lambda call: call()),
    "register_plugin": lambda plugin, name: None,
    "subscribe_topic": lambda topic, handler: None,
    "unsubscribe_topic": lambda topic: None,
    "unregister_worker_plugin": lambda name: None,
}


def test_data_frames_with_empty_partitions_keep_their_index():
    frame = pd.DataFrame(X[:300], columns=[f"f{i}" for i in range(64)])
    frame.index = np.arange(300) * 2
    encryptor = HomeomorphicEncryptor(n_preserved=2, key=KEY).fit(frame, y[:300])
    rows = dd.from_pandas(frame, npartitions=5)
    shared = in_threads(encryptor)

    def first(part):
        return part[part.index < 100]

    with dask.config.set(scheduler="threads"):
        Z = shared.transform(rows)
        assert list(Z.columns) == list(encryptor.get_feature_names_out())
        found = Z.compute()
        np.testing.assert_array_equal(found.to_numpy(), encryptor.transform(frame))
        pd.testing.assert_index_equal(found.index, frame.index)
        back = shared.inverse_transform(Z).compute()
        pd.testing.assert_frame_equal(back, frame, atol=1e-6)
        few = shared.transform(rows.map_partitions(first)).compute()
        np.testing.assert_array_equal(few.to_numpy(), found.to_numpy()[:50])


def test_pipelines_predict():
    model = make_pipeline(
        HomeomorphicEncryptor(n_preserved=1, key=KEY), LogisticRegression()
    ).fit(X[:300], np.where(y[:300] == 1, "yes", "no"))
    shared, rows = in_threads(model), da.from_array(X, chunks=(999, 64))
    with dask.config.set(scheduler="threads"):
        assert shared.predict(rows).dtype == model.predict(X[:1]).dtype
        np.testing.assert_array_equal(shared.predict(rows).compute(), model.predict(X))
        np.testing.assert_allclose(
            shared.predict_proba(rows).compute(), model.predict_proba(X), rtol=1e-9
        )
        frame = dd.from_pandas(pd.DataFrame(X), npartitions=3)
        found = shared.predict(frame).compute()
        np.testing.assert_array_equal(found.to_numpy(), model.predict(X))


def test_an_unencrypted_network_is_warned_of(encryptor):
    client = SimpleNamespace(**LOCAL)
    for address in ("tcp://10.0.0.7:8786", "tcp://node7:8786"):
        client.scheduler = SimpleNamespace(address=address)
        with pytest.warns(UserWarning, match="unencrypted network"):
            SharedEstimator(encryptor, client)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "address", ["tls://10.0.0.7:8786", "tcp://127.0.0.1:9", "inproc://x"]
)
def test_a_safe_network_is_not(encryptor, address):
    client = SimpleNamespace(**{**LOCAL, "scheduler": SimpleNamespace(address=address)})
    SharedEstimator(encryptor, client)
