"""Secrets at rest: sealed with keys derived from the portal's secret keys, so that rotating those rotates these."""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.services.errors import Refused


class Sealer:
    """Seals texts and opens them again.

    Args:
        secret_keys: The first one seals, all of them open.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in secret_keys])

    def __repr__(self) -> str:
        return "Sealer(…)"

    def seal(self, text: str) -> str:
        """Seal a text."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Open a sealed text.

        Raises:
            Refused: It was sealed with a key that is no longer known, or changed since.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Refused(
                "A stored key cannot be opened with the portal's secret key. Restore COUNTERSIGN_SECRET_KEY, or enter "
                "the key anew."
            ) from None


def _derived(key: str) -> bytes:
    """Derive a Fernet key; the label keeps it apart from other uses of the same secret."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"countersign stored secrets").derive(key.encode())
    return base64.urlsafe_b64encode(derived)
