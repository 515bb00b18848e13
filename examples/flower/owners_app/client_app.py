"""An owner: he sums up his rows, masks the sums and sends them."""

import json

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from sklearn_homeo import MaskingKey, SummaryPlan

app = ClientApp()


@app.query("key")
def send_key(message: Message, context: Context) -> Message:
    """Draw a masking key for this run and tell its public half."""
    private = X25519PrivateKey.generate()
    # Flower keeps an owner's state at the owner.
    context.state["masks"] = ConfigRecord({"private": private.private_bytes_raw()})
    name = str(context.node_config["name"])
    return _reply(message, name=name, public=MaskingKey(private).public)


@app.query("summary")
def send_summary(message: Message, context: Context) -> Message:
    """Answer one round's plan with masked sums."""
    asked = message.content["asked"]
    plan = SummaryPlan.from_bytes(asked["plan"])
    private = context.state["masks"]["private"]
    key = MaskingKey(X25519PrivateKey.from_private_bytes(private))
    rows = np.load(str(context.node_config["rows"]))
    name = str(context.node_config["name"])
    summary = plan.summarize(rows["X"], rows["y"])
    masked = summary.masked(name, key, json.loads(asked["roster"]))
    return _reply(message, summary=masked.to_bytes())


def _reply(message, **values):
    return Message(RecordDict({"answer": ConfigRecord(values)}), reply_to=message)
