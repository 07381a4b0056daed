"""The choices that hold for all fixes: which are needed, with which default, and what they change.

Pure. Only what the findings need is asked, and nothing that an option or the policy file says. The
default is what the files do already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.context_conventions import ContextConvention
from cci_migrate.assessing.conventions import policy_for
from cci_migrate.assessing.image_states import Authenticated, Incomplete, Unauthenticated, Wanted
from cci_migrate.assessing.step_assessment import MissingLogin
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.findings import ContextCandidate, FindingKey, Names
from cci_migrate.interactive.reviews import SessionConfig, Topic
from cci_migrate.policy.model import (
    DEFAULT_DOCKER_HUB,
    DOCKER_HUB,
    CredentialStore,
    LoginMethod,
    PasswordAuth,
    Platform,
    Policy,
)
from cci_migrate.policy.overrides import OptionValues, option_settings, policy_of
from cci_migrate.rule_ids import INCOMPLETE_AUTH, PULL_BEFORE_LOGIN, UNAUTHENTICATED_IMAGE

AS_THE_FILES_DO = "file"
_DOCKER_HUB_TOPICS = {Topic.USERNAME.value, Topic.PASSWORD.value, Topic.CONTEXT.value}

_OWN_NAMES = PasswordAuth("$DOCKERHUB_USERNAME", "$DOCKERHUB_PASSWORD")


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
            problem = None if answer is None else check_of(topic)(answer)
            if problem is not None:
                raise ValueError(f"{topic.value} cannot be what is given")

    def of(self, topic: Topic) -> str | None:
        """The answer on ``topic``."""
        answer: str | None = getattr(self, topic.value)
        return answer

    def with_answer(self, topic: Topic, answer: str) -> GeneralAnswers:
        """These answers and one more."""
        return replace(self, **{topic.value: answer})


class Option(Struct, frozen=True):
    """One answer to pick, and what follows from it."""

    key: str
    label: str
    consequence: str


class PickOne(Struct, frozen=True):
    """A question with a few answers. ``default`` is one of them, None where none is likelier."""

    topic: Topic
    text: str
    options: tuple[Option, ...]
    default: str | None


class FillIn(Struct, frozen=True):
    """A question for a name. ``check`` says what is wrong with an answer, None if nothing is."""

    topic: Topic
    text: str
    explanation: str
    default: str
    check: Callable[[str], str | None]


GeneralQuestion = PickOne | FillIn


class Needs(Struct, frozen=True, eq=False):
    """What the fixes of one config need to know, and what the config does already.

    ``names`` and ``context`` are the file's own for Docker Hub; ``keys`` the findings whose fixes
    write names.
    """

    told: frozenset[Topic]
    policy: Policy
    platform: bool = False
    names_are_written: bool = False
    has_workflows: bool = False
    login_is_written: bool = False
    names: PasswordAuth | None = None
    context: ContextConvention | None = None
    login: LoginMethod | None = None
    keys: tuple[FindingKey, ...] = ()

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


def needs_of(config: SessionConfig, assessment: Assessment | None) -> Needs:
    """What the fixes of ``config`` need to know."""
    if assessment is None:
        return Needs(config.told, config.policy)
    policy = config.policy
    missing = [one for one in assessment.missing_logins if assessment.login_credential(one)]
    keys = tuple(dict.fromkeys(_keys_with_names(assessment, missing)))
    is_writable = not assessment.config.is_orb_source or policy.fix_orbs
    writes = is_writable and (bool(keys) or any(_literal_secrets(assessment)))
    convention = assessment.conventions.get(DOCKER_HUB)
    own = convention.credential if convention is not None else None
    return Needs(
        config.told,
        policy,
        platform=bool(keys or missing),
        names_are_written=writes,
        has_workflows=bool(assessment.config.workflow_jobs),
        login_is_written=is_writable and bool(missing) and assessment.config.supports_orbs,
        names=own if isinstance(own, PasswordAuth) else None,
        context=assessment.context_of(DOCKER_HUB),
        login=_own_login(assessment),
        keys=keys,
    )


def _keys_with_names(
    assessment: Assessment, missing_logins: Iterable[MissingLogin]
) -> Iterator[FindingKey]:
    """The findings whose fixes write a user name and a password for Docker Hub."""
    for one in assessment.images:
        state = one.state
        if one.image.host != DOCKER_HUB or not isinstance(state, Unauthenticated | Incomplete):
            continue
        if isinstance(state.wanted, Wanted) and isinstance(state.wanted.credential, PasswordAuth):
            rule = INCOMPLETE_AUTH if isinstance(state, Incomplete) else UNAUTHENTICATED_IMAGE
            if assessment.policy.is_selected(rule):
                yield one.key(rule)
    for missing in missing_logins:
        if missing.host == DOCKER_HUB and assessment.policy.is_selected(PULL_BEFORE_LOGIN):
            yield missing.key


def _literal_secrets(assessment: Assessment) -> Iterator[str]:
    for one in assessment.images:
        if one.image.host == DOCKER_HUB and isinstance(one.state, Authenticated):
            literal = one.state.literal
            if literal is not None and literal.variable is not None:
                yield literal.variable


def _own_login(assessment: Assessment) -> LoginMethod | None:
    """How the steps of the config log in today: by a command in a script, or through the orb."""
    used = Counter(
        LoginMethod.CLI if login.moment.facts else LoginMethod.ORB
        for docker in assessment.dockers.all()
        for login in docker.logins
    )
    return used.most_common(1)[0][0] if used else None


def next_question(needs: Sequence[Needs], answers: GeneralAnswers) -> GeneralQuestion | None:
    """The first choice that the fixes need and that nobody has made yet."""
    for make in (_platform, _store, _username, _password, _context, _login):
        question = make(needs, answers)
        if question is not None and answers.of(question.topic) is None:
            return question
    return None


def _platform(needs: Sequence[Needs], answers: GeneralAnswers) -> PickOne | None:
    del answers
    if not any(one.platform and Topic.PLATFORM not in one.told for one in needs):
        return None
    return PickOne(
        Topic.PLATFORM,
        "Where do the jobs run?",
        (
            Option(
                Platform.CLOUD.value,
                "CircleCI Cloud",
                "Docker Hub limits what steps pull there; images of jobs are pulled with "
                "CircleCI's own account unless they have credentials.",
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


def _store(needs: Sequence[Needs], answers: GeneralAnswers) -> PickOne | None:
    del answers
    asked = [
        one
        for one in needs
        if one.names_are_written and one.has_workflows and Topic.CREDENTIALS not in one.told
    ]
    if not asked:
        return None
    own = [one for one in asked if one.own_store is not None]
    options = [
        Option(
            CredentialStore.CONTEXT.value,
            "a context",
            "Each workflow job that pulls gets the context. Builds of forked pull requests may "
            "not use it.",
        ),
        Option(
            CredentialStore.PROJECT.value,
            "the project's settings",
            "The workflows stay as they are. Every job of the project can read the variables.",
        ),
    ]
    if own:
        consequence = "Files that have credentials keep them where they are"
        if len(own) < len(asked):
            consequence += "; the others get a context"
        options.insert(0, Option(AS_THE_FILES_DO, _as_the_files_do(own), consequence + "."))
    is_open = any(place.context is None for one in asked for place in one.candidates)
    return PickOne(
        Topic.CREDENTIALS,
        "Where are the variables with the credentials kept?",
        tuple(options),
        None if is_open else options[0].key,
    )


def _as_the_files_do(own: Iterable[Needs]) -> str:
    kept = {
        "a context" if one.own_store is CredentialStore.CONTEXT else "the project's settings"
        for one in own
    }
    return f"as the files do ({' or '.join(sorted(kept))})"


def _writing_names(needs: Sequence[Needs], topic: Topic) -> list[Needs]:
    return [one for one in needs if one.names_are_written and topic not in one.told]


def default_names(needs: Sequence[Needs]) -> PasswordAuth:
    """The names that most of the files have for Docker Hub, or else the policy's."""
    own = Counter(one.names for one in needs if one.names is not None)
    if own:
        return own.most_common(1)[0][0]
    for one in needs:
        registry = policy_for(DOCKER_HUB, one.policy)
        if registry is not None and isinstance(registry.credential, PasswordAuth):
            return registry.credential
    return _OWN_NAMES


def _username(needs: Sequence[Needs], answers: GeneralAnswers) -> FillIn | None:
    del answers
    if not _writing_names(needs, Topic.USERNAME):
        return None
    return FillIn(
        Topic.USERNAME,
        "Docker Hub user name:",
        "A $VARIABLE, or the name itself." + _kept(needs),
        default_names(needs).username,
        check_of(Topic.USERNAME),
    )


def _password(needs: Sequence[Needs], answers: GeneralAnswers) -> FillIn | None:
    del answers
    if not _writing_names(needs, Topic.PASSWORD):
        return None
    return FillIn(
        Topic.PASSWORD,
        "Variable with the password:",
        "The name of the variable with Docker Hub's password or access token, never the secret.",
        default_names(needs).password,
        check_of(Topic.PASSWORD),
    )


def _kept(needs: Sequence[Needs]) -> str:
    """A sentence on files that keep names of their own."""
    default = default_names(needs)
    others = sum(one.names is not None and one.names != default for one in needs)
    if not others:
        return ""
    files = (
        "One file has others, which it keeps"
        if others == 1
        else (f"{others} files have others, which they keep")
    )
    return f" {files}."


def _context(needs: Sequence[Needs], answers: GeneralAnswers) -> FillIn | None:
    asked = _naming_a_context(needs, answers)
    if not asked:
        return None
    return FillIn(
        Topic.CONTEXT,
        "Context that holds both:",
        "It must exist in your organisation; each workflow job that pulls will name it."
        + _elsewhere(asked),
        default_context(asked),
        check_of(Topic.CONTEXT),
    )


def _elsewhere(needs: Iterable[Needs]) -> str:
    """A sentence on the places in which other configs keep the variables."""
    titles = dict.fromkeys(place.title for one in needs for place in one.candidates)
    return f" Other configs have both in {'; '.join(titles)}." if titles else ""


def _naming_a_context(needs: Sequence[Needs], answers: GeneralAnswers) -> list[Needs]:
    return [
        one
        for one in _writing_names(needs, Topic.CONTEXT)
        if one.has_workflows and _store_for(one, answers) is CredentialStore.CONTEXT
    ]


def default_context(needs: Sequence[Needs]) -> str:
    """The context that most of the files have for Docker Hub, or else the policy's.

    Empty where other configs of a repository have several.
    """
    if any(one.candidates for one in needs):
        return ""
    own = Counter(one.own_context for one in needs if one.own_context is not None)
    if own:
        return own.most_common(1)[0][0]
    for one in needs:
        registry = policy_for(DOCKER_HUB, one.policy)
        if registry is not None and registry.context is not None:
            return registry.context
    return DEFAULT_DOCKER_HUB.context or ""


def _store_for(one: Needs, answers: GeneralAnswers) -> CredentialStore:
    """Where the variables of a config are to be kept, as far as is known."""
    if Topic.CREDENTIALS in one.told:
        return one.policy.credentials or CredentialStore.CONTEXT
    if answers.credentials in (None, AS_THE_FILES_DO):
        return one.own_store or CredentialStore.CONTEXT
    return CredentialStore(answers.credentials)


def _login(needs: Sequence[Needs], answers: GeneralAnswers) -> PickOne | None:
    del answers
    asked = [one for one in needs if one.login_is_written and Topic.LOGIN not in one.told]
    if not asked:
        return None
    own = Counter(one.login for one in asked if one.login is not None)
    return PickOne(
        Topic.LOGIN,
        "How do steps log in to Docker Hub?",
        (
            Option(
                LoginMethod.ORB.value,
                "through the Docker orb",
                "docker/check before the first pull; the orb is imported where it is not yet. "
                "Without the variables the job fails.",
            ),
            Option(
                LoginMethod.CLI.value,
                "with the docker command",
                "A run step with --password-stdin; without the variables the job goes on.",
            ),
        ),
        (own.most_common(1)[0][0] if own else LoginMethod.ORB).value,
    )


def setting_value(topic: Topic, text: str) -> Any:
    """What the answer ``text`` makes of the setting that ``topic`` is about.

    Raises ValueError for what is no answer on it.
    """
    if topic is Topic.CREDENTIALS and text == AS_THE_FILES_DO:
        return None
    (setting,) = (setting for setting in option_settings() if setting.key == topic.value)
    return setting.read_text(text)


def check_of(topic: Topic) -> Callable[[str], str | None]:
    """A function that says what is wrong with a text as an answer on ``topic``, None if nothing."""

    def check(text: str) -> str | None:
        try:
            setting_value(topic, text)
        except ValueError as error:
            return f"It {error}."
        return None

    return check


def policy_with(one: Needs, answers: GeneralAnswers) -> Policy:
    """The policy of a config with what was answered, but for what its own policy says."""
    given = _given(one, answers)
    known = policy_for(DOCKER_HUB, one.policy) or DEFAULT_DOCKER_HUB
    if not isinstance(known.credential, PasswordAuth):
        given = {key: given[key] for key in given if key not in _DOCKER_HUB_TOPICS}
    return policy_of(given, one.policy)


def _given(one: Needs, answers: GeneralAnswers) -> OptionValues:
    """What was answered, but for what the policy of a config says itself."""
    told = {topic: _told(topic, one, answers) for topic in Topic}
    return {
        topic.value: setting_value(topic, text) for topic, text in told.items() if text is not None
    }


def _names(known: PasswordAuth, one: Needs, answers: GeneralAnswers) -> PasswordAuth:
    given = _given(one, answers)
    return PasswordAuth(
        given.get("username", known.username), given.get("password", known.password)
    )


def _told(topic: Topic, one: Needs, answers: GeneralAnswers) -> str | None:
    return None if topic in one.told else answers.of(topic)


def names_with(
    needs: Sequence[Needs], answers: GeneralAnswers
) -> Sequence[Mapping[FindingKey, Names]]:
    """By config, the names that its fixes write where the answers differ from its own.

    A config that has the names which were the default gets those that were given instead; one with
    names that are neither keeps them.
    """
    return [_override(one, needs, answers) for one in needs]


def _override(
    one: Needs, needs: Sequence[Needs], answers: GeneralAnswers
) -> Mapping[FindingKey, Names]:
    if one.names is None or one.names != default_names(needs):
        return {}
    names = _names(one.names, one, answers)
    context = usual = _usual_context(one, answers)
    default = default_context(_naming_a_context(needs, answers))
    if usual is not None and one.own_context in (None, default):
        context = _told(Topic.CONTEXT, one, answers) or usual
    is_in_policy = bool(one.candidates) and one.told.isdisjoint((Topic.USERNAME, Topic.PASSWORD))
    if names == one.names and (context == usual or is_in_policy):
        return {}
    return dict.fromkeys(one.keys, Names(names, context))


def _usual_context(one: Needs, answers: GeneralAnswers) -> str | None:
    """The context that the fixes of a config name if nobody says otherwise."""
    if _store_for(one, answers) is CredentialStore.PROJECT:
        return None
    registry = policy_for(DOCKER_HUB, one.policy)
    return one.own_context or (registry.context if registry is not None else None)


def asking_everything(needs: Sequence[Needs]) -> tuple[Needs, ...]:
    """``needs`` as they are where every choice is to be made, for a policy file."""
    return tuple(
        replace(
            one,
            told=frozenset(),
            platform=True,
            names_are_written=True,
            has_workflows=True,
            login_is_written=True,
        )
        for one in needs
    ) or (
        Needs(
            frozenset(),
            Policy(),
            platform=True,
            names_are_written=True,
            has_workflows=True,
            login_is_written=True,
        ),
    )
