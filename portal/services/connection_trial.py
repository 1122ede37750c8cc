"""Trying a connection to ConnectWise: the site, the keys, then each right, without changing anything.

A worker does it for people who watch, line by line; the command line does it itself. What is wrong is told in a
sentence, with the field of the form to look at.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from portal.connectwise import (
    Address,
    AddressRefused,
    ConnectWise,
    ConnectWiseError,
    Patience,
    Permission,
    Rejected,
    UnexpectedPayload,
    normalise,
    with_codebase,
)
from portal.connectwise.diagnosis import Diagnosis, Tried, clock_off, diagnose, looks_wrong
from portal.connectwise.permissions import NAMES
from portal.services.certificates import read_authorities
from portal.services.errors import Invalid

SITE, KEYS = "Find ConnectWise at this site", "Sign in with the keys"
QUICK = Patience(connect=5, read=15, whole=30, attempts=2, back_off=0.5, longest_wait=5)
"""A test is watched by a person, who would rather be told than wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that is tried, and what came of it.

    Args:
        name: What is tried, in words.
        state: How far it is; `warn`: granted, but something looks wrong.
        sentence: What was found and what to do, where it is no plain yes.
        needed: Whether a sync needs it.
    """

    name: str
    state: Literal["waiting", "working", "yes", "warn", "no"] = "waiting"
    sentence: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a connection is made of, beside its private key. As typed, or as stored.

    Args:
        url: The site or the full base.
        company: ConnectWise's company id.
        public_key: The API member's public key.
        client_id: The integration's GUID.
        allow_private: Whether it may stand inside the own network.
        ca_certificates: Certificates of authorities of one's own, as PEM; or "".
        key_expires: The day on which the private key expires, as `2027-03-01`; or "".
    """

    url: str
    company: str
    public_key: str
    client_id: str
    allow_private: bool = False
    ca_certificates: str = field(default="", repr=False)
    key_expires: str = ""

    @property
    def expiry(self) -> date | None:
        """The day on which the private key expires; none: nobody has said. Only of values that were checked."""
        return date.fromisoformat(self.key_expires) if self.key_expires else None

    def as_json(self) -> dict[str, Any]:
        """Give what a question carries along; nothing of it is secret."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Values":
        """Read what `as_json` gave."""
        return cls(**{name: found[name] for name in cls.__slots__ if name in found})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying a connection.

    Args:
        url: The full base, with the release that the site told.
        permissions: Each right that was tried.
        warnings: What looks wrong though it works, such as a clock.
    """

    url: str
    permissions: tuple[Permission, ...]
    warnings: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[Permission, ...]:
        """The rights that were not granted."""
        return tuple(right for right in self.permissions if not right.granted)

    @property
    def can_sync(self) -> bool:
        """Whether the rights that a sync needs are all there."""
        return not any(right.needed_to_read for right in self.missing)


Watch = Callable[[list[Line]], None]


def check_values(values: Values, private_key: str, *, real_now: datetime) -> Values:
    """Check what was typed, without asking anybody.

    Args:
        values: As typed.
        private_key: As typed; empty: the stored one is used.
        real_now: Real time.

    Returns:
        The same, with the certificates alone of what was pasted.

    Raises:
        Invalid: Something cannot be used; `fields` names each.
    """
    wrong = {
        name: sentence
        for name, sentence in (
            ("url", "Fill in the address of your ConnectWise site."),
            ("company", "Fill in the company id with which you sign in to ConnectWise."),
            ("public_key", "Fill in the public key of the API member."),
            ("client_id", "Fill in the client ID of your integration."),
        )
        if not getattr(values, name).strip()
    }
    if "url" not in wrong:
        try:
            normalise(values.url, allow_private=values.allow_private)
        except AddressRefused as error:
            wrong["url"] = str(error)
    try:
        values.expiry  # noqa: B018 - whether it is a day
    except ValueError:
        wrong["key_expires"] = f"“{values.key_expires[:40]}” is not a day. Write it as 2027-03-01, or leave it empty."
    looks = looks_wrong(public_key=values.public_key, private_key=private_key, client_id=values.client_id)
    if values.company.strip() and values.public_key.strip().lower().startswith(f"{values.company.strip().lower()}+"):
        wrong["public_key"] = "Put in the public key alone, without the company and the plus sign before it."
    if looks is not None:
        wrong.setdefault(looks.field, looks.sentence)
    try:
        pem, _ = read_authorities(values.ca_certificates, real_now=real_now)
    except Invalid as error:
        wrong |= error.fields
    if wrong:
        raise Invalid(next(iter(wrong.values())), wrong)
    return replace(values, ca_certificates=pem)


def try_connectwise(
    values: Values,
    private_key: str,
    *,
    watch: Watch = lambda _lines: None,
    patience: Patience = QUICK,
    real_now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Trial:
    """Try a connection; nothing is stored and nothing is changed. For callers that hold no transaction.

    Args:
        values: What was typed.
        private_key: The private key.
        watch: Is told of all lines whenever one of them changes.
        patience: Time-outs and retries.
        real_now: This machine's clock.

    Raises:
        Invalid: ConnectWise cannot be used there with these keys; the sentence says why, `fields` where to look.
    """
    walk = _Walk(watch)
    values = check_values(values, private_key, real_now=real_now())
    address = normalise(values.url, allow_private=values.allow_private)
    tried = Tried(address=address, company=values.company, real_now=real_now())
    warnings = []

    def client_at(where: Address, *, public: str = values.public_key, private: str = private_key) -> ConnectWise:
        return ConnectWise(
            where,
            company=values.company,
            public_key=public,
            private_key=private,
            client_id=values.client_id,
            allow_private=values.allow_private,
            ca_certificates=values.ca_certificates or None,
            patience=patience,
        )

    with walk.at(SITE, tried) as site, client_at(address) as client:
        codebase, tried = _where(client, tried)
        site.ends("yes" if tried.company_known else "warn", _not_told(tried))
    found = with_codebase(address, codebase)
    with client_at(found) as client:
        try:
            with walk.at(KEYS, tried) as keys:
                _sign_in(client)
                off = clock_off(client.transport.clock_offset, real_now())
                if off is not None:
                    warnings.append(off.sentence)
                keys.ends("yes" if off is None else "warn", off.sentence if off else "")
        except _Told as told:
            if not told.keys_refused:
                raise told.invalid from None
            with client_at(found, public=private_key, private=values.public_key) as other_way:
                tried = replace(tried, exchanged=_accepts(other_way))
            again = diagnose(told.error, tried)
            walk.fails(KEYS, again.sentence)
            raise _invalid(again) from None
        return Trial(url=found.base, permissions=tuple(_rights(client, walk, tried)), warnings=tuple(warnings))


def _where(client: ConnectWise, tried: Tried) -> tuple[str, Tried]:
    """Ask the site where the company lives. One that does not tell may still be a ConnectWise: the keys then say."""
    try:
        told = client.system.company_info(tried.company)
    except Rejected as error:
        if error.situation == "web-page":
            return "", tried
        return "", replace(tried, company_known=False if error.missing else None)
    if not (told.codebase or told.site_url or told.version):
        path = "/login/companyinfo"
        raise UnexpectedPayload(f"The answer to {path} tells nothing.", record=path, situation="other-shape")
    return told.codebase, replace(tried, company_known=True)


def _not_told(tried: Tried) -> str:
    if tried.company_known:
        return ""
    if tried.company_known is False:
        return f"It answers, but says that it knows no company “{tried.company[:60]}”."
    return "It answers, but does not tell where the company lives, as some sites of one's own do not."


def _sign_in(client: ConnectWise) -> None:
    """Make the cheapest call that needs valid keys; where the role may not make it, the keys were accepted."""
    try:
        client.system.info()
    except Rejected as error:
        if not error.forbidden or error.situation == "web-page" or _about_keys(error):
            raise


def _about_keys(error: Rejected) -> bool:
    said = " ".join(error.reasons).lower()
    return any(word in said for word in ("client", "inactive", "disabled", "locked"))


def _accepts(client: ConnectWise) -> bool:
    try:
        _sign_in(client)
    except ConnectWiseError:
        return False
    return True


def _rights(client: ConnectWise, walk: "_Walk", tried: Tried) -> Iterator[Permission]:
    found = client.test_permissions()
    for name in NAMES:
        with walk.at(name, tried) as line:
            right = next(found)
            if right.granted:
                line.ends("warn" if right.warning else "yes", right.warning)
            else:
                line.ends("no", right.sentence, needed=right.needed_to_read)
        yield right


class _Told(Exception):
    """What an error means, on its way out of a line."""

    def __init__(self, error: ConnectWiseError, invalid: Invalid, mistake: str) -> None:
        super().__init__(str(invalid))
        self.error = error
        self.invalid = invalid
        self.keys_refused = mistake in {"wrong keys", "wrong company"}


class _Line:
    def __init__(self) -> None:
        self.end: dict[str, Any] = {"state": "yes"}

    def ends(self, state: str, sentence: str = "", *, needed: bool = True) -> None:
        """Say what came of it."""
        self.end = {"state": state, "sentence": sentence, "needed": needed}


class _Walk:
    """The lines of a test, and who watches them."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lines = {name: Line(name=name) for name in (SITE, KEYS, *NAMES)}

    @contextmanager
    def at(self, name: str, tried: Tried) -> Iterator[_Line]:
        """Work on one line; an error of ConnectWise ends it and the walk with a diagnosis.

        Raises:
            _Told: It failed at the keys, where one more thing is tried.
            Invalid: It failed.
        """
        self._set(name, state="working")
        line = _Line()
        try:
            yield line
        except ConnectWiseError as error:
            found = diagnose(error, tried)
            self.fails(name, found.sentence)
            told = _invalid(found)
            raise (_Told(error, told, found.mistake) if name == KEYS else told) from error
        self._set(name, **line.end)

    def fails(self, name: str, sentence: str) -> None:
        """End a line with what went wrong."""
        self._set(name, state="no", sentence=sentence)

    def _set(self, name: str, **values: Any) -> None:  # noqa: ANN401 - the fields of a line
        self._lines[name] = replace(self._lines[name], **values)
        self._watch(list(self._lines.values()))


def _invalid(found: Diagnosis) -> Invalid:
    return Invalid(found.sentence, {found.field: found.sentence} if found.field else {})
