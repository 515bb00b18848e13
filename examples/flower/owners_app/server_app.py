"""The server: it adds the owners' sums up and plans the next round."""

import json
import time
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from sklearn_homeo import Summary, SummaryPlan

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Go through all rounds; leave the last plan and the last total in files."""
    config = context.run_config
    nodes = _wait_for(grid, config["n-owners"])
    keys = _ask(grid, nodes, "key")
    roster = {answer["name"]: answer["public"] for answer in keys}
    plan = SummaryPlan(
        config["n-columns"],
        list(range(config["n-classes"])),
        n_random_features=256,
        masked=True,
    )
    while True:
        asked = {"plan": plan.to_bytes(), "roster": json.dumps(roster)}
        answers = _ask(grid, nodes, "summary", **asked)
        total = sum(Summary.from_bytes(one["summary"], plan) for one in answers)
        print(f"{plan.round}: {len(answers[0]['summary'])} bytes from each owner")
        if plan.is_last:
            break
        plan = plan.advance(total)
    out = Path(str(config["out"]))
    plan.save(out / "plan.tmp")
    total.save(out / "total")
    (out / "plan.tmp").rename(out / "plan")


def _wait_for(grid, n_owners):
    while len(nodes := list(grid.get_node_ids())) < n_owners:
        time.sleep(0.2)
    return nodes


def _ask(grid, nodes, what, **values):
    """Answers of all owners to the same question."""
    content = RecordDict({"asked": ConfigRecord(values)})
    messages = [
        Message(content, dst_node_id=node, message_type=f"query.{what}")
        for node in nodes
    ]
    waiting, replies, end = set(grid.push_messages(messages)), [], time.monotonic() + 60
    # As `send_and_receive`, which looks for answers every few seconds.
    while waiting and time.monotonic() < end:
        found = list(grid.pull_messages(waiting))
        replies += found
        waiting -= {reply.metadata.reply_to_message_id for reply in found}
        time.sleep(0.2)
    failed = [reply.error for reply in replies if reply.has_error()]
    if failed or len(replies) < len(nodes):
        raise RuntimeError(f"owners did not answer: {failed or 'too late'}")
    return [reply.content["answer"] for reply in replies]
