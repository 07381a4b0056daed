"""The choices that hold for all fixes: which are needed, with which default, and what they change.

Pure. Only what the findings need is asked, and nothing that an option or the policy file says. The
default is what the files do already.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import assert_never

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.context_conventions import ContextConvention
from cci_migrate.assessing.image_states import Authenticated, Incomplete, Proposed, Unauthenticated
from cci_migrate.assessing.step_assessment import MissingLogin
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import ChosenNames, ContextCandidate, FindingKey
from cci_migrate.interactive.reviews import SessionConfig, Topic
from cci_migrate.policy.overrides import OptionValues, given_fields, option_settings, policy_of
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    DEFAULT_NAMES,
    CredentialStore,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
)
from cci_migrate.rule_ids import INCOMPLETE_AUTH, PULL_BEFORE_LOGIN, UNAUTHENTICATED_IMAGE

_T = TypeVar("_T")

AS_THE_FILES_DO = "file"
_DOCKER_HUB_TOPICS = {Topic.USERNAME.value, Topic.PASSWORD.value, Topic.CONTEXT.value}


class GeneralAnswers(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was answered, None where nothing was asked; ``credentials`` may be `AS_THE_FILES_DO`.

    Its fields are the topics.
    """

    platform: str | None = None
    credentials: str | None = None
    username: str | None = None
    password: str | None = None
    context: str | None = None
    login: str | None = None

    __repr__ = repr_without("password")

    def __post_init__(self) -> None:
        """Raises ValueError for what no question takes for an answer."""
        for topic in Topic:
            answer = self.of(topic)
            if answer is not None and problem_with(topic, answer) is not None:
                raise ValueError(f"{topic.value} has an invalid value")

    def of(self, topic: Topic) -> str | None:
        """The answer on ``topic``."""
        answer: str | None = getattr(self, topic.value)
        return answer


#: A variable whose dollar was forgotten: an account at a registry is not called like this.
_LIKE_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


class Option(Struct, frozen=True):
    """One of the answers to choose from, and its consequence."""

    key: str
    label: str
    consequence: str


class ChoiceQuestion(Struct, frozen=True):
    """A question with a few answers. ``default`` is one of them; None if none is more likely."""

    topic: Topic
    text: str
    options: tuple[Option, ...]
    default: str | None


class TextQuestion(Struct, frozen=True):
    """A question for a name."""

    topic: Topic
    text: str
    explanation: str
    default: str


GeneralQuestion = ChoiceQuestion | TextQuestion


class ConfigNeeds(Struct, frozen=True, eq=False):
    """What the fixes of one config need, and the conventions that the config has.

    ``needed_topics`` are those that its fixes depend on, ``decided_topics`` those that its policy
    settles. ``names`` and ``context`` are the file's own for Docker Hub; ``keys`` the findings
    whose fixes write names.
    """

    decided_topics: frozenset[Topic]
    policy: Policy
    needed_topics: frozenset[Topic] = frozenset()
    names: PasswordAuth | None = None
    context: ContextConvention | None = None
    login: LoginMethod | None = None
    keys: tuple[FindingKey, ...] = ()

    @property
    def open_topics(self) -> frozenset[Topic]:
        """What only an answer can settle for its fixes."""
        return self.needed_topics - self.decided_topics

    @property
    def own_store(self) -> CredentialStore | None:
        """Where the config keeps its variables, where it is clear."""
        if self.context is None or not self.context.is_clear:
            return None
        return (
            CredentialStore.PROJECT if self.context.preferred is None else CredentialStore.CONTEXT
        )

    @property
    def candidates(self) -> tuple[ContextCandidate, ...]:
        """Where other configs keep the variables, if in different places."""
        return () if self.context is None else self.context.candidates

    @property
    def own_context(self) -> str | None:
        """The context that the config uses, where it is clear."""
        return self.context.preferred if self.context is not None and self.own_store else None


def needs_of(config: SessionConfig, assessment: Assessment | None) -> ConfigNeeds:
    """What the fixes of ``config`` need; nothing if ``assessment`` is None."""
    if assessment is None:
        return ConfigNeeds(config.decided_topics, config.policy)
    policy = config.policy
    missing = [login for login in assessment.logins.missing if assessment.logins.credential(login)]
    keys = tuple(dict.fromkeys(_keys_with_names(assessment, missing)))
    is_writable = not assessment.config.is_orb_source or policy.fix_orbs
    needed: set[Topic] = set()
    if keys or missing:
        needed.add(Topic.PLATFORM)
    if is_writable and (keys or any(_literal_secrets(assessment))):
        needed |= {Topic.USERNAME, Topic.PASSWORD}
        if assessment.config.workflow_jobs:
            needed |= {Topic.CREDENTIALS, Topic.CONTEXT}
    if is_writable and missing and assessment.config.supports_orbs:
        needed.add(Topic.LOGIN)
    convention = assessment.conventions.get(DOCKER_HUB)
    own = convention.credential if convention is not None else None
    return ConfigNeeds(
        config.decided_topics,
        policy,
        frozenset(needed),
        names=own if isinstance(own, PasswordAuth) else None,
        context=assessment.contexts.known.for_pulls(DOCKER_HUB),
        login=_own_login(assessment),
        keys=keys,
    )


def _keys_with_names(
    assessment: Assessment, missing_logins: Iterable[MissingLogin]
) -> Iterator[FindingKey]:
    """The findings whose fixes write a user name and a password for Docker Hub."""
    for image in assessment.images:
        state = image.state
        if image.image.host != DOCKER_HUB or not isinstance(state, Unauthenticated | Incomplete):
            continue
        if isinstance(state.proposed, Proposed) and isinstance(
            state.proposed.credential, PasswordAuth
        ):
            rule = INCOMPLETE_AUTH if isinstance(state, Incomplete) else UNAUTHENTICATED_IMAGE
            if assessment.policy.is_selected(rule):
                yield image.key(rule)
    for missing in missing_logins:
        if missing.host == DOCKER_HUB and assessment.policy.is_selected(PULL_BEFORE_LOGIN):
            yield missing.key


def _literal_secrets(assessment: Assessment) -> Iterator[str]:
    for image in assessment.images:
        if image.image.host == DOCKER_HUB and isinstance(image.state, Authenticated):
            literal = image.state.literal
            if literal is not None and literal.variable is not None:
                yield literal.variable


def _own_login(assessment: Assessment) -> LoginMethod | None:
    """How the steps of the config log in today: by a command in a script, or through the orb."""
    return most_common(
        LoginMethod.CLI if login.moment.facts else LoginMethod.ORB
        for docker in assessment.dockers.all()
        for login in docker.logins
    )


def most_common(values: Iterable[_T | None]) -> _T | None:
    """The most common of ``values`` besides None, the first of several; None if there are none."""
    counts = Counter(value for value in values if value is not None)
    return max(counts, key=counts.__getitem__, default=None)


def next_question(needs: Sequence[ConfigNeeds], answers: GeneralAnswers) -> GeneralQuestion | None:
    """The first question that the fixes need and ``answers`` leave open; None if there is none."""
    for topic in Topic:
        concerned = _concerned(topic, needs, answers)
        if concerned and answers.of(topic) is None:
            return _question(topic, concerned, needs)
    return None


def _concerned(
    topic: Topic, needs: Sequence[ConfigNeeds], answers: GeneralAnswers
) -> list[ConfigNeeds]:
    """The configs whose fixes depend on the answer on ``topic``."""
    concerned = [need for need in needs if topic in need.open_topics]
    if topic is not Topic.CONTEXT:
        return concerned
    return [need for need in concerned if _store_for(need, answers) is CredentialStore.CONTEXT]


def _question(
    topic: Topic, concerned: Sequence[ConfigNeeds], needs: Sequence[ConfigNeeds]
) -> GeneralQuestion:
    match topic:
        case Topic.PLATFORM:
            return _PLATFORM
        case Topic.CREDENTIALS:
            return _store(concerned)
        case Topic.USERNAME:
            explanation = "A $VARIABLE, or the name itself." + _kept(needs)
            default = default_names(needs).username
            return TextQuestion(topic, "Docker Hub user name:", explanation, default)
        case Topic.PASSWORD:
            return TextQuestion(
                topic,
                "Variable with the password:",
                "The name of the variable with Docker Hub's password or access token, never the "
                "secret.",
                default_names(needs).password,
            )
        case Topic.CONTEXT:
            return TextQuestion(
                topic,
                "Context with both variables:",
                "It must exist in your organisation. Each workflow job that pulls gets it."
                + _elsewhere(concerned),
                default_context(concerned),
            )
        case Topic.LOGIN:
            return _login(concerned)
        case _:
            assert_never(topic)


_PLATFORM = ChoiceQuestion(
    Topic.PLATFORM,
    "Where do the jobs run?",
    (
        Option(
            Platform.CLOUD.value,
            "CircleCI Cloud",
            "Docker Hub limits what steps pull. Images of jobs are pulled with CircleCI's own "
            "account unless they have credentials.",
        ),
        Option(
            Platform.SERVER.value,
            "CircleCI Server",
            "Every pull without credentials is anonymous. A workflow job takes one context.",
        ),
        Option(
            Platform.RUNNER.value,
            "self-hosted runners",
            "Every pull without credentials is anonymous, from your own address.",
        ),
    ),
    Platform.CLOUD.value,
)


def _store(concerned: Sequence[ConfigNeeds]) -> ChoiceQuestion:
    own = [need for need in concerned if need.own_store is not None]
    options = [
        Option(
            CredentialStore.CONTEXT.value,
            "a context",
            "Each workflow job that pulls gets the context. Builds from forks, and from people "
            "without access to it, fail with Unauthorized.",
        ),
        Option(
            CredentialStore.PROJECT.value,
            "the project's settings",
            "Workflows don't change. Every job of the project can read the variables.",
        ),
    ]
    if own:
        consequence = "Files with credentials don't change that"
        if len(own) < len(concerned):
            consequence += "; the others get a context"
        options.insert(0, Option(AS_THE_FILES_DO, _as_the_files_do(own), consequence + "."))
    is_open = any(place.context is None for need in concerned for place in need.candidates)
    return ChoiceQuestion(
        Topic.CREDENTIALS,
        "Where are the variables stored?",
        tuple(options),
        None if is_open else options[0].key,
    )


def _as_the_files_do(own: Iterable[ConfigNeeds]) -> str:
    kept = {
        "a context" if need.own_store is CredentialStore.CONTEXT else "the project's settings"
        for need in own
    }
    return f"as the files do ({' or '.join(sorted(kept))})"


def default_names(needs: Sequence[ConfigNeeds]) -> PasswordAuth:
    """The names that most of the files have for Docker Hub, or else the policy's."""
    own = most_common(need.names for need in needs)
    of_policies = (need.policy.docker_hub.credential for need in needs)
    passwords = (credential for credential in of_policies if isinstance(credential, PasswordAuth))
    return own or next(passwords, DEFAULT_NAMES)


def _kept(needs: Sequence[ConfigNeeds]) -> str:
    """A sentence on files that keep names of their own."""
    default = default_names(needs)
    others = sum(need.names is not None and need.names != default for need in needs)
    if not others:
        return ""
    files = "One file keeps other names" if others == 1 else f"{others} files keep other names"
    return f" {files}."


def _elsewhere(needs: Iterable[ConfigNeeds]) -> str:
    """A sentence on the places in which other configs keep the variables."""
    titles = dict.fromkeys(place.title for need in needs for place in need.candidates)
    return f" Other configs have both in {'; '.join(titles)}." if titles else ""


def default_context(needs: Sequence[ConfigNeeds]) -> str:
    """The context that most of the files have for Docker Hub, or else the policy's.

    Empty where other configs of a repository have several.
    """
    if any(need.candidates for need in needs):
        return ""
    own = most_common(need.own_context for need in needs)
    of_policies = (need.policy.docker_hub.context for need in needs)
    return own or next(filter(None, of_policies), DEFAULT_DOCKER_HUB.context or "")


def _store_for(need: ConfigNeeds, answers: GeneralAnswers) -> CredentialStore:
    """Where the variables of a config are to be kept, as far as is known."""
    if Topic.CREDENTIALS in need.decided_topics:
        return need.policy.credentials or CredentialStore.CONTEXT
    if answers.credentials in (None, AS_THE_FILES_DO):
        return need.own_store or CredentialStore.CONTEXT
    return CredentialStore(answers.credentials)


def _login(concerned: Sequence[ConfigNeeds]) -> ChoiceQuestion:
    return ChoiceQuestion(
        Topic.LOGIN,
        "How do steps log in to Docker Hub?",
        (
            Option(
                LoginMethod.ORB.value,
                "through the Docker orb",
                "docker/check before the first pull; imports the orb if necessary. "
                "Without the variables the job fails.",
            ),
            Option(
                LoginMethod.CLI.value,
                "with the docker command",
                "A run step with --password-stdin; without the variables the job continues.",
            ),
        ),
        (most_common(need.login for need in concerned) or LoginMethod.ORB).value,
    )


def setting_value(topic: Topic, text: str) -> Any:
    """The value of the setting of ``topic`` that the answer ``text`` means.

    Raises ValueError if it is no answer on it.
    """
    if topic is Topic.CREDENTIALS and text == AS_THE_FILES_DO:
        return None
    (setting,) = (setting for setting in option_settings() if setting.key == topic.value)
    return setting.read_text(text)


def problem_with(topic: Topic, text: str) -> str | None:
    """What is wrong with ``text`` as an answer on ``topic``, None if nothing is."""
    problem = problem_of(partial(setting_value, topic), text)
    if problem is None and topic is Topic.USERNAME and _LIKE_VARIABLE.fullmatch(text):
        return f"It looks like a variable; write ${text}."
    return problem


def problem_of(read: Callable[[str], object], text: str) -> str | None:
    """What is wrong with the answer ``text``, which ``read`` reads or raises ValueError for."""
    try:
        read(text)
    except ValueError as error:
        return f"It {error}."
    return None


def answered_policy(need: ConfigNeeds, answers: GeneralAnswers) -> Policy:
    """The policy of a config with the answers on topics that it does not decide itself."""
    settings = _answered_settings(need, answers)
    if not isinstance(need.policy.docker_hub.credential, PasswordAuth):
        settings = {key: settings[key] for key in settings if key not in _DOCKER_HUB_TOPICS}
    return policy_of(settings, need.policy)


def _answered_settings(need: ConfigNeeds, answers: GeneralAnswers) -> OptionValues:
    """What was answered, but for what the policy of a config says itself."""
    answered = {topic: _answer_for(topic, need, answers) for topic in Topic}
    return {
        topic.value: setting_value(topic, text)
        for topic, text in answered.items()
        if text is not None
    }


def _answer_for(topic: Topic, need: ConfigNeeds, answers: GeneralAnswers) -> str | None:
    return None if topic in need.decided_topics else answers.of(topic)


def answered_names(
    need: ConfigNeeds, needs: Sequence[ConfigNeeds], answers: GeneralAnswers
) -> Mapping[FindingKey, ChosenNames]:
    """The names that the fixes of a config write, if the answers differ from its own.

    A config with the names that were the default for all ``needs`` gets those of the answers; one
    with other names keeps them.
    """
    if need.names is None or need.names != default_names(needs):
        return {}
    settings = _answered_settings(need, answers)
    names = replace(need.names, **given_fields(PasswordAuth, settings))
    context = usual = _usual_context(need, answers)
    default = default_context(_concerned(Topic.CONTEXT, needs, answers))
    if usual is not None and need.own_context in (None, default):
        context = _answer_for(Topic.CONTEXT, need, answers) or usual
    is_in_policy = bool(need.candidates) and need.decided_topics.isdisjoint(
        (Topic.USERNAME, Topic.PASSWORD)
    )
    if names == need.names and (context == usual or is_in_policy):
        return {}
    return dict.fromkeys(need.keys, ChosenNames(names, context))


def _usual_context(need: ConfigNeeds, answers: GeneralAnswers) -> str | None:
    """The context that the fixes of a config name if nobody says otherwise."""
    if _store_for(need, answers) is CredentialStore.PROJECT:
        return None
    return need.own_context or need.policy.docker_hub.context


def needs_of_everything(needs: Sequence[ConfigNeeds]) -> tuple[ConfigNeeds, ...]:
    """``needs`` with every question open, for a policy file."""
    return tuple(
        replace(need, decided_topics=frozenset(), needed_topics=frozenset(Topic))
        for need in needs or [ConfigNeeds(frozenset(), Policy())]
    )
