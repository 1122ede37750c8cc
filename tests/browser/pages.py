"""Every page of the portal, with a real address, and the states that a page alone does not show.

What holds of every page is asked of this list (`test_every_page.py`), and `make pictures` takes all of it. A test
compares it with the portal's routes, so that no page is forgotten: a route is here, or in `NOT_PAGES` with a reason.
"""

import re
from dataclasses import dataclass

from portal.web.help.pages import PAGES as HELP


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A page as somebody sees it.

    Args:
        address: Where it is; names in braces stand for records of the gallery.
        says: How its heading begins.
        role: Who looks at it; empty: nobody who is signed in.
        store: Which portal of the gallery: month, planned (read-only), empty (an admin and nothing else), bare.
        status: What the portal answers.
        press: What is pressed on it, where a state needs that: a selector; `shows` is then waited for.
        lands: Where pressing leads, if to another page.
        typed: What is typed before, by the labels of fields.
        name: What its picture is called, if not by its address.
    """

    address: str
    says: str
    role: str = "admin"
    store: str = "month"
    status: int = 200
    press: str = ""
    shows: str = "[aria-invalid=true]"
    lands: str = ""
    typed: tuple[tuple[str, str], ...] = ()
    name: str = ""


def _all(store: str, role: str, *pairs: tuple[str, str]) -> list[Shown]:
    return [Shown(address=address, says=says, store=store, role=role) for address, says in pairs]


BOARD = _all(
    "month",
    "biller",
    ("/", r"\d+ cards to decide"),
    ("/cards", r"\d+ cards to decide"),
    ("/cards?open={increase}", r"\d+ cards to decide"),
    ("/cards?group=none&rows=compact", r"\d+ cards to decide"),
    ("/cards?group=agreement", r"\d+ cards to decide"),
    ("/cards?show=stale", r"\d+ stale cards"),
    ("/cards?show=decided", r"\d+ cards decided"),
    ("/cards?q=nothing-of-this-name", r"\d+ of \d+ cards to decide"),
    ("/cards/{increase}", "Server monitoring"),
    ("/cards/{reported}", "Endpoint detection and response"),
    ("/cards/{shared}", "Hosted mailbox"),
    ("/cards/{stale}", "Security awareness training"),
    ("/cards/{waiting}", "Office suite"),
    ("/cards/{dismissed}", "Endpoint detection and response"),
    ("/cards/{increase}/approve", "Server monitoring"),
    ("/cards/{increase}/adjust", "Server monitoring"),
    ("/cards/{increase}/dismiss", "Server monitoring"),
    ("/cards/{new}/add", "Security awareness training"),
    ("/cards/{shared}/split", "Hosted mailbox"),
    ("/cards/{decided}/undo", "Mobile device management"),
    ("/cards/{increase}/plan?action=adjust&quantity=9", "Server monitoring"),
    ("/cards/{increase}/reading", "Server monitoring"),
    ("/cards/{increase}/notes", "Notes on Server monitoring"),
    (
        "/cards/{counted}/rows/{of_account}/{of_service}/{of_import}",
        r"\d+ row of corvid-invoice-\d+-\d+-\d+.csv counts \d+",
    ),
    ("/cards/preview?scope=filter", r"Approve \d+ cards: nothing is decided yet"),
    ("/cards/undo?card_id={decided}", r"Undo \d+ decision: nothing is undone yet"),
    ("/views", r"\d+ view of the board"),
    ("/pushes", r"\d+ writes need a look"),
    ("/pushes?show=drift", "What was confirmed stands in ConnectWise as we left it"),
    ("/pushes?show=settled", r"\d+ writes are settled"),
    ("/pushes/{failed}", ".*: failed"),
    ("/pushes/{changed}", ".*: changed in PSA"),
    ("/pushes/{confirmed}", ".*: confirmed"),
    ("/batches/{batch}", r"Approved \d+ cards"),
    ("/batches/{batch}/undo", r"Undo \d+ decisions: nothing is undone yet"),
)
COMES_IN = _all(
    "month",
    "admin",
    ("/mapping/accounts", "Mapping"),
    ("/mapping/accounts?state=all&inactive=1", "Mapping"),
    ("/mapping/accounts/{account}", "Café Sorrel Foundry Group at Fernwatch RMM"),
    ("/mapping/accounts/preview?account_id={accounts}", r"Map \d+ accounts: nothing is changed yet"),
    ("/mapping/accounts/suggested?score=50", r"Map \d+ accounts: nothing is changed yet"),
    ("/mapping/companies?q=a&account={account}", "Café Sorrel Foundry Group at Fernwatch RMM"),
    ("/mapping/services", "Mapping"),
    ("/mapping/services?state=all", "Mapping"),
    ("/mapping/services/{service}", "Network at Fernwatch RMM"),
    ("/mapping/services/preview?do=exclude&service_id={services}", r"Exclude \d+ services: nothing is changed yet"),
    ("/mapping/products?q=a&service={service}", "Network at Fernwatch RMM"),
    ("/mapping/splits", "Mapping"),
    ("/mapping/merged", "Companies that ConnectWise no longer has"),
    ("/mapping/file", "Import a mapping"),
    ("/mapping/file/{mapping_file}", r"\d+ change would be made: nothing is changed yet"),
    ("/imports", "Imports"),
    ("/imports/{import}", r"\d+ counts are in use"),
    ("/imports/{open_import}", "Import a file from Larkspur"),
    ("/imports/{import}/movements", r"\d+ counts differ from the last file"),
    ("/imports/{import}/undo", r"Take \d+ counts of Quillmail Security back"),
    ("/imports/profiles/{vendor}", "How Corvid Marketplace.s files are read"),
    ("/connections", "Connections"),
    ("/connections/{vendor}", "Corvid Marketplace"),
    ("/connections/{held}/held", "Tessera Endpoint is held"),
    ("/connections/connectwise", "ConnectWise"),
    ("/connections/writing", "Stop writing to ConnectWise"),
    ("/connections/writing/report", "Nothing is planned"),
    ("/activity", "Runs"),
    ("/activity/{run}", "Full sync"),
    ("/activity/{failed_run}", "Full sync"),
)
RECORD = _all(
    "month",
    "admin",
    ("/audit", "Audit trail"),
    ("/audit?agreement={agreement}", "Audit trail"),
    ("/audit/{event}", r"Event \d+"),
    ("/audit/{psa_event}/psa", r"ConnectWise.s audit trail of agreement \d+"),
    ("/audit/agreements/{agreement}/psa", r"ConnectWise.s audit trail of agreement \d+"),
    ("/audit/summary?from=2026-01-01&to=2026-12-31", "Decisions at a glance"),
    ("/audit/heads", "Kept outside the database"),
)
SETTINGS = _all(
    "month",
    "admin",
    ("/statuses", "Statuses and types"),
    ("/statuses?list=vendor", "Statuses and types"),
    ("/statuses?m-1=not_customer&m-4=ignore", "Statuses and types"),
    ("/statuses/status/{status}", r"\d+ companies with “Active”"),
    ("/statuses/file", "Import statuses and types"),
    ("/statuses/file/{statuses_file}", r"\d+ meaning would change: nothing is changed yet"),
    ("/rules", r"\d+ rules are in force"),
    ("/rules/{rule}", r"Minimum: At least \d+"),
    ("/rules/{rule}/end", r"Minimum: At least \d+"),
    ("/rules/new?kind=minimum&product=OFFICE-PRM-M&quantity=5&preview=1", "Set a rule: minimum"),
    ("/rules/of?company={rule_company}&product={rule_product}", "Rules of RMM-SRV"),
    ("/tags", r"\d+ tag"),
    ("/tags?q=a", r"\d+ tag"),
    ("/tags/{tag}", r"“Pays by the year” is on \d+ company"),
    ("/people", "People and security"),
    ("/people/{person}", "Dana"),
    ("/people/sign-in", "How people sign in"),
    ("/profile", "Profile of Priya"),
    ("/profile/two-step", "Second step at sign-in"),
    ("/keys", "Keyboard"),
    ("/setup/start", "What do you want to start with"),
    ("/setup/keys", "Which keys open your ConnectWise"),
    ("/setup/read", "Shall ConnectWise be read now"),
    ("/setup/statuses", "Which companies are customers"),
    ("/setup/import", "What did your customers use"),
    ("/setup/map", "Who is who"),
    ("/setup/board", "Look as long as you like"),
    ("/help", "Help"),
    *((f"/help/{name}", "How a change is" if name == "trust" else title) for name, title in HELP.items()),
)
DOOR = [
    *_all("month", "", ("/sign-in", "Sign in"), ("/link/{token}", "Welcome to Countersign")),
    *_all("empty", "", ("/sign-in", "Sign in"), ("/sign-in/forgot", "Have a link sent")),
    Shown(address="/link/used-or-never-one", says="This link does not work any more", role="", status=410),
    Shown(
        address="/sign-in", says="The code of your app", role="", press="button[type=submit]", shows="#code",
        lands="/sign-in/code", name="sign-in-code",
        typed=(("E-mail", "twostep@demo.example"), ("Password", "countersign-demo")),
    ),
    Shown(address="/kept/{draft}", says="What you had typed is kept", role="manager"),
    Shown(address="/setup/first", says="Make the first admin", role="", store="bare"),
]  # fmt: skip
VIEWER = _all(
    "month",
    "viewer",
    ("/", r"\d+ cards to decide"),
    ("/cards", r"\d+ cards to decide"),
    ("/cards/{increase}", "Server monitoring"),
    ("/pushes", r"\d+ writes need a look"),
    ("/mapping/accounts", "Mapping"),
    ("/mapping/services", "Mapping"),
    ("/imports", "Imports"),
    ("/connections", "Connections"),
    ("/statuses", "Statuses and types"),
    ("/rules", r"\d+ rules are in force"),
    ("/audit", "Audit trail"),
    ("/profile", "Profile of Victor"),
)
READ_ONLY = _all(
    "planned",
    "biller",
    ("/", r"\d+ cards to decide"),
    ("/cards", r"\d+ cards to decide"),
    ("/cards?show=decided", r"\d+ cards decided"),
    ("/pushes?show=planned", r"\d+ writes are planned"),
    ("/connections/writing/report", r"\d+ decisions are planned"),
)
EMPTY = _all(
    "empty",
    "admin",
    ("/", "Connect ConnectWise to begin"),
    ("/cards", "Nothing to decide"),
    ("/views", r"\d+ views of the board"),
    ("/pushes", "Nothing needs a look"),
    ("/mapping/accounts", "Mapping"),
    ("/mapping/services", "Mapping"),
    ("/mapping/splits", "Mapping"),
    ("/imports", "Imports"),
    ("/connections", "Connections"),
    ("/activity", "Runs"),
    ("/statuses", "Statuses and types"),
    ("/rules", r"\d+ rules are in force"),
    ("/tags", "No tags yet"),
    ("/audit", "Audit trail"),
    ("/people", "People and security"),
    ("/setup/start", "What do you want to start with"),
    ("/setup/keys", "Which keys open your ConnectWise"),
    ("/setup/import", "What did your customers use"),
    ("/setup/board", "Look as long as you like"),
)
REFUSED = [
    Shown(address="/nothing-here", says="Nothing is here", status=404),
    Shown(address="/nothing-here", says="Nothing is here", role="", status=404, name="door-nothing-here"),
    Shown(address="/people", says="Your role may not do this", role="viewer", status=403),
    Shown(
        address="/cards/{increase}/plan?action=adjust&quantity=many",
        says="Server monitoring",
        role="biller",
        status=422,
    ),
    Shown(
        address="/cards/{decrease}/dismiss",
        says="Office suite",
        role="biller",
        press="form.form-row .primary",
        name="dismiss-422",
    ),
    Shown(address="/rules/of", says="Nothing is here", status=404),
]
NOT_PAGES = {
    "activity.skipped_file": "a file",
    "audit.export_csv": "a file",
    "audit.export_lines": "a file",
    "audit.summary_csv": "a file",
    "cards.export_csv": "a file",
    "connections.written_report_csv": "a file",
    "health.live": "a file",
    "health.ready": "a file",
    "help.picture": "a file",
    "imports.problems_file": "a file",
    "mapping.export_file": "a file",
    "statuses.export_file": "a file",
    "static": "a file",
    "rules.choices": "a part of /rules/new: the list below a field",
    "today.tape": "a part of every page: the tape",
    "audit.chain": "leads to /audit: without a script, the part is on that page",
    "mapping.index": "leads to /mapping/accounts",
    "setup.index": "leads to the step that is next",
    "sign_in.company": "leads to the company's own sign-in, which is another host's page",
    "sign_in.company_back": "leads on from there",
}
"""Routes that are no page of their own, by their endpoints, and why."""
PAGES = [*BOARD, *COMES_IN, *RECORD, *SETTINGS, *DOOR, *VIEWER, *READ_ONLY, *EMPTY, *REFUSED]


def picture_name(shown: Shown) -> str:
    """Give the name of a page's picture: its address without what its records are called, and who looks where."""
    words = shown.name or re.sub(r"[^a-z0-9]+", "-", re.sub(r"=\{[^}]*\}", "", shown.address).lower()).strip("-")
    rest = [] if shown.store == "month" else [shown.store]
    rest += {"viewer": ["viewer"], "": ["door"]}.get(shown.role, [])
    return "-".join([*rest, words or "today"])
