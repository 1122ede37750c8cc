"""Signing in: e-mail and password, the second step, links that work once, the company's sign-in, what was kept."""

from portal.web.sign_in.routes import register

__all__ = ["register"]
