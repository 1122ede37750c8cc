"""Builds the app from the environment, nothing else."""

from dotenv import load_dotenv

from portal.config import read_settings
from portal.factory import create_app

load_dotenv()
app = create_app(read_settings())
