"""What makes the audit log append-only in the database itself; applied after every upgrade, and compared."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

#: The log, its signed checkpoints, and where those were put.
APPEND_ONLY = ("audit", "checkpoint", "anchor")
SQLITE = {
    f"{table}_no_{verb.lower()}": (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    )
    for table in APPEND_ONLY
    for verb in ("UPDATE", "DELETE")
}
BODY = " BEGIN RAISE EXCEPTION 'the audit log is append-only'; END "
FUNCTION = f"CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $${BODY}$$"
#: As `pg_get_triggerdef` spells them.
POSTGRES = {
    f"{table}_no_{what}": (
        f"CREATE TRIGGER {table}_no_{what} BEFORE {verbs} ON public.{table} "
        f"FOR EACH {each} EXECUTE FUNCTION audit_append_only()"
    )
    for table in APPEND_ONLY
    for what, verbs, each in (("change", "DELETE OR UPDATE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT"))
}
FORBIDDEN = {
    **dict.fromkeys(APPEND_ONLY, ("UPDATE", "DELETE", "TRUNCATE")),
    "alembic_version": ("INSERT", "UPDATE", "DELETE", "TRUNCATE"),
}


def apply(connection: Connection, app_role: str | None = None) -> None:
    """Put the triggers in place anew, and on PostgreSQL the app role's grants: it reads and adds."""
    if connection.dialect.name == "sqlite":
        for name, statement in SQLITE.items():
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            connection.execute(text(statement))
        return
    connection.execute(text(FUNCTION))
    for statement in POSTGRES.values():
        connection.execute(text(statement.replace("CREATE", "CREATE OR REPLACE", 1)))
    if app_role:
        role = connection.dialect.identifier_preparer.quote(app_role)
        for grant in (
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
            *(f"REVOKE {', '.join(verbs)} ON {table} FROM {role}" for table, verbs in FORBIDDEN.items()),
        ):
            connection.execute(text(grant))


def problems(connection: Connection, app_role: str | None = None) -> list[str]:
    """Where triggers and grants are not as `apply` makes them, in words.

    Args:
        app_role: whose grants are looked at; left out, whoever asks. The owner of the tables has all anyway.
    """
    sqlite = connection.dialect.name == "sqlite"
    wanted, there = (SQLITE, _on_sqlite(connection)) if sqlite else (POSTGRES, _on_postgres(connection))
    found = [f"trigger {name} is missing" for name in sorted(wanted.keys() - there.keys())]
    found += [
        f"trigger {name} is not what Bursar made it"
        for name in sorted(wanted.keys() & there.keys())
        if there[name] != wanted[name]
    ]
    return found if sqlite else [*found, *_grants(connection, app_role)]


def _on_sqlite(connection: Connection) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    return dict(map(tuple, connection.execute(text(query))))


def _on_postgres(connection: Connection) -> dict[str, str]:
    """The triggers that are switched on, each with its definition; with its function's where that differs."""
    query = """
        SELECT tgname, pg_get_triggerdef(pg_trigger.oid), prosrc
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
    """
    return {
        name: definition if body == BODY else f"{definition} {body}"
        for name, definition, body in connection.execute(text(query))
    }


def _grants(connection: Connection, app_role: str | None) -> Iterator[str]:
    role = app_role or connection.execute(text("SELECT current_user")).scalar_one()
    owner = text("SELECT pg_has_role(:role, relowner, 'MEMBER') FROM pg_class WHERE oid = 'audit'::regclass")
    if connection.execute(owner, {"role": role}).scalar_one():
        if app_role:
            yield f"role {role} can act as the owner of the tables, so nothing is kept from it"
        return
    may = text("SELECT has_table_privilege(:role, :table, :verb)")
    may_some = text("SELECT has_any_column_privilege(:role, :table, :verb)")
    for table, verbs in FORBIDDEN.items():
        for verb in verbs:
            query = may_some if verb in {"INSERT", "UPDATE"} else may
            if connection.execute(query, {"role": role, "table": table, "verb": verb}).scalar_one():
                yield f"role {role} may {verb} {table}, which only its owner should"
    for table in APPEND_ONLY:
        for verb in ("SELECT", "INSERT"):
            if not connection.execute(may, {"role": role, "table": table, "verb": verb}).scalar_one():
                yield f"role {role} may not {verb} {table}"
