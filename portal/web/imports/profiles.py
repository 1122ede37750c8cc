"""How a vendor's files are read: the versions of each profile, who made them, what differs, and an older one again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.records import Vendor, VendorProfile
from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import imports
from portal.services.errors import Conflict, NotFound
from portal.vendors.errors import BadProfile
from portal.vendors.profiles import FileProfile
from portal.web.access import allowed, current_actor, may
from portal.web.htmx import announce
from portal.web.imports.changes import changes
from portal.web.imports.routes import bp


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a profile.

    Args:
        record: It.
        said: What differs from the version before; of the first one, what its columns mean.
        newest: It is the one that is used.
    """

    record: VendorProfile
    said: Sequence[str]
    newest: bool


@bp.get("/profiles/<slug>")
@may("read")
def profiles(slug: str) -> ResponseReturnValue:
    """List the versions of a vendor's profiles, the newest first."""
    session = reading()
    vendor = _vendor(session, slug)
    return render_template(
        "imports/profiles.html", vendor=vendor, profiles=_versions(session, vendor), can_import=allowed("import")
    )


@bp.post("/profiles/<slug>/<int:profile_id>")
@may("import")
def use_again(slug: str, profile_id: int) -> ResponseReturnValue:
    """Use an older version again, as a new one."""
    with transaction() as session:
        vendor = _vendor(session, slug)
        old = session.get(VendorProfile, profile_id)
        if old is None or old.vendor_id != vendor.id:
            raise NotFound(f"{vendor.title} has no such version.")
        try:
            profile = FileProfile.from_spec(old.spec)
        except BadProfile as error:
            raise Conflict(f"This version cannot be used any more: {error} Nothing was changed.") from error
        new = imports.save_profile(
            session, vendor=vendor, name=old.name, profile=profile, by=current_actor(), now=clock().now()
        )
        announce(f"“{old.name}” is read as in version {old.version} again; that is version {new.version} now.")
    return redirect(url_for("imports.profiles", slug=slug), 303)


def _vendor(session: Session, slug: str) -> Vendor:
    vendor = session.scalars(sa.select(Vendor).where(Vendor.slug == slug)).one_or_none()
    if vendor is None:
        raise NotFound("There is no such vendor.")
    return vendor


def _versions(session: Session, vendor: Vendor) -> dict[str, list[Version]]:
    """Give the versions by the profile's name, the newest first."""
    query = sa.select(VendorProfile).where(VendorProfile.vendor_id == vendor.id)
    found: dict[str, list[VendorProfile]] = {}
    for record in session.scalars(query.order_by(VendorProfile.version.desc(), VendorProfile.id.desc())):
        found.setdefault(record.name, []).append(record)
    nothing: Mapping[str, Any] = {}
    return {
        name: [
            Version(
                one, changes(records[place + 1].spec if place + 1 < len(records) else nothing, one.spec), place == 0
            )
            for place, one in enumerate(records)
        ]
        for name, records in found.items()
    }
