"""The directive ``attack-table``: tiers and attacks of the audit, as registered."""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from sklearn_homeo.audit._registry import TIERS, attacks_of


class AttackTable(SphinxDirective):
    """A row for each tier: what the attacker has, and the attacks by their names."""

    def run(self):
        lines = [
            ".. list-table::",
            "   :class: stacked",
            "   :header-rows: 1",
            "   :widths: 22 33 45",
            "",
            "   * - tier",
            "     - besides ciphertexts and labels, the attacker has",
            "     - attacks (in italics: in quick audits, too)",
        ]
        for name, tier in TIERS.items():
            attacks = ", ".join(
                f"*{one.name}*" if "quick" in one.options else one.name
                for one in attacks_of(name).values()
            )
            lines += [f"   * - {name} {tier.title}", f"     - {tier.knows}"]
            lines += [f"     - {attacks}"]
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines, "attack-table"), 0, holder)
        return holder.children


def setup(app):
    app.add_directive("attack-table", AttackTable)
    return {"parallel_read_safe": True}
