"""The campaign for another engine: a Sourcegraph batch spec.

https://sourcegraph.com/docs/batch-changes/batch-spec-yaml-reference
"""

from __future__ import annotations

import io
import shlex
from typing import Any

from cci_migrate.batch.campaign import Campaign
from cci_migrate.batch.ledger import Entry
from cci_migrate.batch.messages import MESSAGE, TITLE
from cci_migrate.batch.repository import Kind
from cci_migrate.batch.states import PENDING
from cci_migrate.policy import PasswordAuth, Policy

#: Exit code 1 says that something is left for people; that is no failure of the step.
_RUN = "pip install --quiet cci-migrate && {{ cci-migrate{options} . || [ $? -eq 1 ]; }}"


def sourcegraph_spec(campaign: Campaign, name: str, container: str) -> str:
    """The batch spec that makes the campaign's planned changes with Sourcegraph."""
    from ruamel.yaml import YAML

    spec: dict[str, Any] = {
        "version": 2,
        "name": name,
        "description": "Authenticate Docker registry pulls in CircleCI (cci-migrate)",
        "on": [{"repository": _name(entry)} for entry in exported(campaign)],
        "steps": [{"run": _RUN.format(options=_options(campaign.policy)), "container": container}],
        "changesetTemplate": {
            "title": TITLE,
            "body": "Made by cci-migrate. Nothing but the lines shown in the diff was touched.",
            "branch": campaign.branch,
            "commit": {"message": MESSAGE},
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


def exported(campaign: Campaign) -> list[Entry]:
    """The planned repositories that a server can see: not the local checkouts."""
    return [entry for entry in campaign.ledger.entries(PENDING) if entry.ref.kind is not Kind.LOCAL]


def _name(entry: Entry) -> str:
    return f"{entry.ref.host}/{entry.ref.name}"


def _options(policy: Policy) -> str:
    """The policy's Docker Hub values, as options of cci-migrate."""
    words = [f" --platform {policy.platform.value}"]
    if policy.credentials is not None:
        words.append(f" --credentials {policy.credentials.value}")
    for registry in policy.registries:
        if registry.host == "docker.io" and isinstance(registry.credential, PasswordAuth):
            words.append(f" --username {shlex.quote(registry.credential.username)}")
            words.append(f" --password {shlex.quote(registry.credential.password)}")
            if registry.context is not None:
                words.append(f" --context {shlex.quote(registry.context)}")
    return "".join(words)
