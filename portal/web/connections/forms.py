"""The form of the ConnectWise connection. The private key is written, never shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Request

from portal.db.records import Connection
from portal.services.certificates import LONGEST
from portal.services.connection_trial import Values
from portal.services.errors import Invalid
from portal.web.forms import text, ticked


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
    ca_certificates: str = ""
    key_expires: str = ""
    moved_ok: bool = False
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
            ca_certificates=connection.ca_certificates or "",
            key_expires="" if connection.key_expires is None else connection.key_expires.isoformat(),
        )

    @classmethod
    def of_test(cls, asked: Mapping[str, Any], errors: Mapping[str, str]) -> "ConnectionForm":
        """Give the form as it was when a test was asked for; the key is not in it."""
        return cls(**asked["values"], errors=dict(errors))

    @classmethod
    def read(cls, request: Request) -> "ConnectionForm":
        """Read what was typed; what is far too long is said at its field."""
        form = cls()
        wrong: dict[str, str] = {}
        longest = {
            "url": 500, "company": 100, "public_key": 200, "private_key": 200, "client_id": 100,
            "ca_certificates": LONGEST, "key_expires": 40,
        }  # fmt: skip
        for name, most in longest.items():
            try:
                setattr(form, name, text(request.form, name, longest=most))
            except Invalid as error:
                wrong |= error.fields
        file = request.files.get("ca_file")
        if file is not None and file.filename:
            form.ca_certificates = f"{form.ca_certificates}\n{file.read(LONGEST).decode('ascii', 'replace')}".strip()
        if "PRIVATE KEY" in form.ca_certificates:
            wrong["ca_certificates"] = (
                "This holds a private key, which belongs to nobody but its owner. Paste the certificate alone."
            )
            form.ca_certificates = ""  # not shown again
        form.allow_private = ticked(request.form, "allow_private")
        form.moved_ok = ticked(request.form, "moved_ok")
        form.errors = wrong
        return form

    @property
    def values(self) -> Values:
        """What was typed, beside the key."""
        return Values(
            url=self.url,
            company=self.company,
            public_key=self.public_key,
            client_id=self.client_id,
            allow_private=self.allow_private,
            ca_certificates=self.ca_certificates,
            key_expires=self.key_expires,
        )
