"""Encrypts a plan for the artefact store with a passphrase: scrypt, then Fernet (AES-128-CBC and HMAC-SHA256)."""

from __future__ import annotations

import base64
import os

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

Refused = InvalidToken
_SALT = 16


def encrypt(data: bytes, passphrase: str) -> bytes:
    """A salt of 16 bytes, then a Fernet token."""
    salt = os.urandom(_SALT)
    return salt + _fernet(passphrase, salt).encrypt(data)


def decrypt(data: bytes, passphrase: str) -> bytes:
    """Raises Refused for another passphrase, and for data that was changed."""
    return _fernet(passphrase, data[:_SALT]).decrypt(data[_SALT:])


def _fernet(passphrase: str, salt: bytes) -> Fernet:
    # Parameters of RFC 7914 for interactive use; a secret of the job is longer than what people type.
    key = Scrypt(salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(key))
