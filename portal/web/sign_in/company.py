"""The company's own sign-in at the door: the way there and the way back (OpenID Connect, code flow with PKCE).

What belongs to one way stands in the visitor's signed cookie: state, nonce, the proof key, and which provider it was.
The way there is a link, not a form: the content policy lets forms go to the portal alone. The way back asks the
provider for the token while the visitor waits; no transaction is open meanwhile, and it is cut off after seconds.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import CompanyProvider
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.masked_tokens import fits
from portal.services import audit_refusals, company_asking, company_people, company_provider, company_tokens
from portal.services.actors import Actor
from portal.services.company_asking import CompanyAway
from portal.services.company_tokens import Claims, NotBelieved, UnknownKey
from portal.services.errors import NotFound, Refused
from portal.web.access import own_path, public, signed_in
from portal.web.posting import post, sealer
from portal.web.sign_in.blueprint import bp
from portal.web.sign_in.door import let_in

WAY = "company"
LIVES = 10 * 60  # seconds on the way
LONGEST = 4000  # characters of what comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the company's sign-in and back.

    Args:
        linking: Who is signed in and asked to be linked; 0: nobody.
        invite: The link that somebody invited holds, or "".
        began: Seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    issuer: str
    goes_on: str
    linking: int
    invite: str
    began: int


class WentWrong(Refused):
    """A way back that is not taken."""

    status = 422


def button() -> str | None:
    """Give what the button of the company's sign-in says, or none where there is none."""
    found = company_provider.active(reading())
    return None if found is None else found.title


@bp.get("/sign-in/company")
@public
def company() -> ResponseReturnValue:
    """Lead to the company's sign-in.

    Whoever is signed in is led there to be linked, and only by a link of their own page, which holds their token: with
    another site's link somebody else's account there could be made theirs. Nor does another site sign anybody in.
    """
    provider = company_provider.active(reading())
    if provider is None:
        raise NotFound("There is no company's sign-in here. Sign in with your password.")
    facts, me, goes_on = company_provider.facts_of(provider), signed_in(), own_path(request.args.get("next"))
    if me is not None and not fits(request.args.get("link", "")[:LONGEST]):
        return redirect(goes_on, 303)
    if me is None and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return redirect(url_for("sign_in.form", next=goes_on if goes_on != "/" else None), 303)
    way = Way(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        issuer=provider.issuer,
        goes_on=goes_on,
        linking=0 if me is None else me.id,
        invite=_invite(),
        began=int(datetime.now(UTC).timestamp()),
    )
    session[WAY] = {name: getattr(way, name) for name in way.__slots__}
    digest = hashlib.sha256(way.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": _back_address(),
        "scope": facts.scope(provider.role_claim),
        "state": way.state,
        "nonce": way.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(facts.authorization).query else "?"
    return redirect(f"{facts.authorization}{joint}{urlencode(asked)}", 303)


@bp.get("/sign-in/company/back")
@public
def company_back() -> ResponseReturnValue:
    """Take the way back, and let in whom the token is about."""
    kept, moment = session.pop(WAY, None), datetime.now(UTC)
    try:
        way = _way(kept, moment)
        provider = company_provider.active(reading())
        if provider is None or provider.issuer != way.issuer:
            raise WentWrong("The company's sign-in was changed while you were there. Begin again.")
        claims = _claims(provider, way, moment)
        with transaction() as store:
            person = company_people.enter(
                store, store.get_one(CompanyProvider, 1), claims, demo=settings_of().demo,
                linking=_linking(way), invited_with=way.invite or None, address=request.remote_addr,
                now=clock().now(), real_now=moment, post=post(),
            )  # fmt: skip
            person_id = person.id
    except Refused as refused:
        return _refused(refused, own_path(kept.get("goes_on") if isinstance(kept, dict) else None))
    return let_in(person_id, how="company", goes_on=way.goes_on)


def _way(kept: Any, moment: datetime) -> Way:  # noqa: ANN401 - what a cookie holds
    """Read the way that this browser is on, and see that this is its end; each is taken once."""
    given = request.args.get("state", "")[:LONGEST]
    try:
        way = Way(**kept) if isinstance(kept, dict) else None
    except TypeError:
        way = None
    if way is None or not hmac.compare_digest(way.state.encode(), given.encode()):
        raise WentWrong("This is not the way back of a sign-in that began in this browser. Begin again.")
    if moment.timestamp() - way.began > LIVES:
        raise WentWrong("The sign-in took longer than 10 minutes. Begin again.")
    with transaction() as store:
        company_people.take_return(store, way.state, real_now=moment)
    return way


def _claims(provider: CompanyProvider, way: Way, moment: datetime) -> Claims:
    """Exchange the code for a token, and believe it or not. No transaction is open while the provider is asked."""
    facts, private = company_provider.facts_of(provider), provider.allow_private
    client_id, keys, keys_at = provider.client_id, dict(provider.keys), provider.keys_at
    secret = None if provider.client_secret is None else sealer().open(provider.client_secret)
    reading().rollback()
    says = request.args.get("iss")
    if (says is not None or facts.says_who) and says != way.issuer:  # RFC 9207: another provider's answer
        raise WentWrong("The answer came from another sign-in than the one you went to. Nothing was changed.")
    if "error" in request.args or "code" not in request.args:
        raise WentWrong("The company's sign-in did not let you in. Try again there, or ask its admin.")
    token = company_asking.exchange(
        facts, client_id=client_id, secret=secret, code=request.args["code"][:LONGEST], verifier=way.verifier,
        back=_back_address(), allow_private=private,
    )  # fmt: skip
    if keys_at is None or moment - keys_at > company_provider.KEYS_LIVE:
        keys = _fresh_keys(way.issuer, facts, private, moment) or keys
        keys_at = moment
    asked = {
        "algorithms": facts.algorithms, "issuer": way.issuer, "client_id": client_id, "nonce": way.nonce, "now": moment
    }  # fmt: skip
    try:
        return company_tokens.check(token, keys=keys, **asked)  # type: ignore[arg-type] # one dict for two calls
    except UnknownKey:
        if moment - keys_at < company_provider.KEYS_REST:
            raise
        keys = _fresh_keys(way.issuer, facts, private, moment) or keys
        return company_tokens.check(token, keys=keys, **asked)  # type: ignore[arg-type] # the same


def _fresh_keys(issuer: str, facts: company_asking.Facts, private: bool, moment: datetime) -> dict[str, Any] | None:
    """Ask for the provider's keys anew; the ones that are kept still serve where it does not answer."""
    try:
        keys = company_asking.fetch_keys(facts, allow_private=private)
    except CompanyAway:
        return None
    with transaction() as store:
        company_provider.keep_keys(store, keys, issuer=issuer, real_now=moment)
    return keys


def _linking(way: Way) -> int | None:
    """Give who asked to be linked, if they are still signed in in this browser."""
    me = signed_in()
    return way.linking if way.linking and me is not None and me.id == way.linking else None


def _invite() -> str:
    """Give the token of the link on whose page the button was pressed."""
    return request.args.get("invite", "")[:100]


def _refused(refused: Refused, goes_on: str) -> ResponseReturnValue:
    """Say why, at the door or where the person is signed in already; what it was stands in the audit trail."""
    believed = not isinstance(refused, NotBelieved)
    with transaction() as store:
        audit_refusals.note(  # bounded: strangers can come back as often as they like
            store,
            by=Actor("somebody", address=request.remote_addr),
            asked="the way back from the company's sign-in",
            status=refused.status,
            sentence=f"Came back from the company's sign-in and was not let in. {refused}",
            now=clock().now(),
            key="sign_in.company_back",
        )
    said = str(refused) if believed else f"{refused} Nobody was let in. Begin again; if it stays so, tell an admin."
    flash(said, "bad")
    if signed_in() is not None:
        return redirect(goes_on, 303)
    return redirect(url_for("sign_in.form", next=goes_on if goes_on != "/" else None), 303)


def _back_address() -> str:
    return f"{settings_of().base_url}{url_for('sign_in.company_back')}"
