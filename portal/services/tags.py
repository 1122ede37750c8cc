"""Tags: free words on companies and products, for finding cards again. They change no number."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Tag, Tagged
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotFound

LONGEST = 40  # characters of a tag
MOST = 5000  # companies and products that one request tags
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCount:
    """A tag and how many carry it."""

    id: int
    name: str
    companies: int
    products: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Who carries a tag: ids of companies, Product IDs."""

    companies: tuple[int, ...] = ()
    products: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.companies) + len(self.products)

    def words(self) -> str:
        """Count them: "2 companies and 1 product"."""
        parts = []
        if self.companies:
            parts.append(f"{len(self.companies)} {'company' if len(self.companies) == 1 else 'companies'}")
        if self.products:
            parts.append(f"{len(self.products)} {'product' if len(self.products) == 1 else 'products'}")
        return " and ".join(parts) or "nothing"


def condition(tag: str) -> sa.ColumnElement[bool]:
    """Give the condition on cards that their company or their product carries a tag.

    Args:
        tag: The word, in any case; one that nobody made matches no card.
    """
    chosen = sa.select(Tag.id).where(Tag.key == fold(tag)).scalar_subquery()
    return sa.or_(
        Card.company_id.in_(
            sa.select(Tagged.company_id).where(Tagged.tag_id == chosen, Tagged.company_id.is_not(None))
        ),
        Card.product.in_(sa.select(Tagged.product).where(Tagged.tag_id == chosen, Tagged.product.is_not(None))),
    )


def of_companies(session: Session, ids: Collection[int]) -> dict[int, list[str]]:
    """Give the tags of companies by id, in the order of the alphabet; those without are left out."""
    found: dict[int, list[str]] = {}
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(Tagged.company_id, Tag.name).join(Tag, Tag.id == Tagged.tag_id).order_by(Tag.key)
        for company_id, name in session.execute(query.where(Tagged.company_id.in_(wanted[start : start + _CHUNK]))):
            if company_id is not None:
                found.setdefault(company_id, []).append(name)
    return found


def of_products(session: Session, products: Collection[str]) -> dict[str, list[str]]:
    """Give the tags of products by Product ID, in the order of the alphabet; those without are left out."""
    found: dict[str, list[str]] = {}
    wanted = sorted(set(products))
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(Tagged.product, Tag.name).join(Tag, Tag.id == Tagged.tag_id).order_by(Tag.key)
        for product, name in session.execute(query.where(Tagged.product.in_(wanted[start : start + _CHUNK]))):
            if product is not None:
                found.setdefault(product, []).append(name)
    return found


def names(session: Session) -> list[str]:
    """Give all tags in the order of the alphabet."""
    return list(session.scalars(sa.select(Tag.name).order_by(Tag.key)))


def counted(session: Session) -> list[TagCount]:
    """Give all tags with how many carry each, in the order of the alphabet: one query."""
    rows = session.execute(
        sa.select(Tag.id, Tag.name, sa.func.count(Tagged.company_id), sa.func.count(Tagged.product))
        .outerjoin(Tagged, Tagged.tag_id == Tag.id)
        .group_by(Tag.id, Tag.name, Tag.key)
        .order_by(Tag.key)
    )
    return [TagCount(id=one, name=name, companies=many, products=more) for one, name, many, more in rows]


def tag_of(session: Session, tag_id: int) -> Tag:
    """Give a tag.

    Raises:
        NotFound: There is none.
    """
    tag = session.get(Tag, tag_id)
    if tag is None:
        raise NotFound("There is no such tag; it may have been deleted or merged into another.")
    return tag


def carriers(session: Session, tag_id: int) -> Carriers:
    """Give who carries a tag."""
    rows = session.execute(sa.select(Tagged.company_id, Tagged.product).where(Tagged.tag_id == tag_id)).all()
    return Carriers(
        companies=tuple(sorted(one for one, _ in rows if one is not None)),
        products=tuple(sorted(product for _, product in rows if product is not None)),
    )


def put_on(session: Session, name: str, to: Carriers, *, by: Actor, now: datetime) -> Carriers:
    """Put a tag on companies and products; it is made if there is none.

    Args:
        session: A writing session.
        name: The word.
        to: Who gets it; what carries it already is left as it is.
        by: A biller or above.
        now: By the business clock.

    Returns:
        Who did not carry it before.

    Raises:
        NotAllowed: The role is too low.
        Invalid: The word cannot be a tag, or too many are named.
    """
    require(by, "biller", "set tags")
    word = read_name(name)
    if len(to) > MOST:
        raise Invalid(f"At most {MOST:,} are tagged at once; these are {len(to):,}. Nothing was tagged.")
    tag = session.scalars(sa.select(Tag).where(Tag.key == fold(word))).one_or_none()
    if tag is None:
        tag = Tag(name=word, key=fold(word), made_by=by.name, made_at=now)
        session.add(tag)
        session.flush()
        _tell(session, "tag.make", f"Made the tag “{tag.name}”.", by, now, after=tag.name)
    has = carriers(session, tag.id)
    new = Carriers(
        companies=tuple(sorted(set(to.companies) - set(has.companies))),
        products=tuple(sorted(set(to.products) - set(has.products))),
    )
    session.add_all(Tagged(tag_id=tag.id, company_id=one) for one in new.companies)
    session.add_all(Tagged(tag_id=tag.id, product=one) for one in new.products)
    session.flush()
    if len(new):
        _tell_carriers(session, "tag.put", f"Tagged {new.words()} “{tag.name}”.", tag, new, by, now, put=True)
    return new


def take_off(session: Session, tag_id: int, of: Carriers, *, by: Actor, now: datetime) -> Carriers:
    """Take a tag off companies and products; the tag itself stays.

    Returns:
        Who carried it.

    Raises:
        NotAllowed: The role is too low.
        NotFound: No such tag.
    """
    require(by, "biller", "set tags")
    tag = tag_of(session, tag_id)
    has = carriers(session, tag.id)
    off = Carriers(
        companies=tuple(sorted(set(of.companies) & set(has.companies))),
        products=tuple(sorted(set(of.products) & set(has.products))),
    )
    for start in range(0, len(off.companies), _CHUNK):
        chunk = off.companies[start : start + _CHUNK]
        session.execute(sa.delete(Tagged).where(Tagged.tag_id == tag.id, Tagged.company_id.in_(chunk)))
    for start in range(0, len(off.products), _CHUNK):
        some = off.products[start : start + _CHUNK]
        session.execute(sa.delete(Tagged).where(Tagged.tag_id == tag.id, Tagged.product.in_(some)))
    if len(off):
        _tell_carriers(session, "tag.take", f"Took “{tag.name}” off {off.words()}.", tag, off, by, now, put=False)
    return off


def rename(session: Session, tag_id: int, name: str, *, by: Actor, now: datetime) -> Tag:
    """Give a tag another word; who carries it keeps it.

    Raises:
        NotAllowed: The role is too low.
        NotFound: No such tag.
        Invalid: The word cannot be a tag.
        Conflict: Another tag has this word.
    """
    require(by, "biller", "set tags")
    tag = tag_of(session, tag_id)
    word, before = read_name(name), tag.name
    if word == before:
        return tag
    other = session.scalars(sa.select(Tag).where(Tag.key == fold(word), Tag.id != tag.id)).one_or_none()
    if other is not None:
        raise Conflict(f"There is a tag “{other.name}” already. Merge the two instead. Nothing was renamed.")
    tag.name, tag.key = word, fold(word)
    session.flush()
    _tell(session, "tag.rename", f"Renamed the tag “{before}” to “{word}”.", by, now, before=before, after=word)
    return tag


def merge(session: Session, tag_id: int, into: int, *, by: Actor, now: datetime) -> Tag:
    """Let all that carry a tag carry another one instead, and delete the first.

    Returns:
        The tag that stays.

    Raises:
        NotAllowed: The role is too low.
        NotFound: No such tag.
        Invalid: Both are one.
    """
    require(by, "biller", "set tags")
    gone, stays = tag_of(session, tag_id), tag_of(session, into)
    if gone.id == stays.id:
        raise Invalid("A tag cannot be merged into itself. Choose another one.", {"into": "Choose another one."})
    had = carriers(session, gone.id)
    put_on(session, stays.name, had, by=by, now=now)
    name = gone.name
    _forget(session, gone)
    _tell_carriers(
        session, "tag.merge", f"Merged the tag “{name}” into “{stays.name}”.", stays, had, by, now, put=True, was=name
    )
    return stays


def delete(session: Session, tag_id: int, *, seen: int | None = None, by: Actor, now: datetime) -> Carriers:
    """Delete a tag; who carried it is kept in the audit trail alone.

    Args:
        session: A writing session.
        tag_id: The tag.
        seen: How many the preview said carry it; none: any number.
        by: A biller or above.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        NotFound: No such tag.
        Conflict: More or fewer carry it by now.
    """
    require(by, "biller", "set tags")
    tag = tag_of(session, tag_id)
    had = carriers(session, tag.id)
    if seen is not None and seen != len(had):
        raise Conflict(f"“{tag.name}” is on {had.words()} by now. Nothing was deleted; look at it once more.")
    name = tag.name
    _forget(session, tag)
    _tell_carriers(session, "tag.delete", f"Deleted the tag “{name}”.", None, had, by, now, put=False, was=name)
    return had


def read_name(text: str) -> str:
    """Read a word as somebody typed it: blanks made one.

    Raises:
        Invalid: It is empty, too long, or holds what a list of tags is parted by.
    """
    word = " ".join(text.replace("\0", "").split())
    if not word:
        raise Invalid("A tag needs a word. Nothing was tagged.", {"name": "Type a word, such as VIP."})
    if len(word) > LONGEST:
        sentence = f"A tag has at most {LONGEST} characters; this has {len(word)}. Shorten it."
        raise Invalid(sentence, {"name": sentence})
    if any(sign in word for sign in ",;|"):
        sentence = "A tag holds no comma, semicolon or bar: lists of tags are parted by them."
        raise Invalid(sentence, {"name": sentence})
    return word


def fold(text: str) -> str:
    """Give what two spellings of a tag have in common."""
    return " ".join(text.casefold().split())


def _forget(session: Session, tag: Tag) -> None:
    session.execute(sa.delete(Tagged).where(Tagged.tag_id == tag.id))
    session.delete(tag)
    session.flush()


def _tell_carriers(
    session: Session,
    action: str,
    sentence: str,
    tag: Tag | None,
    who: Carriers,
    by: Actor,
    now: datetime,
    *,
    put: bool,
    was: str | None = None,
) -> None:
    """Tell of a change with all that it is about, so that it can be read back."""
    one = who.companies[0] if len(who) == 1 and who.companies else None
    product = who.products[0] if len(who) == 1 and who.products else None
    name = None if tag is None else tag.name
    _tell(
        session,
        action,
        sentence,
        by,
        now,
        before=was if was is not None else (None if put else name),
        after=name if put else None,
        company_id=one,
        product=product,
        details={"companies": list(who.companies), "products": list(who.products)},
    )


def _tell(
    session: Session,
    action: str,
    sentence: str,
    by: Actor,
    now: datetime,
    *,
    before: str | None = None,
    after: str | None = None,
    company_id: int | None = None,
    product: str | None = None,
    details: dict[str, list[int] | list[str]] | None = None,
) -> None:
    audit.record(
        session,
        what="mapping",
        action=action,
        by=by,
        now=now,
        sentence=sentence,
        company_id=company_id,
        product=product,
        before=before,
        after=after,
        details=details,
    )
