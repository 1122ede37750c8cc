"""The form of the ConnectWise connection. The private key is written, never shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.db.records import Connection
from portal.web.forms import text, ticked

REQUIRED = {
    "url": "Fill in the address of your ConnectWise site.",
    "company": "Fill in the company id with which you sign in to ConnectWise.",
    "public_key": "Fill in the public key of the API member.",
    "client_id": "Fill in the client ID of your integration.",
}


@dataclass(slots=True, kw_only=True)
class ConnectionForm:
    """What was typed, or what is stored.

    Args:
        private_key: As typed; empty keeps the stored one.
        errors: A sentence for each field that cannot be used.
    """

    url: str = ""
    company: str = ""
    public_key: str = ""
    private_key: str = field(default="", repr=False)
    client_id: str = ""
    allow_private: bool = False
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection | None) -> "ConnectionForm":
        """Give the form as it stands before anybody types."""
        if connection is None:
            return cls()
        return cls(
            url=connection.url,
            company=connection.company,
            public_key=connection.public_key,
            client_id=connection.client_id,
            allow_private=connection.allow_private,
        )

    @classmethod
    def read(cls, typed: Mapping[str, str], connection: Connection | None) -> "ConnectionForm":
        """Read what was typed, and say what is missing."""
        form = cls(
            url=text(typed, "url", longest=500),
            company=text(typed, "company", longest=100),
            public_key=text(typed, "public_key", longest=200),
            private_key=text(typed, "private_key", longest=200),
            client_id=text(typed, "client_id", longest=100),
            allow_private=ticked(typed, "allow_private"),
        )
        form.errors = {name: sentence for name, sentence in REQUIRED.items() if not getattr(form, name)}
        if not form.private_key and not form.keeps_key(connection):
            form.errors["private_key"] = "Put in the private key: another address or company needs it anew."
        return form

    def keeps_key(self, connection: Connection | None) -> bool:
        """Tell whether the stored key may be used: a key is never sent to wherever somebody points the connection."""
        return connection is not None and (connection.url, connection.company) == (self.url, self.company)
