"""CircleCI's compiler, over HTTP.

The calls are those of CircleCI's own program (https://github.com/CircleCI-Public/circleci-cli):
``POST /api/v3/configs/compile`` (``internal/apiclient/config.go``), where a config that does not
compile is an answer like any other; where a server does not have it (404),
``POST /api/v2/compile-config-with-defaults`` (``config/v2_api_client.go`` of its branch v0).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from cci_migrate.preflight.pipeline_values import PIPELINE_VALUES
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.http import Api, MissingError
from cci_migrate.verification.compilation import Compilation, CompiledText, CompileErrors

_SUCCEEDED = "succeeded"


class _V3Attributes(Struct, frozen=True):
    outcome: str
    compiled_config: str | None = None


class _V3Data(Struct, frozen=True):
    attributes: _V3Attributes


class _V3Message(Struct, frozen=True):
    title: str = ""


class _V3Meta(Struct, frozen=True):
    messages: tuple[_V3Message, ...] | None = None


class _V3Answer(Struct, frozen=True):
    data: _V3Data
    meta: _V3Meta | None = None


class _V2Error(Struct, frozen=True):
    message: str = ""


class _V2Answer(Struct, frozen=True):
    valid: bool
    errors: tuple[_V2Error, ...] | None = None
    output: str | None = field(default=None, name="output-yaml")


class _Collaboration(Struct, frozen=True):
    slug: str = ""
    id: str | None = None


class CompileApi:
    """The compiler at the host of ``api``, whose root is the host's ``/api``."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._has_v3 = True

    def compile(self, text: str, organisation: Organisation | None) -> Compilation:
        """The config ``text``, compiled with the orbs that ``organisation`` may use.

        Raises what `Api.read` raises.
        """
        owner = None if organisation is None else self._id_of(organisation)
        if self._has_v3:
            try:
                return self._by_v3(text, owner)
            except MissingError:
                self._has_v3 = False
        return self._by_v2(text, owner)

    def _by_v3(self, text: str, owner: str | None) -> Compilation:
        attributes = {"config": text, "pipeline_values": PIPELINE_VALUES}
        data: dict[str, Any] = {"attributes": attributes}
        if owner is not None:
            data["references"] = {"org": {"id": owner}}
        token = self._api.token()
        # The other way to give a token, by which the rest of the API is asked, is that of v2.
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self._api.read(
            "POST", "/v3/configs/compile", json={"data": data}, headers=headers
        )
        answer = response.body(_V3Answer)
        if answer.data.attributes.outcome == _SUCCEEDED:
            return CompiledText(answer.data.attributes.compiled_config or "")
        messages = None if answer.meta is None else answer.meta.messages
        return CompileErrors(lines_of(message.title for message in messages or ()))

    def _by_v2(self, text: str, owner: str | None) -> Compilation:
        options: dict[str, Any] = {"pipeline_values": PIPELINE_VALUES}
        if owner is not None:
            options["owner_id"] = owner
        body = {"config_yaml": text, "options": options}
        response = self._api.read("POST", "/v2/compile-config-with-defaults", json=body)
        answer = response.body(_V2Answer)
        if answer.valid and not answer.errors:
            return CompiledText(answer.output or "")
        return CompileErrors(lines_of(error.message for error in answer.errors or ()))

    def _id_of(self, organisation: Organisation) -> str | None:
        """The id of ``organisation``; None where the token's owner does not work in it."""
        if organisation.is_id:
            return organisation.name
        collaborations = self._api.read("GET", "/v2/me/collaborations").body(
            tuple[_Collaboration, ...]
        )
        return next(
            (
                collaboration.id
                for collaboration in collaborations
                if collaboration.slug == organisation.slug
            ),
            None,
        )


def lines_of(messages: Iterable[str]) -> tuple[str, ...]:
    """The lines of ``messages``."""
    lines = (line.strip() for message in messages for line in message.splitlines())
    return tuple(line for line in lines if line) or ("the compiler gives no reason",)
