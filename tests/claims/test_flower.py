"""The app of ``examples/flower``: what it sends, what it adds up, and that it runs."""

import importlib
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from owners import curved, shares
from sklearn_homeo import HomeomorphicEncryptor, Summary, SummaryPlan

FOLDER = Path(__file__).parents[2] / "examples" / "flower"
NAMES = ("north", "east", "south")


class App:
    """In the place of a ClientApp or a ServerApp: it remembers the functions."""

    def __init__(self):
        self.functions = {}

    def query(self, name):
        def remember(function):
            self.functions[f"query.{name}"] = function
            return function

        return remember

    def main(self):
        return lambda function: function


class Message:
    """In the place of Flower's message, from a node or to it."""

    def __init__(self, content, dst_node_id=None, message_type=None, reply_to=None):
        self.content, self.node, self.kind = content, dst_node_id, message_type
        self.metadata = SimpleNamespace(
            message_id=id(self), reply_to_message_id=id(reply_to)
        )

    def has_error(self):
        return False


class Grid:
    """In the place of Flower's network: owners in this process, who answer at once."""

    def __init__(self, app, owners):
        self.app, self.owners, self.replies, self.kept = app, owners, [], []

    def get_node_ids(self):
        return range(len(self.owners))

    def push_messages(self, messages):
        # Kept, so that none has the id of an earlier one.
        self.kept += messages
        for message in messages:
            answer = self.app.functions[message.kind]
            self.replies.append(answer(message, self.owners[message.node]))
        return [message.metadata.message_id for message in messages]

    def pull_messages(self, waiting):
        return [
            reply
            for reply in self.replies
            if reply.metadata.reply_to_message_id in waiting
        ]


@pytest.fixture
def app(monkeypatch):
    """The server and the client of the example, with these in the place of Flower."""
    stand_ins = {
        "flwr": {},
        "flwr.app": {
            "ConfigRecord": dict,
            "Context": object,
            "Message": Message,
            "RecordDict": dict,
        },
        "flwr.clientapp": {"ClientApp": App},
        "flwr.serverapp": {"Grid": Grid, "ServerApp": App},
    }
    for name, contents in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(FOLDER)
    client, server = (
        importlib.import_module(f"owners_app.{name}_app")
        for name in ("client", "server")
    )
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(
        server,
        "SummaryPlan",
        lambda *given, **settings: SummaryPlan(
            *given, **settings | {"n_random_features": 24}
        ),
    )
    yield client, server
    for name in ("owners_app", client.__name__, server.__name__):
        del sys.modules[name]


def test_what_the_app_sends_and_adds_up(app, tmp_path):
    client, server = app
    owners = shares(*curved())
    contexts = []
    for name, (X, y) in zip(NAMES, owners, strict=True):
        np.savez(tmp_path / name, X=X, y=y)
        config = {"name": name, "rows": tmp_path / f"{name}.npz"}
        contexts.append(SimpleNamespace(node_config=config, state={}))
    grid = Grid(client.app, contexts)
    config = {"n-owners": 3, "n-columns": 5, "n-classes": 2, "out": str(tmp_path)}
    server.main(grid, SimpleNamespace(run_config=config))

    plan = SummaryPlan.load(tmp_path / "plan")
    total = Summary.load(tmp_path / "total", plan)
    plain = [plan.summarize(*rows) for rows in owners]
    for name, value in plan.totals(total).items():
        assert (value == sum(plain)._arrays[name]).all()
    assert HomeomorphicEncryptor.from_summaries(total).n_features_in_ == 5

    # Owners tell their names, public halves and masked sums, and nothing else.
    sent = [reply.content["answer"] for reply in grid.replies]
    assert [set(one) for one in sent[:3]] == 3 * [{"name", "public"}]
    assert len(sent) == 3 + 8 * 3
    assert all(set(one) == {"summary"} for one in sent[3:])
    for one, own in zip(sent[-3:], plain, strict=True):
        masked = Summary.from_bytes(one["summary"], plan)
        for name, value in own._arrays.items():
            assert not (masked._arrays[name] == value).any()
    private = [context.state["masks"]["private"] for context in contexts]
    assert not any(key in one["summary"] for key in private for one in sent[3:])


@pytest.mark.skipif(find_spec("flwr") is None, reason="Flower is an extra")
def test_the_app_runs_as_processes_on_this_machine():
    done = subprocess.run(
        [sys.executable, FOLDER / "run.py"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "all owners' ciphertexts" in done.stdout
