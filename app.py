"""Builds the app from the environment, nothing else; where it is to be served, looks at the audit trail first."""

import os

from dotenv import load_dotenv

from portal.config import BadSetting, read_settings
from portal.factory import create_app
from portal.web.health.starting import look_at_start

load_dotenv()
try:
    app = create_app(read_settings())
except BadSetting as error:
    raise SystemExit(f"Error: {error}") from error
if os.environ.get("FLASK_RUN_FROM_CLI") != "true":  # a command looks when it writes; `doctor` always
    look_at_start(app)
