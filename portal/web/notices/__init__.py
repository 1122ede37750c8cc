"""Notices on a person's pages, and which mails they want."""

from portal.web.notices.routes import register

__all__ = ["register"]
