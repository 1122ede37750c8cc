"""Vendors by name, made when first needed, and the profiles of their files."""

import difflib
import re
import unicodedata
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Vendor, VendorAccount, VendorProfile, VendorService
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.errors import Invalid, NotFound
from portal.vendors.profiles import FileProfile

LONGEST_TITLE = 80  # characters
_NEAR = 0.8  # share of equal letters at which a name is taken for a slip


def slug_of(title: str) -> str:
    """Make the short name of a vendor: letters and digits, with hyphens between words."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def vendor_by_name(session: Session, name: str, *, create: bool, by: Actor, now: datetime) -> Vendor:
    """Find a vendor by its title or slug, or make it.

    Args:
        session: A writing session where `create` is true.
        name: As a person writes it; case does not count.
        create: Make the vendor if there is none of this name.
        by: Who asks.
        now: By the business clock.

    Raises:
        NotFound: There is none, and none is to be made; names the one that may be meant.
        NotAllowed: One is to be made, and the role is too low.
        Invalid: A vendor cannot have this name.
    """
    title = " ".join(name.split())
    vendors = session.scalars(sa.select(Vendor).order_by(Vendor.title)).all()
    for vendor in vendors:
        if title.casefold() in {vendor.title.casefold(), vendor.slug}:
            return vendor
    if not create:
        near = similar_vendor(session, title)
        known = f"Did you mean {near}?" if near else f"Known are: {', '.join(v.title for v in vendors) or 'none yet'}."
        raise NotFound(f"There is no vendor “{title}”. {known}")
    require(by, "biller", "import usage")
    if not title or len(title) > LONGEST_TITLE:
        raise Invalid(f"A vendor's name has 1 to {LONGEST_TITLE} characters.", {"vendor": "Give its name."})
    stem = slug_of(title) or "vendor"
    taken = {vendor.slug for vendor in vendors}
    slug = next(s for s in (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3))) if s not in taken)
    vendor = Vendor(slug=slug, title=title, created_at=now)
    session.add(vendor)
    session.flush()
    audit.record(session, what="usage", action="vendor.new", by=by, now=now, sentence=f"Added the vendor {title}.")
    return vendor


def forget_vendor(session: Session, vendor_id: int, *, by: Actor, now: datetime) -> None:
    """Take back a vendor that was made for a file of which nothing stayed."""
    vendor = session.get_one(Vendor, vendor_id)
    audit.record(
        session,
        what="usage",
        action="vendor.drop",
        by=by,
        now=now,
        sentence=f"Took the new vendor {vendor.title} back: its file was only looked at.",
    )
    session.execute(sa.delete(VendorAccount).where(VendorAccount.vendor_id == vendor_id))
    session.execute(sa.delete(VendorService).where(VendorService.vendor_id == vendor_id))
    session.delete(vendor)
    session.flush()


def similar_vendor(session: Session, name: str) -> str | None:
    """Give the title of a known vendor that a name may be a slip for; none where no one comes close."""
    titles = {title.casefold(): title for title in session.scalars(sa.select(Vendor.title))}
    near = difflib.get_close_matches(name.casefold(), list(titles), n=1, cutoff=_NEAR)
    return titles[near[0]] if near else None


def save_profile(
    session: Session, *, vendor: Vendor, name: str, profile: FileProfile, by: Actor, now: datetime
) -> VendorProfile:
    """Keep how a vendor's file is read. A changed one is a new version; the same one stays as it is.

    Args:
        session: A writing session.
        vendor: Whose file.
        name: What people call this kind of file.
        profile: How it is read.
        by: Who says so.
        now: By the business clock.
    """
    called = " ".join(name.split())[:LONGEST_TITLE] or "usage"
    newest = find_profile(session, vendor, called)
    spec = profile.to_spec()
    if newest is not None and newest.spec == spec:
        return newest
    row = VendorProfile(
        vendor_id=vendor.id,
        name=called,
        version=1 if newest is None else newest.version + 1,
        spec=spec,
        created_by=by.name,
        created_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        what="usage",
        action="profile.save",
        by=by,
        now=now,
        sentence=f"Saved how the file “{called}” of {vendor.title} is read (version {row.version}).",
        details={"spec": spec},
    )
    return row


def find_profile(session: Session, vendor: Vendor, name: str) -> VendorProfile | None:
    """Give the newest version of a profile by its name; case does not count."""
    wanted = name.strip().casefold()
    return next((row for row in profiles_of(session, vendor) if row.name.casefold() == wanted), None)


def profiles_of(session: Session, vendor: Vendor) -> list[VendorProfile]:
    """List the newest version of each profile of a vendor, the last saved one first."""
    rows = session.scalars(
        sa.select(VendorProfile)
        .where(VendorProfile.vendor_id == vendor.id)
        .order_by(VendorProfile.version.desc(), VendorProfile.id.desc())
    )
    newest: dict[str, VendorProfile] = {}
    for row in rows:
        newest.setdefault(row.name, row)
    return sorted(newest.values(), key=lambda row: -row.id)
