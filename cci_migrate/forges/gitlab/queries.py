"""The GraphQL that is sent to GitLab, as text.

https://docs.gitlab.com/api/graphql/reference/. A query costs points, of which a signed-in user has
250 (https://docs.gitlab.com/api/graphql/#max-query-complexity); several paths in one ``blobs`` have
cost more than that at times (https://gitlab.com/gitlab-org/gitlab/-/issues/576497), so the query
for many projects has the one path that most of them need, and a listing of the folder.
"""

from __future__ import annotations

from cci_migrate.forges.gitlab.reading import MAIN_CONFIG, REQUESTS_SHOWN

_BLOBS = "nodes { path oid rawTextBlob }"

_PROJECT = f"""
fragment project on Project {{
  id fullPath archived visibility topics isForked lastActivityAt
  userPermissions {{ pushCode }}
  mergeRequests(sourceBranches: [$branch], sort: CREATED_DESC, first: {REQUESTS_SHOWN}) {{
    nodes {{
      iid web_url: webUrl state description
      source_project_id: sourceProjectId target_project_id: targetProjectId
    }}
  }}
  repository {{
    empty rootRef
    head: tree {{ lastCommit {{ sha }} }}
    branch: tree(ref: $ref) {{ lastCommit {{ sha message }} }}
    circleci: tree(path: ".circleci", recursive: true) {{
      blobs {{ pageInfo {{ hasNextPage }} nodes {{ path mode }} }}
    }}
    main: blobs(paths: ["{MAIN_CONFIG}"]) {{ {_BLOBS} }}
  }}
}}
"""

#: All projects of a group with its subgroups, or of a user.
OWNER = (
    """
query Owner($path: ID!, $first: Int!, $after: String, $branch: String!, $ref: String!) {
  namespace(fullPath: $path) {
    projects(includeSubgroups: true, first: $first, after: $after) {
      pageInfo { endCursor hasNextPage }
      nodes { ...project }
    }
  }
}
"""
    + _PROJECT
)

#: Projects by their names, at most fifty.
NAMED = (
    """
query Named($paths: [String!], $first: Int!, $branch: String!, $ref: String!) {
  projects(fullPaths: $paths, first: $first) {
    nodes { ...project }
  }
}
"""
    + _PROJECT
)

#: Files of one project at a commit. Those that are not there are left out of the answer.
FILES = f"""
query Files($path: ID!, $commit: String!, $paths: [String!]!) {{
  project(fullPath: $path) {{
    repository {{ blobs(paths: $paths, ref: $commit) {{ {_BLOBS} }} }}
  }}
}}
"""
