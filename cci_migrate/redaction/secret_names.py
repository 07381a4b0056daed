"""Decides which keys and variables name a secret, and which of their values are one."""

from __future__ import annotations

from functools import lru_cache

from cci_migrate.lazy_patterns import lazy_pattern

#: A name with one of these words names a secret.
_WORDS = frozenset(
    (
        *("password", "passwd", "passphrase", "passcode", "pass", "passw", "pw", "pwd", "psw"),
        *("secret", "token", "apikey", "accesskey", "privatekey", "secretkey", "credential"),
        *("credentials", "creds", "cred", "auth", "authtoken", "accesstoken", "pat", "bearer"),
        *("authorization", "dockercfg", "dockerconfigjson", "passwort", "senha", "contrasena"),
        *("requirepass", "masterauth", "sshpass", "dbpass", "mypass", "userpass", "pgpassword"),
    )
)
#: Words that are often misspelt, each with the length of its shortest misspelling, by the letter
#: that all misspellings begin with.
_OFTEN_MISSPELT = {
    "p": (("password", 6), ("passphrase", 8)),
    "s": (("secret", 5),),
    "t": (("token", 5),),
    "c": (("credential", 8),),
}
#: Correct words similar to those.
_NEAR_MISSES = frozenset(("passed", "passes", "passing", "keyword", "sector", "taken", "broken"))
_ALIKE = 0.79
#: The words that make a following "key" a secret.
_KINDS_OF_KEY = frozenset(
    (
        *("api", "access", "secret", "private", "auth", "ssh", "deploy", "signing", "encryption"),
        *("master", "account"),
    )
)
#: A name that ends in one of these describes a secret, and is none.
_ABOUT_A_SECRET = frozenset(
    (
        *("name", "path", "file", "url", "host", "type", "length", "ttl", "id", "arn", "method"),
        *("store", "region", "enabled", "required", "context", "env", "var", "variable", "version"),
        *("policy", "stdin", "helper", "helpers", "provider", "scope", "scopes", "expiry", "hint"),
    )
)
#: Names of other things that have such a word, among them options that have no value.
_NOT_OF_SECRETS = (
    *("pwd", "PWD", "on_pass", "on-pass", "onPass"),
    *("with-registry-auth", "show-secrets", "send-secrets"),
)
_PART = lazy_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

#: A value that is read from elsewhere: a variable, a parameter, a template, a command's output.
_REFERENCE = lazy_pattern(
    r"\$\{[^{}]*\}|\$\w+|<<[^<>]*>>|\{\{[^{}]*\}\}|\$\([^()]*\)|`[^`]*`|%\w+%"
)
#: How much of a value is examined.
_LONGEST = 1000
#: A value that refers to a secret: the name of a variable, or the path of a file.
_PLACE = lazy_pattern(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]*(?:PASS|PASSWORD|PWD|TOKEN|SECRET|KEY)"
    r"|(?:~|\.{1,2}|/[\w.\-]+)/[\w.\-/]*"
)
#: The same: a command's output, a reference to a vault, an address.
_REFERRING = lazy_pattern(r"\$\(|`|arn:|(?:op|vault|https?|s3|file)://")
_NO_SECRET = lazy_pattern(
    r"(?i)true|false|yes|no|on|off|null|none|nil|~|env_var_name|string|boolean|[*.\-_x<>/|]*"
    r"|\d{1,3}|[\w.\-]+/[\w.\-]+@(?:volatile|dev:[\w.\-]+|\d[\d.]*)"
)
#: The words in passwords of services in tests, which everybody knows.
_THROWAWAY_WORDS = frozenset(
    (
        *("postgres", "postgresql", "mysql", "mariadb", "mongo", "redis", "rabbitmq", "guest"),
        *("root", "admin", "user", "ubuntu", "circleci", "circle", "ci", "test", "tests", "tester"),
        *("testing", "testuser", "db", "database", "dev", "development", "local", "localhost"),
        *("example", "dummy", "fake", "sample", "foo", "bar", "baz", "foobar", "changeme"),
        *("change", "me", "password", "passwd", "pass", "secret", "token", "key", "trust", "some"),
        *("my", "not", "a", "the", "is", "for", "only", "default", "placeholder", "insert", "your"),
        *("here", "base", "rails", "django", "app", "sa", "rootpw", "pw", "real", "set", "unset"),
        *("mock", "stub", "this", "an", "purpose", "invalid", "but", "fine", "aws", "access"),
        "api",
        *("x", "oauth", "basic", "auth", "at", "all", "ok", "do", "use", "anything", "whatever"),
    )
)
_WORD_OF_VALUE = lazy_pattern(r"[A-Za-z]+")


@lru_cache(maxsize=8192)
def names_a_secret(name: str) -> bool:
    """Whether the value of ``name`` (a key, a parameter, a variable) is likely a secret.

    >>> [names_a_secret(name) for name in ("docker-password", "pasword", "dockerPw", "cache_key")]
    [True, True, True, False]
    """
    if len(name) > 128:
        return False
    words = [part.lower() for part in _PART.findall(name)]
    if not words or name in _NOT_OF_SECRETS or (len(words) > 1 and words[-1] in _ABOUT_A_SECRET):
        return False
    if any(word in _WORDS or _is_misspelt(word) for word in words):
        return True
    return any(
        words[at] in ("key", "keys") and words[at - 1] in _KINDS_OF_KEY
        for at in range(1, len(words))
    )


def _is_misspelt(word: str) -> bool:
    if "passw" in word or word.endswith(("secret", "token")):
        return True
    return word not in _NEAR_MISSES and any(
        # Cheap tests first: a config may have thousands of words.
        shortest <= len(word) <= len(right) + 3
        and len(set(right).difference(word)) <= 1
        and _are_alike(word, right)
        for right, shortest in _OFTEN_MISSPELT.get(word[0], ())
    )


def _are_alike(word: str, right: str) -> bool:
    from difflib import SequenceMatcher  # few words come this far

    return SequenceMatcher(None, word, right).ratio() >= _ALIKE


def literal_part(value: str) -> str:
    """``value`` without its references to variables, parameters and the like."""
    return _REFERENCE.sub("", value) if "$" in value or "{" in value or "<<" in value else value


def is_secret_value(value: str, *, of_variable: bool = False) -> bool:
    """Whether ``value``, under a name that `names_a_secret`, is a literal secret.

    ``of_variable``: it is an environment variable's, where throwaway passwords are no secrets
    (``POSTGRES_PASSWORD: postgres``).
    """
    whole = value[:_LONGEST].strip("\"' \t\r\n")
    literal = literal_part(whole).strip("\"' \t\r\n:,;")
    if not any(char.isalnum() for char in literal) or _NO_SECRET.fullmatch(literal):
        return False
    if literal == whole:
        is_elsewhere = _PLACE.fullmatch(whole) or _REFERRING.match(whole)
        return not (is_elsewhere or (of_variable and is_throwaway(whole)))
    # Text around a variable: a path, a prefix, or part of a password.
    is_elsewhere = _PLACE.fullmatch(literal) or _REFERRING.search(whole)
    return not (is_elsewhere or is_throwaway(literal))


def is_throwaway(value: str) -> bool:
    """Whether ``value`` consists of words that tests use as passwords.

    >>> is_throwaway("mytestpassword1"), is_throwaway("hunter2")
    (True, False)
    """
    digits = sum(char.isdigit() for char in value)
    words = _WORD_OF_VALUE.findall(value.lower())
    return len(value) <= 64 and digits <= 4 and all(map(_consists_of_throwaways, words))


def _consists_of_throwaways(word: str) -> bool:
    """Whether ``word`` is one of `_THROWAWAY_WORDS` or several joined."""
    ends = {0}
    for at in range(1, len(word) + 1):
        if any(word[start:at] in _THROWAWAY_WORDS for start in ends):
            ends.add(at)
    return len(word) in ends
