"""ConnectWise's own addresses: every resource, the system's, and the audit trail."""

from http import HTTPStatus

from flask import Flask, Response, g, request

from portal.sandbox import bundles, callbacks, fields, jsontext, members, query, writes
from portal.sandbox.answers import VERSION, json_answer
from portal.sandbox.bundles import Bundles
from portal.sandbox.callbacks import Callbacks
from portal.sandbox.errors import bad_request, not_found
from portal.sandbox.gate import caller
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.paths import BASE, Site, asked_address
from portal.sandbox.resources import AGREEMENTS, RESOURCES, Resource
from portal.sandbox.store import Store

_ARGUMENTS = {name.lower(): name for name in (*query.ARGUMENTS, "type", "id")}


def register(app: Flask, store: Store, site: Site, bundled: Bundles, posted: Callbacks) -> None:
    """Give an application every address of the API.

    Args:
        app: The application.
        store: What the PSA holds.
        site: Where it says it lives.
        bundled: Answers bundles.
        posted: Has the key that callbacks are signed with.
    """
    for resource in RESOURCES:
        _register_resource(app, store, resource)
    _register_system(app, store, site)

    def bundle() -> Response:
        key = _enter(store)
        results = bundled.answer(_body(), key)
        g.parts = {"parts": len(results), "refused": sum(result["success"] is not True for result in results)}
        return json_answer({"results": [*results]})

    def signing_key(key_id: str) -> Response:
        if key_id != posted.key_id:
            raise not_found("Key", key_id[:80])
        return json_answer({"signing_key": posted.key})

    app.add_url_rule(f"{BASE}{bundles.PATH}", "bundles", bundle, methods=["POST"])
    app.add_url_rule(f"{callbacks.KEY_PATH}/<key_id>", "signing_key", signing_key)


def _register_system(app: Flask, store: Store, site: Site) -> None:

    def info() -> Response:
        _enter(store)
        return json_answer(
            {
                "version": f"v{VERSION}.0",
                "isCloud": site.cloud,
                "serverTimeZone": str(store.data.zone),
                "licenseBits": [],
                "cloudRegion": "Sandbox",
            }
        )

    def trail() -> Response:
        _require(store, "audit", members.INQUIRE)
        arguments = _arguments()
        kind = arguments.get("type", "").strip()
        if not kind or not arguments.get("id"):
            raise bad_request("InvalidArgument", "The arguments type and id are required.")
        entries = store.trail(kind, query.number(arguments, "id", 0, least=0))
        kinds = fields.fields("AuditTrailEntry")
        entries = query.select(entries, arguments, kinds)
        if order := arguments.get("orderBy", ""):
            entries = query.in_order(entries, order, kinds)
        return _page(query.paged(entries, arguments, asked_address()))

    def company_info(company: str) -> Response:
        if company.lower() != members.COMPANY:
            raise not_found("Company", company[:80])
        return json_answer(
            {
                "CompanyName": members.COMPANY,
                "Codebase": f"{site.codebase}/",
                "VersionCode": f"v{VERSION}",
                "VersionNumber": f"v{VERSION}.0",
                "CompanyID": members.COMPANY,
                "IsCloud": site.cloud,
                "SiteUrl": request.host,
            }
        )

    def mine() -> Response:
        key = _require(store, "members", members.INQUIRE)
        name = store.identifier(key)
        found: Record = next((row for row in store.all("members") if row.get("identifier") == name), {})
        return json_answer({**found, "identifier": name})

    app.add_url_rule(f"{BASE}/system/info", "info", info)
    app.add_url_rule(f"{BASE}/system/myAccount", "mine", mine)
    app.add_url_rule(f"{BASE}/system/audittrail", "audittrail", trail)
    app.add_url_rule("/login/companyinfo/<company>", "company_info", company_info)


def _register_resource(app: Flask, store: Store, resource: Resource) -> None:
    kinds = fields.fields(resource.schema)

    def chosen(parent: int | None) -> list[Record]:
        if parent is not None:
            writes.find(store, AGREEMENTS, parent, None)
        return query.select(store.all(resource.name, parent), _arguments(), kinds)

    def collection(parent: int | None = None) -> Response:
        if request.method == "POST":
            key = _require(store, resource.area, members.ADD)
            record = writes.create(store, resource, parent, _body(), key)
            g.effect = True
            return json_answer(record, HTTPStatus.CREATED)
        _require(store, resource.area, members.INQUIRE)
        arguments = _arguments()
        records = query.in_order(chosen(parent), arguments.get("orderBy", ""), kinds)
        if request.headers.get("pagination-type", "").lower() == "forward-only":
            return _page(query.forward(records, arguments, asked_address()))
        return _page(query.paged(records, arguments, asked_address()))

    def count(parent: int | None = None) -> Response:
        _require(store, resource.area, members.INQUIRE)
        return json_answer({"count": len(chosen(parent))})

    def single(key: int, parent: int | None = None) -> Response:
        if request.method in {"GET", "HEAD"}:
            _require(store, resource.area, members.INQUIRE)
            record = writes.find(store, resource, key, parent)
            return json_answer(query.cut(record, _arguments().get("fields", "")))
        if request.method == "DELETE":
            who = _require(store, resource.area, members.DELETE)
            writes.delete(store, resource, key, parent, who)
            g.effect = True
            return Response(status=HTTPStatus.NO_CONTENT)
        who = _require(store, resource.area, members.EDIT)
        writes.find(store, resource, key, parent)  # a missing record is 404, whatever the body holds
        write = writes.change if request.method == "PATCH" else writes.replace
        record = write(store, resource, key, parent, _body(), who)
        g.effect = True
        return json_answer(record)

    path = BASE + resource.path
    app.add_url_rule(path, f"{resource.name}.collection", collection, methods=resource.list_methods)
    app.add_url_rule(f"{path}/count", f"{resource.name}.count", count)
    app.add_url_rule(f"{path}/<int:key>", f"{resource.name}.single", single, methods=resource.methods)


def _enter(store: Store) -> str:
    key = caller(request)
    g.member = store.identifier(key)
    return key


def _require(store: Store, area: str, action: str) -> str:
    key = _enter(store)
    store.roles.require(key, area, action)
    return key


def _arguments() -> dict[str, str]:
    """The arguments by their own names; ConnectWise does not mind the case."""
    return {_ARGUMENTS.get(name.lower(), name): value for name, value in request.args.items()}


def _body() -> JsonValue:
    try:
        return jsontext.loads(request.get_data())
    except ValueError as error:
        raise bad_request("InvalidJson", f"The body cannot be read: {error}") from error


def _page(page: query.Page) -> Response:
    response = json_answer([*page.records])
    if page.link:
        response.headers["Link"] = page.link
    return response
