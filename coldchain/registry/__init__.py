"""Who and what is monitored, what was found and who was told: SQLite or PostgreSQL behind SQLAlchemy Core."""
