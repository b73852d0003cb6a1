"""Makes the registry's tables and brings older ones up to date; Alembic runs the versions in this folder."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from coldchain.errors import ColdchainError
from coldchain.registry.store import Registry


def migrate(registry: Registry) -> None:
    """Bring the registry to this program's version; an empty database gets every table.

    Raises:
        ColdchainError: the database was written by a newer program.
    """
    config = _config(registry)
    found, known = (
        current(registry),
        {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()},
    )
    if found is not None and found not in known:
        raise ColdchainError(
            f"the registry was written by a newer version (schema {found}): install that version again"
        )
    with registry.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current(registry: Registry) -> str | None:
    """The schema version that the database is at; None when it is empty."""
    with registry.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head(registry: Registry) -> str | None:
    """The schema version that this program wants."""
    return ScriptDirectory.from_config(_config(registry)).get_current_head()


def _config(registry: Registry) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(__package__ or __name__)))
    config.set_main_option("sqlalchemy.url", "unused")
    config.attributes["engine"] = registry.engine
    return config
