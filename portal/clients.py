"""Builds clients of other companies' servers from stored connections. For jobs and the command line alone."""

from portal.connectwise import ConnectWise
from portal.db.records import Connection
from portal.services.sealing import Sealer


def connectwise_client(connection: Connection, sealer: Sealer) -> ConnectWise:
    """Build a ConnectWise client; close it, or use it as a context manager.

    Args:
        connection: The stored connection; it is read here and not kept.
        sealer: Opens the private key.

    Raises:
        Refused: The private key cannot be opened.
    """
    return ConnectWise(
        connection.url,
        company=connection.company,
        public_key=connection.public_key,
        private_key=sealer.open(connection.sealed_private_key),
        client_id=connection.client_id,
        allow_private=connection.allow_private,
    )
