"""GraphQL queries for GitHub.

https://docs.github.com/en/graphql/reference. One request for forty repositories with all
their CircleCI files costs one point of the hourly 5,000; a list of a hundred without files costs
two.
"""

from __future__ import annotations

from collections.abc import Sequence

#: The depth below ``.circleci`` of the files that are listed: .circleci/src/jobs/build/x.yml.
_DEPTH = 4


_BLOB = "... on Blob { oid text byteSize }"


def _folder(depth: int) -> str:
    below = f" ... on Tree {{ {_folder(depth - 1)} }}" if depth > 1 else ""
    return f"entries {{ name type mode object {{ {_BLOB}{below} }} }}"


_OUTLINE = """
fragment outline on Repository {
  id nameWithOwner isArchived isFork isEmpty visibility viewerPermission pushedAt
  repositoryTopics(first: 20) { nodes { topic { name } } }
  defaultBranchRef { name target { oid } }
  branch: ref(qualifiedName: $ref) { target { oid ... on Commit { message } } }
  pullRequests(headRefName: $head, first: 100, orderBy: {field: CREATED_AT, direction: DESC}) {
    nodes { id number url state isCrossRepository body headRepository { nameWithOwner } }
  }
  circleci: object(expression: "HEAD:.circleci") { oid }
}
"""

_REPOSITORY = f"""
fragment repository on Repository {{
  ...outline
  circleci: object(expression: "HEAD:.circleci") {{ ... on Tree {{ {_folder(_DEPTH)} }} }}
}}
{_OUTLINE}"""

OWNER = (
    """
query Owner($login: String!, $first: Int!, $after: String, $ref: String!, $head: String!) {
  repositoryOwner(login: $login) {
    repositories(
      first: $first, after: $after, ownerAffiliations: [OWNER]
      orderBy: {field: CREATED_AT, direction: ASC}
    ) {
      pageInfo { endCursor hasNextPage }
      nodes { ...outline }
    }
  }
}
"""
    + _OUTLINE
)


_FORK = """
fragment fork on Repository {
  id nameWithOwner isEmpty parent { id } defaultBranchRef { target { oid } }
  branch: ref(qualifiedName: $ref) { target { oid ... on Commit { message } } }
}
"""


def named(count: int, forked: Sequence[int] = ()) -> str:
    """The query for ``count`` repositories ``r0``, ... with the variables ``o0``, ``n0``, ...

    Those at the places ``forked`` come with a fork ``k0``, ... (``ko0``, ``kn0``, ...).
    """
    asked = [("", "r", at, "repository") for at in range(count)]
    asked += [("k", "k", at, "fork") for at in forked]
    variables = "".join(f", ${of}o{at}: String!, ${of}n{at}: String!" for of, _, at, _ in asked)
    fields = "\n".join(
        f"  {name}{at}: repository(owner: ${of}o{at}, name: ${of}n{at}) {{ ...{fragment} }}"
        for of, name, at, fragment in asked
    )
    fragments = _REPOSITORY + (_FORK if forked else "")
    return f"query Named($ref: String!, $head: String!{variables}) {{\n{fields}\n}}\n{fragments}"


def files(counts: Sequence[int]) -> str:
    """The query for files of repositories ``r0``, ..., as many of each as ``counts`` says.

    The variables are ``o0``, ``n0``, ... as in `named`, and ``e0_0``, ... (``OID:path``) for the
    files ``f0``, ...
    """
    variables = ", ".join(
        f"$o{at}: String!, $n{at}: String!"
        + "".join(f", $e{at}_{number}: String!" for number in range(count))
        for at, count in enumerate(counts)
    )
    fields = "\n".join(
        f"  r{at}: repository(owner: $o{at}, name: $n{at}) {{\n"
        + "".join(
            f"    f{number}: object(expression: $e{at}_{number}) {{ {_BLOB} }}\n"
            for number in range(count)
        )
        + "  }"
        for at, count in enumerate(counts)
    )
    return f"query Files({variables}) {{\n{fields}\n}}\n"


def branch_content(count: int, *, is_in_fork: bool = False) -> str:
    """The query for the changes of the commit ``$oid`` on ``$head`` to files ``$p0``, ...

    A fork's default branch is not what they are compared with: without ``$head``.
    """
    variables = "".join(f", $p{at}: String!" for at in range(count))
    files = "\n".join(f"f{at}: file(path: $p{at}) {{ mode oid }}" for at in range(count))
    head = "" if is_in_fork else " $head: String!,"
    compared = "defaultBranchRef { compare(headRef: $head) { aheadBy headTarget { oid } } }"
    return f"""
query BranchContent(
  $owner: String!, $name: String!,{head} $oid: GitObjectID!{variables}
) {{
  repository(owner: $owner, name: $name) {{
    {"" if is_in_fork else compared}
    commit: object(oid: $oid) {{
      ... on Commit {{ changedFilesIfAvailable parents(first: 2) {{ nodes {{ {files} }} }} }}
    }}
    files: object(oid: $oid) {{ ... on Commit {{ {files} }} }}
  }}
}}
"""


HEAD_CHECKS = """
query HeadChecks($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef { target { ... on Commit { statusCheckRollup { state } } } }
  }
}
"""

#: The lists of a pull request with what is asked of each item.
_LISTS = {
    "reviewRequests": """asCodeOwner requestedReviewer {
      ... on User { login } ... on Bot { login } ... on Mannequin { login }
      ... on Team { combinedSlug }
    }""",
    "latestOpinionatedReviews": "state author { login } commit { oid }",
}


def _page(name: str, arguments: str) -> str:
    return (
        f"{name}({arguments}) {{ pageInfo {{ endCursor hasNextPage }} nodes {{ {_LISTS[name]} }} }}"
    )


#: The state of pull requests by their ids.
REVIEWS = f"""
query Reviews($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on PullRequest {{
      state body isDraft headRefOid baseRefName createdAt updatedAt
      author {{ login }}
      mergeable mergeStateStatus reviewDecision isMergeQueueEnabled viewerCanEnableAutoMerge
      autoMergeRequest {{ enabledAt }}
      repository {{ viewerPermission viewerDefaultMergeMethod }}
      commits(last: 1) {{ nodes {{ commit {{ statusCheckRollup {{ state }} }} }} }}
      {_page("reviewRequests", "first: 100")}
      {_page("latestOpinionatedReviews", "first: 100, writersOnly: true")}
    }}
  }}
}}
"""


def further(name: str) -> str:
    """The query for a further page of the list called ``name`` of a pull request."""
    more = ", writersOnly: true" if name == "latestOpinionatedReviews" else ""
    return f"""
query Further($id: ID!, $after: String!) {{
  node(id: $id) {{ ... on PullRequest {{ {_page(name, f"first: 100, after: $after{more}")} }} }}
}}
"""


BASE_CHECKS = """
query BaseChecks($id: ID!) {
  node(id: $id) {
    ... on PullRequest {
      mergeCommit { statusCheckRollup { state } }
      baseRef { target { ... on Commit { statusCheckRollup { state } } } }
    }
  }
}
"""

MERGE = """
mutation Merge($input: MergePullRequestInput!) {
  mergePullRequest(input: $input) { pullRequest { state } }
}
"""

AUTO_MERGE = """
mutation AutoMerge($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { id } }
}
"""

REVERTED = """
query Reverted($owner: String!, $name: String!, $head: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    branch: ref(qualifiedName: $ref) { target { oid } }
    pullRequests(headRefName: $head, first: 100, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { id number url state isCrossRepository headRepository { nameWithOwner } }
    }
  }
}
"""

CREATE_REF = """
mutation CreateRef($input: CreateRefInput!) {
  createRef(input: $input) { ref { target { oid } } }
}
"""

UPDATE_REF = """
mutation UpdateRef($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId }
}
"""

CREATE_COMMIT = """
mutation CreateCommit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}
"""

CREATE_PULL_REQUEST = """
mutation CreatePullRequest($input: CreatePullRequestInput!) {
  createPullRequest(input: $input) { pullRequest { id number url state } }
}
"""

CLOSE_PULL_REQUEST = """
mutation ClosePullRequest($input: ClosePullRequestInput!) {
  closePullRequest(input: $input) { pullRequest { state } }
}
"""

REVERT_PULL_REQUEST = """
mutation RevertPullRequest($input: RevertPullRequestInput!) {
  revertPullRequest(input: $input) { revertPullRequest { number url } }
}
"""
