"""What mails about people's own sign-in need; none where no mail is sent."""

from datetime import UTC, datetime

from portal.factory import clock, settings_of
from portal.services.invitations import ByMail
from portal.services.notices import Post
from portal.services.sealing import Sealer


def sealer() -> Sealer:
    """Give what seals and opens stored secrets."""
    return Sealer(settings_of().secret_keys)


def post() -> Post | None:
    """Give what a mail needs to be written, where mails are sent."""
    settings = settings_of()
    if settings.mail is None:
        return None
    return Post(base_url=settings.base_url, zone=clock().zone, real_now=datetime.now(UTC))


def by_mail(*, wanted: bool = True) -> ByMail | None:
    """Give what sending a link by mail needs, where it is wanted and mails are sent."""
    found = post()
    return ByMail(post=found, sealer=sealer()) if wanted and found is not None else None
