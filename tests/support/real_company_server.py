"""Canaille, a provider of OpenID Connect: people, groups, and the portal as a client that each person has to agree to.

Run by the Python of `make company`. The first line that is printed is the issuer.
"""

import os
import secrets
import socket
import sys

import waitress
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc import provider
from joserfc.jwk import RSAKey

PEOPLE = {"priya": "Priya", "dana": "Dana", "stranger": "Somebody Else"}
GROUPS = {"owners": ["priya"], "heads": ["dana"]}


def serve(folder: str, back: str, client: str, secret: str, password: str) -> None:
    """Serve until the process is ended.

    Args:
        folder: Where its store is made.
        back: The client's redirect URI.
        client: The client's name.
        secret: The client's secret.
        password: Of everybody.
    """
    line = socket.socket()
    line.bind(("127.0.0.1", 0))
    line.listen()  # who asks before it serves is kept waiting
    address = f"127.0.0.1:{line.getsockname()[1]}"
    # Its own access tokens tell of the second in which they are given: a second sign-in within it gets the same one,
    # which its store refuses. The portal reads none of what is in them.
    provider.generate_access_token = lambda *_, **__: secrets.token_urlsafe(48)
    key = RSAKey.generate_key(2048)
    key.ensure_kid()
    app = create_app(
        config={
            "SECRET_KEY": os.urandom(16).hex(),
            "SERVER_NAME": address,
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {
                "DATABASE": "sql",
                "JAVASCRIPT": False,
                "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
            },
            "CANAILLE_SQL": {"DATABASE_URI": f"sqlite:///{folder}/company.sqlite"},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
        }
    )
    with app.app_context():
        keep = Backend.instance.save
        people = {
            name: models.User(
                user_name=name,
                password=password,
                formatted_name=shown,
                family_name=shown,
                emails=[f"{name}@fennimore.example"],
            )
            for name, shown in PEOPLE.items()
        }
        for person in people.values():
            keep(person)
        for name, members in GROUPS.items():
            keep(models.Group(display_name=name, members=[people[each] for each in members]))
        portal = models.Client(
            client_id=client,
            client_secret=secret,
            client_name="Countersign",
            client_uri="https://countersign.fennimore.example",  # not one that it trusts unasked
            redirect_uris=[back],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid", "email", "profile", "groups"],
            token_endpoint_auth_method="client_secret_basic",
        )
        keep(portal)
        portal.audience = [portal]  # in this order, as its own page does it
        keep(portal)
    print(f"http://{address}", flush=True)  # noqa: T201 - this is how it is told
    waitress.serve(app, sockets=[line])


if __name__ == "__main__":
    serve(*sys.argv[1:])
