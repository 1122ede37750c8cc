"""The audit trail: filters in the address, one event opened, the chain, exports."""

from portal.web.audit.routes import register

__all__ = ["register"]
