"""What ``<< pipeline.… >>`` becomes where a config is compiled here: a push to ``main``.

The names are those for which CircleCI's own program makes values up too
(https://github.com/CircleCI-Public/circleci-cli, ``internal/configcmd/pipeline.go``). Nothing of
this machine's repository is in them.
"""

from __future__ import annotations

from collections.abc import Mapping

Value = str | int | bool

_ID = "00000000-0000-0000-0000-000000000001"
_REVISION = "0" * 40
_LONG_AGO = "2020-01-01T00:00:00Z"
_URL = "https://github.com/example/example"

_NAMES: tuple[tuple[Value, str], ...] = (
    (
        _ID,
        "id trigger.id trigger_parameters.github_app.user_id "
        "trigger_parameters.gitlab.x_gitlab_event_id",
    ),
    (1, "number trigger_parameters.github_app.total_commits_count"),
    (
        "",
        "config.file_path config.repository.name deploy.component_name deploy.current_version "
        "deploy.environment_name deploy.namespace deploy.reason deploy.target_version "
        "event.action event.github.comment.body event.github.head_commit.url "
        "event.github.label event.github.pull_request.title event.github.sender.avatar_url "
        "event.github.sender.type event.name git.commit.author_avatar_url "
        "git.commit.author_email git.commit.author_login git.commit.author_name "
        "git.commit.body git.commit.subject git.commit.url git.repo_id git.repo_name "
        "git.repo_owner git.ssh_checkout_url git.tag name schedule.id schedule.name "
        "trigger.name trigger.type trigger_parameters.github_app.commit_author_name "
        "trigger_parameters.github_app.commit_message "
        "trigger_parameters.github_app.commit_title trigger_parameters.github_app.repo_name "
        "trigger_parameters.github_app.repo_url trigger_parameters.github_app.user_avatar "
        "trigger_parameters.github_app.user_name trigger_parameters.github_app.user_username "
        "trigger_parameters.github_app.web_url trigger_parameters.webhook.body",
    ),
    (
        _URL,
        "config.repository.url event.context.github.pr_url event.github.pull_request.url "
        "event.github.repository.url git.repo_url project.git_url",
    ),
    ("github", "project.type"),
    (
        "main",
        "git.branch trigger_parameters.github_app.branch trigger_parameters.gitlab.default_branch",
    ),
    (
        _REVISION,
        "config.sha event.github.after event.github.pull_request.base.sha "
        "event.github.pull_request.head.sha git.base_revision git.revision "
        "trigger_parameters.github_app.checkout_sha trigger_parameters.github_app.commit_sha "
        "trigger_parameters.gitlab.commit_sha",
    ),
    (True, "git.branch.is_default"),
    (
        _LONG_AGO,
        "trigger.received_at trigger_parameters.circleci.event_time "
        "trigger_parameters.github_app.commit_timestamp",
    ),
    ("github_app", "trigger_parameters.circleci.trigger_type"),
    ("push", "trigger_parameters.circleci.event_type"),
    ("refs/heads/main", "config.ref event.github.ref trigger_parameters.github_app.ref"),
    (
        False,
        "event.github.pull_request.draft event.github.pull_request.merged "
        "trigger_parameters.gitlab.is_fork_merge_request",
    ),
    ("webhook", "trigger_source"),
    ("repo-name", "event.github.repository.name"),
    ("repo-owner", "event.github.repository.owner.login"),
    ("user-login", "event.github.sender.login"),
    ("base-branch", "event.github.pull_request.base.ref"),
    ("head-branch", "event.github.pull_request.head.ref"),
    (111, "event.github.pull_request.number"),
)

PIPELINE_VALUES: Mapping[str, Value] = {
    f"pipeline.{name}": value for value, names in _NAMES for name in names.split()
}
