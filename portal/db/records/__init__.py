"""All records, one file an aggregate. Import them from here."""

from portal.db.records.account_lines import AccountLine, AccountLineDue, MappingBatch, MappingRefusal
from portal.db.records.audit import AuditCheck, AuditEvent, AuditRefusal
from portal.db.records.bulk import Bulk, BulkCard
from portal.db.records.callbacks import CallbackHook, CallbackKey, CallbackPost, CallbackRefusal
from portal.db.records.cards import Card
from portal.db.records.decisions import AgreementLease, Batch, Decision, Push, PushStep
from portal.db.records.drift import Drift
from portal.db.records.meanings import RowMeaning, VendorWordMeaning
from portal.db.records.notes import Note, NoteText, Tag, Tagged
from portal.db.records.notices import Mail, Notice
from portal.db.records.people import Draft, OneTimeLink, Person, SignIn, SignInAttempt
from portal.db.records.psa import (
    PsaAddition,
    PsaAgreement,
    PsaAgreementType,
    PsaBillingCycle,
    PsaCompany,
    PsaCompanyType,
    PsaCurrency,
    PsaListRow,
    PsaProduct,
)
from portal.db.records.rules import Rule, SplitPart, SplitRule
from portal.db.records.service_lines import ServiceLine, ServiceLineMade
from portal.db.records.sources import (
    AgreementWanted,
    Connection,
    PsaQuestion,
    RequestPace,
    Setting,
    SyncRun,
    SyncStaged,
)
from portal.db.records.usage import UsageAccount, UsageCount, UsageImport, UsageRow, UsageService
from portal.db.records.vendors import (
    AccountMapping,
    ServiceMapping,
    ServiceProduct,
    Vendor,
    VendorAccount,
    VendorProfile,
    VendorService,
)
from portal.db.records.views import SavedView
from portal.db.records.ways_in import (
    CompanyIdentity,
    CompanyProvider,
    CompanyReturn,
    HalfSignIn,
    KnownBrowser,
    RecoveryCode,
    TwoStep,
)

__all__ = [
    "AccountLine",
    "AccountLineDue",
    "AccountMapping",
    "AgreementLease",
    "AgreementWanted",
    "AuditCheck",
    "AuditEvent",
    "AuditRefusal",
    "Batch",
    "Bulk",
    "BulkCard",
    "CallbackHook",
    "CallbackKey",
    "CallbackPost",
    "CallbackRefusal",
    "Card",
    "CompanyIdentity",
    "CompanyProvider",
    "CompanyReturn",
    "Connection",
    "Decision",
    "Draft",
    "Drift",
    "HalfSignIn",
    "KnownBrowser",
    "Mail",
    "MappingBatch",
    "MappingRefusal",
    "Note",
    "NoteText",
    "Notice",
    "OneTimeLink",
    "Person",
    "PsaAddition",
    "PsaAgreement",
    "PsaAgreementType",
    "PsaBillingCycle",
    "PsaCompany",
    "PsaCompanyType",
    "PsaCurrency",
    "PsaListRow",
    "PsaProduct",
    "PsaQuestion",
    "Push",
    "PushStep",
    "RecoveryCode",
    "RequestPace",
    "RowMeaning",
    "Rule",
    "SavedView",
    "ServiceLine",
    "ServiceLineMade",
    "ServiceMapping",
    "ServiceProduct",
    "Setting",
    "SignIn",
    "SignInAttempt",
    "SplitPart",
    "SplitRule",
    "SyncRun",
    "SyncStaged",
    "Tag",
    "Tagged",
    "TwoStep",
    "UsageAccount",
    "UsageCount",
    "UsageImport",
    "UsageRow",
    "UsageService",
    "Vendor",
    "VendorAccount",
    "VendorProfile",
    "VendorService",
    "VendorWordMeaning",
]
