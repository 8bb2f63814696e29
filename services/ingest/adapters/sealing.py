"""Secrets of sources at rest: encrypted by the first token key, opened by any of them."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.contracts.codec import decode_plain, encode


class Seal:
    """A key of its own from each token key, so that no token opens a secret."""

    def __init__(self, token_keys: Sequence[str]) -> None:
        keys = [Fernet(urlsafe_b64encode(_derived(key))) for key in token_keys]
        self._first, self._all = keys[0], MultiFernet(keys)

    def seal(self, secrets: dict[str, str]) -> bytes:
        return self._all.encrypt(encode(secrets))

    def open(self, sealed: bytes) -> dict[str, str] | None:
        """None: no token key opens it any more."""
        try:
            found: dict[str, str] = decode_plain(self._all.decrypt(sealed))
        except InvalidToken:
            return None
        return found

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same by the first key; None if it is so already, or cannot be opened."""
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            try:
                return self._all.rotate(sealed)
            except InvalidToken:
                return None
        return None


def _derived(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=32, person=b"tuvi-sources").digest()
