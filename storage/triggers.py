"""What makes the audit log append-only in the database itself; applied after every upgrade, and checked."""

from sqlalchemy import Connection, text

SQLITE = {
    f"audit_no_{verb.lower()}": (
        f"CREATE TRIGGER IF NOT EXISTS audit_no_{verb.lower()} BEFORE {verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    )
    for verb in ("UPDATE", "DELETE")
}
FUNCTION = """
CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
"""
POSTGRES = {
    "audit_no_change": (
        "CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_append_only()"
    ),
    "audit_no_truncate": (
        "CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    ),
}


def apply(connection: Connection, app_role: str | None = None) -> None:
    """Put the triggers in place, and on PostgreSQL the app role's grants: no UPDATE, no DELETE on audit."""
    if connection.dialect.name == "sqlite":
        for statement in SQLITE.values():
            connection.execute(text(statement))
        return
    for statement in (FUNCTION, *POSTGRES.values()):
        connection.execute(text(statement))
    if app_role:
        role = connection.dialect.identifier_preparer.quote(app_role)
        for grant in (
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
            f"REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM {role}",
            f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
        ):
            connection.execute(text(grant))


def missing(connection: Connection) -> list[str]:
    """The names of triggers that should be there and are not, or are switched off."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        wanted = SQLITE
    else:
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit'::regclass AND tgenabled IN ('O', 'A')"
        wanted = POSTGRES
    there = set(connection.execute(text(query)).scalars())
    return sorted(set(wanted) - there)
