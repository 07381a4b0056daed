"""A campaign as a Sourcegraph batch spec.

https://sourcegraph.com/docs/batch-changes/batch-spec-yaml-reference
"""

from __future__ import annotations

import io
from typing import Any

from cci_migrate.campaign.folder import Campaign
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.message_templates import title_for
from cci_migrate.campaign.states import PENDING
from cci_migrate.forges.repository import Kind
from cci_migrate.policy.settings import Policy
from cci_migrate.policy.text import policy_text

_POLICY_FILE = "/tmp/cci-migrate.toml"  # noqa: S108 - in the container of the step
#: Exit code 1 says that something is left for people; that is no failure of the step.
_RUN = "cci-migrate{options} . || [ $? -eq 1 ]"


def sourcegraph_spec(campaign: Campaign, name: str, container: str) -> str:
    """The YAML of a batch spec that makes the planned changes of ``campaign`` with Sourcegraph.

    ``name`` is the batch change's, ``container`` an image with this program,
    in which its step runs.
    """
    from ruamel.yaml import YAML

    entries = exportable_entries(campaign)
    title = title_for(campaign.policy)
    spec: dict[str, Any] = {
        "version": 2,
        "name": name,
        "description": f"{title} (cci-migrate)",
        "on": [{"repository": name} for name in dict.fromkeys(map(_name, entries))],
        "steps": [
            {
                "run": _RUN.format(options=_options(campaign.policy)),
                "container": container,
                # The whole policy of the campaign: options alone cannot express it.
                "files": {_POLICY_FILE: policy_text(campaign.policy)},
            }
        ],
        "changesetTemplate": {
            "title": title,
            "body": "Made by cci-migrate. It changes only the lines in the diff.",
            "branch": campaign.branch,
            "commit": {"message": title},
            "published": "draft",
        },
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(spec, text)
    return text.getvalue()


def exportable_entries(campaign: Campaign) -> list[LedgerEntry]:
    """The planned repositories that a Sourcegraph server can reach: all but local checkouts."""
    return [entry for entry in campaign.ledger.entries(PENDING) if entry.ref.kind is not Kind.LOCAL]


def _name(entry: LedgerEntry) -> str:
    return f"{entry.ref.host}/{entry.ref.name}"


def _options(policy: Policy) -> str:
    """The options that give ``policy``: its file, and ``--revert``, which no file has."""
    words = f" --config {_POLICY_FILE}"
    return words if policy.revert is None else f"{words} --revert={policy.revert.value}"
