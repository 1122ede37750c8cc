"""Builds clients of other companies' servers from stored connections. For jobs and the command line alone."""

import sqlalchemy as sa
from sqlalchemy.orm import object_session

from portal.connectwise import ConnectWise
from portal.db.records import Connection
from portal.services.request_pace import SharedPace, sessions_of
from portal.services.sealing import Sealer


def connectwise_client(connection: Connection, sealer: Sealer) -> ConnectWise:
    """Build a ConnectWise client; close it, or use it as a context manager.

    Args:
        connection: The stored connection; it is read here and not kept. Its store also keeps the pace, which all
            workers share.
        sealer: Opens the private key.

    Raises:
        Refused: The private key cannot be opened.
        ValueError: The connection belongs to no session, so there is no store to keep the pace.
    """
    session = object_session(connection)
    if session is None:
        raise ValueError("The connection was not read from a store.")
    bind = session.get_bind()
    engine = bind.engine if isinstance(bind, sa.Connection) else bind
    return ConnectWise(
        connection.url,
        company=connection.company,
        public_key=connection.public_key,
        private_key=sealer.open(connection.sealed_private_key),
        client_id=connection.client_id,
        allow_private=connection.allow_private,
        parallel=connection.parallel,
        bundle_size=connection.bundle_size,
        ca_certificates=connection.ca_certificates,
        pace=SharedPace(sessions_of(engine), connection.name, connection.requests_a_minute),
    )
