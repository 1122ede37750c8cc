"""Backup, security and management tools whose headers are known."""

from portal.vendors.builtin.shape import Builtin, columns

EFILE = Builtin(
    name="n-able-efile",
    vendor="N-able",
    title="monthly billing efile",
    headers=columns(
        """Account Name, Account Number, Invoice Number, Invoice Date, Contract Number, Tenant, Product, UOM,
        Quantity, Rate, Cost, List Price, Usage Customer, Customer Site, Device Name, Device Type, Device ID,
        Rating Method, Period From, Period To"""
    ),
    spec={
        "columns": {"account_name": "Usage Customer", "service_name": "Product", "count": "Quantity"},
        "values": {
            "account_id": {"columns": ["Usage Customer", "Customer Site"], "take": "join", "by": " / "},
            "service_id": {"columns": ["Product", "UOM"], "take": "join", "by": " / "},
        },
    },
    notes=(
        "Account Name is the service provider's own; the customer is Usage Customer with Customer Site.",
        "Products by volume (Per GB) are services of their own, by their unit.",
    ),
)

COVE = Builtin(
    name="cove-maximum-value",
    vendor="N-able Cove",
    title="maximum value report",
    headers=columns(
        """CustomerId, CustomerName, CustomerReference, CustomerState, ProductionDate, ServiceType, OsType,
        CurrentMonthMvSKU, DeviceId, DeviceName, ComputerName, CreationDate, DeviceDeletionDate, UsedStorageGb,
        UsedStorageMvDate, SelectedSizeGb, SelectedSizeMvDate, O365Users, O365UsersMvDate, RecoveryTesting,
        RecoveryTestingMvDate"""
    ),
    complete=True,
    spec={
        "columns": {
            "account_id": "CustomerId",
            "account_name": "CustomerName",
            "account_status": "CustomerState",
            "count": "O365Users",
        },
        "values": {
            "service_id": {
                "columns": ["ServiceType", "OsType", "CurrentMonthMvSKU"], "take": "join", "by": " / ",
            }
        },
        "ones": [{"column": "OsType", "keep": ["Server", "Workstation"]}],
        "filters": [
            {"column": "CustomerName", "test": "contains", "keep": ["recycle bin"], "not": True, "otherwise": "out"}
        ],
    },
    notes=(
        "Servers and workstations count one a row; Microsoft 365 counts its users.",
        "Devices deleted in the month stay in the file and are billed.",
    ),
    statuses={"InProduction": "active", "InTrial": "ask"},
)  # fmt: skip

ACRONIS = Builtin(
    name="acronis-csv-v2",
    vendor="Acronis",
    title="usage report csv_v2_0",
    headers=columns(
        """application.id, edition, infra.backend_type, infra.id, infra.owner_id, name, tenant.id, tenant.kind,
        usage.absolute.production, usage.absolute.total, usage.absolute.trial, usage.delta.production,
        usage.delta.total, usage.delta.trial, usage.effective.production, usage.effective.total,
        usage.effective.trial"""
    ),
    spec={
        "columns": {"account_id": "tenant.id", "service_name": "name", "count": "usage.absolute.total"},
        "values": {"service_id": {"columns": ["name", "infra.backend_type", "edition"], "take": "join", "by": " / "}},
        "filters": [
            {"column": "tenant.kind", "keep": ["customer"], "otherwise": "out"},
            {"column": "name", "test": "contains", "keep": ["compute_points"], "not": True, "otherwise": "out"},
        ],
        "units": [
            {
                "divide": "1073741824",
                "from": "bytes",
                "to": "GB (1024³)",
                "only": {"column": "name", "test": "contains", "keep": ["storage"]},
            }
        ],
    },
    notes=(
        "Partners and folders repeat their customers, so only customers count; storages of one tenant add up.",
        "A disabled tenant is still billed. The file names no tenants: map them by their id.",
        "Compute points are left out: they are counted by another column.",
    ),
    statuses={"disabled": "active"},
)

SOPHOS = Builtin(
    name="sophos-usage",
    vendor="Sophos Central Partner",
    title="managed customer usage",
    headers=columns(
        """orderLineItemNumber, productGroup, productCode, sku, productDescription, accountId, partnerAccountId,
        partnerAccountName, assignedAccountIdentifier, billingStartDate, billingEndDate, orderNumber,
        accountNumberOrSerialNumber, orderedQuantity, actualQuantity, billableQuantity, externalId"""
    ),
    spec={
        "columns": {
            "account_id": "accountId",
            "account_name": "assignedAccountIdentifier",
            "service_id": "sku",
            "service_name": "productDescription",
            "count": "billableQuantity",
        },
        "days": {"from": "billingStartDate", "to": "billingEndDate"},
    },
    notes=("Of its three quantities the billable one counts. Licences by term are not part of this file.",),
)

SENTINELONE = Builtin(
    name="sentinelone-endpoints",
    vendor="SentinelOne",
    title="endpoint list",
    headers=columns(
        """Endpoint Name, Account, Site, Last Logged In User, Group, Domain, Console Visible IP, Agent Version,
        Last Active, Registered On, Device Type, OS, OS Version, Architecture, CPU Count, Core Count, Network Status,
        Full Disk Scan, Model Name, Serial Number"""
    ),
    complete=True,
    spec={
        "columns": {"account_id": "Site", "service_id": "Device Type"},
        "count_rows": True,
        "ones": [{"column": "Endpoint Name", "test": "blank", "not": True}],
    },
    notes=("Each endpoint counts one. Decommissioned ones stand in the list only if they were asked for.",),
)

DATTO_SITES = Builtin(
    name="datto-rmm-sites",
    vendor="Datto RMM",
    title="sites",
    headers=columns(
        """id, name, description, autotaskCompanyName, autotaskCompanyId, portalUrl, numberOfDevices,
        numberOfOnlineDevices, numberOfOfflineDevices"""
    ),
    complete=True,
    spec={
        "columns": {"account_id": "id", "account_name": "name", "count": "numberOfDevices"},
        "constants": {"service_id": "Managed device"},
        "filters": [
            {
                "column": "name",
                "keep": ["Managed", "OnDemand", "Deleted Devices"],
                "not": True,
                "otherwise": "out",
            }
        ],
    },
    notes=("The pseudo-sites Managed, OnDemand and Deleted Devices are left out.",),
)

KNOWBE4 = Builtin(
    name="knowbe4-accounts",
    vendor="KnowBe4",
    title="accounts",
    headers=columns(
        """Organization, Type, Subscription Level, Date Created, End Date, Seats, Users, Courses, Risk Score,
        Phish-prone %, PSTs"""
    ),
    spec={
        "columns": {
            "account_id": "Organization",
            "account_status": "Type",
            "service_id": "Subscription Level",
            "count": "Seats",
        },
    },
    notes=(
        "Seats are what is licensed; Users are what is active. Columns are those that stood on the screen.",
        "Archived accounts are in the file only if they were asked for, so it is partial.",
    ),
    statuses={"Paid": "active", "Trial": "ask", "Free": "ask"},
)

ALL = (EFILE, COVE, ACRONIS, SOPHOS, SENTINELONE, DATTO_SITES, KNOWBE4)
