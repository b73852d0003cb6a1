"""Makes the registry's tables and brings older ones up to date; Alembic runs the versions in this folder."""

from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from coldchain.errors import ColdchainError
from coldchain.registry.store import Registry

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS = files(__package__ or __name__) / "versions"
# What `head` says, read from the names of the scripts: a role that starts compares with it and need not import Alembic,
# which takes as long as everything else together. A test holds the two together.
WANTED = max(item.name for item in _VERSIONS.iterdir() if item.name[0].isdigit()).partition("_")[0]


def migrate(registry: Registry) -> None:
    """Bring the registry to this program's version; an empty database gets every table.

    Raises:
        ColdchainError: the database was written by a newer program.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

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
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
        return found


def head(registry: Registry) -> str | None:
    """The schema version that the newest of the scripts makes."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(registry)).get_current_head()


def _config(registry: Registry) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files(__package__ or __name__)))
    config.set_main_option("sqlalchemy.url", "unused")
    config.attributes["engine"] = registry.engine
    return config
