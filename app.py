"""Builds the app from the environment, nothing else."""

from dotenv import load_dotenv

from portal.config import BadSetting, read_settings
from portal.factory import create_app

load_dotenv()
try:
    app = create_app(read_settings())
except BadSetting as error:
    raise SystemExit(f"Error: {error}") from error
