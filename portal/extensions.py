"""Extensions, unbound: the factory binds them to an app."""

from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from htmx_flask import Htmx

from portal.db.base import Base
from portal.masked_tokens import MaskedTokens

db = SQLAlchemy(metadata=Base.metadata)
migrate = Migrate()
login_manager = LoginManager()
csrf = MaskedTokens()
htmx = Htmx()
