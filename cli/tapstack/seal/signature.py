"""Signatures of seals: ed25519 keys in PEM files, DSSE envelopes, both by securesystemslib.

https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from tapstack.errors import InputError, SealBroken
from tapstack.seal.statement import PAYLOAD_TYPE

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, Key

_PEM = "-----BEGIN "
_EXPECTED = "an ed25519 {} key in PEM form was expected; `tap keys new FILE` writes a pair"


def new_pair(private: Path, public: Path) -> str:
    """Write a new key pair, the private part with mode 0600; returns the key's id.

    Raises InputError where one of the files exists: a key is never overwritten.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import SSlibKey

    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for path, data, mode in ((private, private_pem, 0o600), (public, public_pem, 0o644)):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            raise InputError(f"{path} exists already; a key is never overwritten.") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    return str(SSlibKey.from_crypto(key.public_key()).keyid)


def sign(seal: bytes, key: str) -> bytes:
    """The envelope of a seal, as JSON. `key` is a PEM text or the path of one; raises InputError for anything else."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(seal, PAYLOAD_TYPE, {})
    envelope.sign(_signer(key))
    return orjson.dumps(envelope.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def signed_by(seal: bytes, envelope: bytes, trusted: Sequence[Path]) -> Path | None:
    """The trusted key that signed these very bytes; None where none of them did.

    Raises SealBroken for an envelope that is damaged, or is that of another seal; InputError for a key file that is
    no key.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    keys = {path: _public_key(path) for path in trusted}
    try:
        raw = orjson.loads(envelope)
        parsed = Envelope.from_dict(raw)
        canonical = orjson.dumps(parsed.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as failure:
        raise SealBroken(f"The seal's signature can't be read: {failure!r}.") from None
    if parsed.payload != seal or parsed.payload_type != PAYLOAD_TYPE or canonical != envelope:
        raise SealBroken("The signature is that of another seal: seal or envelope has been changed.")
    for path, key in keys.items():
        try:
            if parsed.signatures and parsed.verify([key], 1):
                return path
        except VerificationError:
            continue
    return None


def _signer(key: str) -> CryptoSigner:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    name = "The signing key" if key.lstrip().startswith(_PEM) else key
    try:
        data = key.encode() if key.lstrip().startswith(_PEM) else Path(key).read_bytes()
        private = load_pem_private_key(data, password=None)
    except OSError as failure:
        raise InputError(
            f"{name} can't be read: {failure.strerror}.", hint=_EXPECTED.format("private")
        ) from None
    except (ValueError, TypeError):
        raise InputError(
            f"{name} is no private key without a password.", hint=_EXPECTED.format("private")
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(f"{name} is a key of another kind.", hint=_EXPECTED.format("private"))
    return CryptoSigner(private)


def _public_key(path: Path) -> Key:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        public = load_pem_public_key(path.read_bytes())
    except OSError as failure:
        raise InputError(f"The trusted key {path} can't be read: {failure.strerror}.") from None
    except (ValueError, TypeError):
        raise InputError(f"{path} is no public key.", hint=_EXPECTED.format("public")) from None
    if not isinstance(public, Ed25519PublicKey):
        raise InputError(f"{path} is a key of another kind.", hint=_EXPECTED.format("public"))
    return SSlibKey.from_crypto(public)
