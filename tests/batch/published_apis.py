"""What the published documents say of the REST calls that are used, and a check against that.

Written down by hand from https://docs.gitlab.com/api/api_resources/ (GitLab 18; each call's page is
named in cci_migrate/forges/gitlab/host.py), and from
https://developer.atlassian.com/cloud/bitbucket/rest/ by way of the types that are generated from
its OpenAPI document (npm package @coderabbitai/bitbucket 1.1.4, Apache-2.0; nothing is copied from
it). It is an excerpt: of answers, only the fields that are relied on are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator
from msgspec import Struct

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer"}
OID: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
ADDRESS: Schema = {"type": "string", "pattern": "^https?://"}


def given(required: Iterable[str], /, **properties: Schema) -> Schema:
    """A request's body: nothing else is documented."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def told(**properties: Schema) -> Schema:
    """An answer's body: all these are in it, and others may be."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def listed(schema: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": schema}


def maybe(schema: Schema) -> Schema:
    """This, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


class Call(Struct, frozen=True, dict=True):
    """A documented call. ``path`` has ``*`` for what is filled in; ``answers`` are by status."""

    method: str
    path: str
    answers: Mapping[int, Schema | None]
    query: frozenset[str] = frozenset()
    body: Schema | None = None
    content_type: str = "application/json"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """``*`` is one part of the path, ``**`` any number of them."""
        escaped = re.escape(self.path).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
        return re.compile(escaped)


PAGED = frozenset({"page", "per_page"})
GITLAB_ERROR: Schema = {
    "type": "object",
    "anyOf": [{"required": ["message"]}, {"required": ["error"]}],
}
ACCESS = maybe(told(access_level=NUMBER))
PROJECT = told(
    id=NUMBER,
    can_create_merge_request_in=BOOLEAN,
    path_with_namespace=TEXT,
    default_branch=maybe(TEXT),
    archived=BOOLEAN,
    empty_repo=BOOLEAN,
    visibility={"enum": ["private", "internal", "public"]},
    topics=listed(TEXT),
    permissions=told(project_access=ACCESS, group_access=ACCESS),
)
MERGE_REQUEST = told(
    iid=NUMBER,
    web_url=ADDRESS,
    state={"enum": ["opened", "closed", "locked", "merged"]},
    source_branch=TEXT,
    source_project_id=NUMBER,
    target_project_id=NUMBER,
)
ACTION = given(
    ("action", "file_path"),
    action={"enum": ["create", "delete", "move", "update", "chmod"]},
    file_path=TEXT,
    previous_path=TEXT,
    content=TEXT,
    encoding={"enum": ["text", "base64"]},
    last_commit_id=TEXT,
    execute_filemode=BOOLEAN,
)
USER = told(username=TEXT)
#: https://docs.gitlab.com/api/merge_requests/#get-single-mr and #merge-status
ONE_MERGE_REQUEST = told(
    iid=NUMBER,
    state={"enum": ["opened", "closed", "locked", "merged"]},
    sha=maybe(OID),
    created_at=TEXT,
    updated_at=TEXT,
    target_branch=TEXT,
    target_project_id=NUMBER,
    detailed_merge_status=TEXT,
    has_conflicts=BOOLEAN,
    draft=BOOLEAN,
    author=USER,
    reviewers=listed(USER),
    head_pipeline=maybe(told(status=TEXT)),
    merge_when_pipeline_succeeds=BOOLEAN,
    user=told(can_merge=BOOLEAN),
    merge_commit_sha=maybe(OID),
    squash_commit_sha=maybe(OID),
)
GITLAB = (
    Call(
        "GET",
        "/groups/*/projects",
        {200: listed(PROJECT), 404: GITLAB_ERROR},
        PAGED
        | {
            "with_shared",
            "include_subgroups",
            "order_by",
            "sort",
            "archived",
            "visibility",
            "topic",
        },
    ),
    Call(
        "GET",
        "/users/*/projects",
        {200: listed(PROJECT), 404: GITLAB_ERROR},
        PAGED | {"order_by", "sort"},
    ),
    Call("GET", "/projects/*", {200: PROJECT, 404: GITLAB_ERROR}),
    Call(
        "GET",
        "/projects/*/merge_requests",
        {200: listed(MERGE_REQUEST)},
        PAGED | {"source_branch", "target_branch", "state", "order_by", "sort"},
    ),
    Call(
        "POST",
        "/projects/*/merge_requests",
        {201: MERGE_REQUEST, 400: GITLAB_ERROR, 409: GITLAB_ERROR},
        body=given(
            ("source_branch", "target_branch", "title"),
            source_branch=TEXT,
            target_branch=TEXT,
            title=TEXT,
            description=TEXT,
            labels=TEXT,
            reviewer_ids=listed(NUMBER),
            assignee_ids=listed(NUMBER),
            remove_source_branch=BOOLEAN,
            squash=BOOLEAN,
        ),
    ),
    Call(
        "GET",
        "/projects/*/merge_requests/*/notes",
        {200: listed(told(id=NUMBER, body=TEXT))},
        PAGED | {"order_by", "sort"},
    ),
    Call(
        "POST",
        "/projects/*/merge_requests/*/notes",
        {201: told(id=NUMBER, body=TEXT), 403: GITLAB_ERROR},
        body=given(("body",), body=TEXT),
    ),
    Call(
        "GET",
        "/projects/*/merge_requests/*",
        {200: ONE_MERGE_REQUEST, 404: GITLAB_ERROR},
    ),
    # https://docs.gitlab.com/api/merge_request_approvals/
    Call(
        "GET",
        "/projects/*/merge_requests/*/approvals",
        {200: told(approved_by=listed(told(user=USER))), 404: GITLAB_ERROR},
    ),
    # https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
    Call(
        "PUT",
        "/projects/*/merge_requests/*/merge",
        {
            200: ONE_MERGE_REQUEST,
            401: GITLAB_ERROR,
            405: GITLAB_ERROR,
            409: GITLAB_ERROR,
            422: GITLAB_ERROR,
        },
        body=given(
            (),
            auto_merge=BOOLEAN,
            merge_commit_message=TEXT,
            merge_when_pipeline_succeeds=BOOLEAN,
            sha=OID,
            should_remove_source_branch=BOOLEAN,
            squash_commit_message=TEXT,
            squash=BOOLEAN,
        ),
    ),
    Call(
        "PUT",
        "/projects/*/merge_requests/*",
        {200: MERGE_REQUEST},
        body=given(
            (),
            state_event={"enum": ["close", "reopen"]},
            title=TEXT,
            add_labels=TEXT,
            reviewer_ids=listed(NUMBER),
            assignee_ids=listed(NUMBER),
        ),
    ),
    Call(
        "POST",
        "/projects/*/repository/commits",
        {201: told(id=OID, message=TEXT), 400: GITLAB_ERROR},
        body=given(
            ("branch", "commit_message", "actions"),
            branch=TEXT,
            commit_message=TEXT,
            start_branch=TEXT,
            start_sha=OID,
            force=BOOLEAN,
            actions={**listed(ACTION), "minItems": 1},
        ),
    ),
    Call(
        "GET",
        "/projects/*/repository/commits/*",
        {200: told(id=OID, status=maybe(TEXT)), 404: GITLAB_ERROR},
    ),
    Call(
        "GET",
        "/projects/*/repository/branches/*",
        {200: told(name=TEXT, commit=told(id=OID, message=TEXT)), 404: GITLAB_ERROR},
    ),
    Call("DELETE", "/projects/*/repository/branches/*", {204: None, 404: GITLAB_ERROR}),
    Call(
        "GET",
        "/projects/*/repository/tree",
        {
            200: listed(
                told(id=OID, name=TEXT, type={"enum": ["tree", "blob"]}, path=TEXT, mode=TEXT)
            ),
            404: GITLAB_ERROR,
        },
        PAGED | {"path", "ref", "recursive"},
    ),
    Call(
        "GET",
        "/projects/*/repository/files/*/raw",
        {200: None, 404: GITLAB_ERROR},
        frozenset({"ref"}),
    ),
    Call(
        "GET",
        "/personal_access_tokens/self",
        {200: told(scopes=listed(TEXT)), 401: GITLAB_ERROR, 404: GITLAB_ERROR},
    ),
    Call("GET", "/users", {200: listed(told(id=NUMBER, username=TEXT))}, frozenset({"username"})),
)

LISTING = frozenset({"page", "pagelen", "q", "sort"})
BITBUCKET_ERROR = told(type={"const": "error"}, error=told(message=TEXT))
NAMED_BRANCH = given(("name",), name=TEXT)
REPOSITORY = told(
    type={"const": "repository"},
    full_name=TEXT,
    is_private=BOOLEAN,
    mainbranch=maybe(told(name=TEXT)),
)
PULL_REQUEST = told(
    type={"const": "pullrequest"},
    id=NUMBER,
    state={"enum": ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]},
    source=told(branch=told(name=TEXT), repository=told(full_name=TEXT)),
    links=told(html=told(href=ADDRESS)),
)


#: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
PERSON = told(display_name=TEXT)
SHORT_OID: Schema = {"type": "string", "pattern": "^[0-9a-f]{12,40}$"}
ONE_PULL_REQUEST = told(
    type={"const": "pullrequest"},
    id=NUMBER,
    state={"enum": ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]},
    draft=BOOLEAN,
    created_on=TEXT,
    updated_on=TEXT,
    author=PERSON,
    source=told(branch=told(name=TEXT), commit=told(hash=SHORT_OID)),
    destination=told(
        branch=told(name=TEXT),
        commit=told(hash=SHORT_OID),
        repository=told(full_name=TEXT),
    ),
    participants=listed(
        told(
            type={"const": "participant"},
            user=PERSON,
            role={"enum": ["PARTICIPANT", "REVIEWER"]},
            approved=BOOLEAN,
            state={"enum": ["approved", "changes_requested", None]},
        )
    ),
    merge_commit=maybe(told(hash=SHORT_OID)),
)


def paged(schema: Schema) -> Schema:
    """A page of a listing."""
    page = told(values=listed(schema))
    page["properties"]["next"] = ADDRESS
    return page


ENTRY = told(type={"enum": ["commit_file", "commit_directory"]}, path=TEXT)
BITBUCKET = (
    Call(
        "GET",
        "/repositories/*",
        {200: paged(REPOSITORY), 404: BITBUCKET_ERROR},
        LISTING | {"role", "after"},
    ),
    Call("GET", "/repositories/*/*", {200: REPOSITORY, 403: BITBUCKET_ERROR, 404: BITBUCKET_ERROR}),
    Call("GET", "/repositories/*/*/pullrequests", {200: paged(PULL_REQUEST)}, LISTING | {"state"}),
    Call(
        "POST",
        "/repositories/*/*/pullrequests",
        {201: PULL_REQUEST, 400: BITBUCKET_ERROR},
        body=given(
            ("title", "source"),
            title=TEXT,
            description=TEXT,
            source=given(("branch",), branch=NAMED_BRANCH),
            destination=given(("branch",), branch=NAMED_BRANCH),
            reviewers=listed(given(("uuid",), uuid=TEXT)),
            close_source_branch=BOOLEAN,
            draft=BOOLEAN,
        ),
    ),
    Call(
        "PUT",
        "/repositories/*/*/pullrequests/*",
        {200: PULL_REQUEST, 400: BITBUCKET_ERROR},
        body=given(
            (),
            title=TEXT,
            description=TEXT,
            reviewers=listed(given(("uuid",), uuid=TEXT)),
        ),
    ),
    Call(
        "GET",
        "/workspaces/*/members",
        {
            200: paged(
                told(
                    type={"const": "workspace_membership"},
                    user=told(uuid=TEXT, nickname=TEXT, account_id=TEXT),
                )
            ),
            403: BITBUCKET_ERROR,
        },
        LISTING,
    ),
    Call(
        "GET",
        "/repositories/*/*/pullrequests/*/comments",
        {200: paged(told(id=NUMBER, content=told(raw=TEXT)))},
        LISTING,
    ),
    Call(
        "POST",
        "/repositories/*/*/pullrequests/*/comments",
        {201: told(id=NUMBER, content=told(raw=TEXT)), 403: BITBUCKET_ERROR},
        body=given(("content",), content=given(("raw",), raw=TEXT)),
    ),
    Call(
        "GET",
        "/user/workspaces/*/permissions/repositories",
        {
            200: paged(
                told(
                    type={"const": "repository_permission"},
                    permission={"enum": ["admin", "write", "read"]},
                    repository=told(full_name=TEXT),
                )
            ),
            403: BITBUCKET_ERROR,
        },
        LISTING,
    ),
    Call(
        "GET",
        "/repositories/*/*/pullrequests/*",
        {200: ONE_PULL_REQUEST, 404: BITBUCKET_ERROR},
    ),
    # 555: it took too long (https://developer.atlassian.com/cloud/bitbucket/rest/).
    Call(
        "POST",
        "/repositories/*/*/pullrequests/*/merge",
        {
            200: ONE_PULL_REQUEST,
            202: None,
            400: BITBUCKET_ERROR,
            403: BITBUCKET_ERROR,
            409: BITBUCKET_ERROR,
            555: BITBUCKET_ERROR,
        },
        frozenset({"async"}),
        body=given(
            ("type",),
            type={"const": "pullrequest_merge_parameters"},
            message=TEXT,
            close_source_branch=BOOLEAN,
            merge_strategy={
                "enum": [
                    "fast_forward",
                    "merge_commit",
                    "rebase_fast_forward",
                    "rebase_merge",
                    "squash",
                    "squash_fast_forward",
                ]
            },
        ),
    ),
    Call(
        "POST",
        "/repositories/*/*/pullrequests/*/decline",
        {200: PULL_REQUEST, 555: BITBUCKET_ERROR},
    ),
    Call(
        "POST",
        "/repositories/*/*/src",
        {201: None, 403: BITBUCKET_ERROR, 409: BITBUCKET_ERROR},
        body={
            "type": "object",
            "properties": {"branch": TEXT, "message": TEXT, "parents": OID},
            # Whatever else there is, is a file.
            "additionalProperties": {"const": "a file"},
            "required": ["branch", "message"],
        },
        content_type="multipart/form-data",
    ),
    Call(
        "GET",
        "/repositories/*/*/src/*/",
        {200: paged(ENTRY), 404: BITBUCKET_ERROR},
        LISTING | {"max_depth", "format"},
    ),
    Call(
        "GET",
        "/repositories/*/*/src/*/**/",
        {200: paged(ENTRY), 404: BITBUCKET_ERROR},
        LISTING | {"max_depth", "format"},
    ),
    Call(
        "GET",
        "/repositories/*/*/src/*/**",
        {200: None, 404: BITBUCKET_ERROR},
        frozenset({"format"}),
    ),
    Call(
        "GET",
        "/repositories/*/*/refs/branches",
        {200: paged(told(name=TEXT, target=told(hash=OID, message=TEXT))), 404: BITBUCKET_ERROR},
        LISTING,
    ),
    Call(
        "GET",
        "/repositories/*/*/refs/branches/*",
        {200: told(name=TEXT, target=told(hash=OID, message=TEXT)), 404: BITBUCKET_ERROR},
    ),
    Call("DELETE", "/repositories/*/*/refs/branches/*", {204: None, 404: BITBUCKET_ERROR}),
    Call(
        "GET",
        "/repositories/*/*/commit/*/statuses",
        {
            200: paged(
                told(
                    type={"const": "commitstatus"},
                    state={"enum": ["FAILED", "INPROGRESS", "STOPPED", "SUCCESSFUL"]},
                )
            )
        },
        LISTING | {"refname"},
    ),
)


def find(calls: Iterable[Call], method: str, path: str) -> Call:
    """The documented call. AssertionError for one that is none."""
    for call in calls:
        if call.method == method and call.pattern.fullmatch(path):
            return call
    raise AssertionError(f"{method} {path} is not documented")


def check_request(
    call: Call, query: Mapping[str, object], content_type: str, body: Mapping[str, Any]
) -> None:
    """AssertionError for a request that the document does not allow."""
    assert query.keys() <= call.query, f"{call.path}: {sorted(query.keys() - call.query)}"
    if call.body is None:
        assert not body, f"{call.method} {call.path} takes no body"
        return
    assert content_type.startswith(call.content_type), f"{call.path}: {content_type}"
    plain = {name: "a file" if isinstance(v, bytes) else v for name, v in body.items()}
    _check(f"the request {call.method} {call.path}", call.body, plain)


def check_answer(call: Call, status: int, body: object) -> None:
    """AssertionError for an answer that the document does not tell of."""
    assert status in call.answers, f"{call.method} {call.path} does not answer {status}"
    schema = call.answers[status]
    if schema is not None:
        _check(f"the answer {status} of {call.method} {call.path}", schema, body)


def _check(what: str, schema: Schema, value: object) -> None:
    found = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
    assert not found, f"{what}: {'; '.join(found)}"
