"""Which names are those of secrets: what providers do not mark as sensitive, an attribute's name gives away."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS: Final = frozenset(
    "password passwords passwd pwd passphrase passcode secret secrets token credential credentials psk preshared "  # noqa: SIM905
    "apikey accesskey secretkey privatekey authtoken".split()
)
_SECRET_PAIRS: Final = frozenset(
    {
        *(
            (word, "key")
            for word in ("private", "access", "api", "secret", "signing", "auth", "account", "shared")
        ),
        ("connection", "string"),
        ("user", "data"),
    }
)
# Tokens that name a request, a version or a lock.
_NO_SECRET_PAIRS: Final = frozenset(
    (word, "token")
    for word in ("client", "creation", "lock", "max", "next", "request", "sync", "update", "version")
)
# A name that ends so tells something about a secret, and not the secret: secret_arn, password_length, token_type.
_ABOUT: Final = frozenset(
    "age algorithm alias aliases arn arns attribute attributes audience bits change changed check checks class config "  # noqa: SIM905
    "configuration configurations count date days description destroy domains duration enabled encryption endpoint "
    "endpoints expiration expires expression field file fingerprint format from generation header headers id "
    "identifier ids interval issuer length lifetime limit list location management manager max method min minimum mode "
    "name names number only options param parameter path period policies policy prefix prevention provider recovery "
    "references region replication required reset resource resources rotation rules scheme scope scopes selection "
    "settings size source spec special status storage store strategy stores time timeout type types units update uri "
    "url usage use user username validity version versions window".split()
)


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether what has that name is a secret: `db_password`, `apiToken`, `SECRET_KEY`."""
    if is_about_secret(name):
        return False
    words = _words(name)
    pairs = set(pairwise(words))
    if pairs & _NO_SECRET_PAIRS:
        return False
    return not _SECRET_WORDS.isdisjoint(words) or bool(pairs & _SECRET_PAIRS)


@lru_cache(maxsize=8192)
def is_about_secret(name: str) -> bool:
    """Whether it only tells something about a secret, whatever else it says: `arn`, `password_length`."""
    words = _words(name)
    return not words or words[-1] in _ABOUT


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
