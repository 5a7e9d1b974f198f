"""All settings: bursar.yaml and the environment, checked together, every error reported at once."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from actions.health import HealthQuery
from actions.readers.incidents import Incidents
from actions.readers.prometheus import Prometheus
from bot.settings_file import Document, Place, read, spelt
from bot.settings_model import File
from flows.org import Account, Org, Shared, Team
from spend.allocation import Pool
from spend.charge import folded
from spend.errors import SettingsWrong
from storage.checkpoints import Signer, signer
from storage.engines.engine import DUCKDB, NEVER_RUN

SLACK = "https://slack.com/api/"
FILE = "bursar.yaml"
Problem = tuple[int, str, str]


class Secrets(BaseModel):
    """What only the environment holds. It never shows in a repr, a log or an error."""

    model_config = ConfigDict(frozen=True)

    bot_token: SecretStr | None = None
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    audit_key: SecretStr | None = None
    prometheus_token: SecretStr | None = None
    incidents_token: SecretStr | None = None
    events_token: SecretStr | None = None
    opencost_token: SecretStr | None = None
    api_url: str = SLACK

    def bot(self) -> str:
        """The bot token.

        Raises:
            SettingsWrong: it is not set.
        """
        return _told(self.bot_token, "SLACK_BOT_TOKEN", "the bot token (xoxb-…) of OAuth & Permissions")

    def app(self) -> str:
        """The app-level token of Socket Mode.

        Raises:
            SettingsWrong: it is not set.
        """
        way_out = "an app-level token (xapp-…) with connections:write, or start with --http HOST:PORT"
        return _told(self.app_token, "SLACK_APP_TOKEN", way_out)

    def signing(self) -> str:
        """The secret with which Slack signs its requests.

        Raises:
            SettingsWrong: it is not set.
        """
        return _told(self.signing_secret, "SLACK_SIGNING_SECRET", "the signing secret of Basic Information")

    def signer(self) -> Signer | None:
        """What signs the audit log's checkpoints, if there is a key.

        Raises:
            SettingsWrong: the key cannot be read.
        """
        return signer(self.audit_key.get_secret_value()) if self.audit_key else None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process is told at its start.

    Attributes:
        home: where the embedded database, the lake and the logs live.
        database_url: as the app's role; `owner_url` is for migrations.
        step_up: the file with the secrets of people's authenticators.
        warnings: what works but is probably not meant, in sentences.
    """

    file: File
    secrets: Secrets
    home: Path
    database_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    step_up: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def app_role(self) -> str | None:
        """The role that is to be granted what the app needs; None where the owner does everything."""
        role = urlsplit(self.database_url).username
        return role if self.database_url != self.owner_url else None

    def prometheus(self) -> Prometheus | None:
        """What answers error budgets and health queries, if there is one."""
        return (
            self.file.prometheus.reader(_plain(self.secrets.prometheus_token))
            if self.file.prometheus
            else None
        )

    def incidents(self) -> Incidents | None:
        """What lists the open incidents, if there is such a system."""
        return self.file.incidents.reader(_plain(self.secrets.incidents_token))

    def org(self) -> Org:
        """The policy that flows read."""
        part = self.file
        return Org(
            teams={name: _team(name, team) for name, team in part.teams.items()},
            accounts={
                one.id: Account(
                    one.id, one.name or one.id, one.role_arn, one.external_id, one.act, one.act_role_arn
                )
                for one in part.accounts
            },
            finance_channel=part.finance.channel if part.finance else "",
            finance=frozenset(part.finance.people if part.finance else ()),
            oncall_channel=part.oncall.channel if part.oncall else "",
            groups={name: frozenset(one.people) for name, one in part.approvers.items() if not one.usergroup},
            usergroups={name: one.usergroup for name, one in part.approvers.items() if one.usergroup},
            people=part.people,
            act=part.mode == "act",
            owner_tags=part.owner_tags,
            aliases={value.casefold(): team for value, team in part.tag_aliases.items()},
            promoted_tags=part.promoted_tags,
            shared=tuple(
                Shared(one.tag, one.value, Pool(one.name or one.value, one.split, one.weights))
                for one in part.shared
            ),
            protected=part.protected_tags,
            regions=part.regions,
            dollar_limit=part.dollar_limit,
            wave_pause=part.wave_pause,
            health={name: HealthQuery(one.query, one.holds) for name, one in part.health_queries.items()},
            owner_warning=part.owner_warning,
            freezes=tuple(one.freeze(part.zone) for one in part.freezes),
            business_hours=part.business_hours.hours(part.zone) if part.business_hours else None,
            incidents_told_within=part.incidents.told_within,
            error_budgets={name: one.budget(name) for name, one in part.error_budgets.items()},
            caps=part.caps.caps(part.zone),
            fallback_channel=part.fallback_channel,
            data_channel=part.data_channel,
            sources={one.name: one.source(_plain(self.secrets.opencost_token)) for one in part.sources},
            anchors=part.audit.anchors,
            keep=part.lake.keep,
            restatement=part.restatement.threshold(),
            zone=part.zone,
        )


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process.

    Args:
        environ: the environment; the process's own if it is left out.

    Raises:
        SettingsWrong: what does not hold, each error as `FILE:LINE KEY: SENTENCE`, all of them at once.
    """
    given = os.environ if environ is None else environ
    document, problems = _document(given)
    file, wrong = _validated(document)
    problems += wrong
    problems += _secrets_swapped(given)
    if file is None or problems:
        raise SettingsWrong("\n".join(problems))
    url = given.get("DATABASE_URL") or f"sqlite:///{home(given).absolute() / 'bursar.db'}"
    return Settings(
        file=file,
        secrets=_secrets(given),
        home=home(given),
        database_url=url,
        owner_url=given.get("DATABASE_OWNER_URL") or url,
        step_up=Path(given["BURSAR_STEP_UP_FILE"]) if given.get("BURSAR_STEP_UP_FILE") else None,
        warnings=tuple(_warnings(file)),
    )


def home(environ: Mapping[str, str] | None = None) -> Path:
    """Where the embedded database, the lake and the logs live."""
    given = os.environ if environ is None else environ
    return Path(given.get("BURSAR_HOME") or ".bursar")


def _document(given: Mapping[str, str]) -> tuple[Document, list[str]]:
    named = given.get("BURSAR_CONFIG")
    path = Path(named or FILE)
    if not path.exists():
        return Document(FILE, {}), (
            [f"environment BURSAR_CONFIG: there is no file {named}; correct the path"] if named else []
        )
    document = read(path)
    return document, [
        f"{document.name}:{line} {key}: {sentence}" for line, key, sentence in document.problems
    ]


def _validated(document: Document) -> tuple[File | None, list[str]]:
    if not isinstance(document.data, dict):
        return None, [f"{document.name}:1: the file must be a mapping of settings, such as `teams:`"]
    try:
        file = File.model_validate(document.data)
    except ValidationError as error:
        found = [_problem(document, item) for item in error.errors(include_url=False)]
    else:
        found = [(document.line(place), spelt(place), sentence) for place, sentence in _crossed(file)]
        if not found:
            return file, []
    return None, [f"{document.name}:{line} {key}: {sentence}" for line, key, sentence in sorted(found)]


def _problem(document: Document, item: Any) -> Problem:
    place: Place = tuple(part for part in item["loc"] if part != "[key]")
    match item["type"]:
        case "extra_forbidden":
            sentence = "there is no such setting; docs/settings.md lists them all"
        case "missing":
            sentence = "this setting is missing"
        case "value_error":
            sentence = str(item["ctx"]["error"])
        case _:
            sentence = f"{item['msg']} (it is {item['input']!r})"
    return document.line(place), spelt(place), sentence


def _crossed(file: File) -> Iterator[tuple[Place, str]]:
    """What each part allows and the parts together do not."""
    yield from _unknown_teams(file)
    yield from _doubles(file)
    yield from _unknown_sources(file)
    yield from _unpromoted(file)
    if file.teams and file.finance is None:
        yield ("finance",), "teams need a finance channel, where disputes are ruled; add `finance:`"
    if file.error_budgets and file.prometheus is None:
        yield ("error_budgets",), "error budgets are asked of a Prometheus; add `prometheus:` with its url"
    if "owner" in file.approvers:
        yield ("approvers", "owner"), "`owner` always means the owners of the team; name this group otherwise"


def _unknown_teams(file: File) -> Iterator[tuple[Place, str]]:
    teams = ", ".join(sorted(file.teams)) or "none"
    named: list[tuple[Place, str]] = [(("tag_aliases", key), team) for key, team in file.tag_aliases.items()]
    for at, shared in enumerate(file.shared):
        named += [(("shared", at, "weights", team), team) for team in shared.weights]
    for place, team in named:
        if team not in file.teams:
            yield place, f"there is no team {team!r}; the teams are: {teams}"


def _unknown_sources(file: File) -> Iterator[tuple[Place, str]]:
    known = [source.name for source in file.sources]
    for at, schedule in enumerate(file.schedules):
        if schedule.job == "import" and schedule.args.get("source") not in known:
            names = ", ".join(known) or "none"
            yield (
                ("schedules", at, "args"),
                f"an import needs `args: {{source: NAME}}` with one of `sources`; they are: {names}",
            )


def _unpromoted(file: File) -> Iterator[tuple[Place, str]]:
    """Only the embedded engine reads tags that have no column."""
    promoted = set(map(folded, file.promoted_tags))
    for key in (*file.owner_tags, *(shared.tag for shared in file.shared)):
        if file.lake.engine != DUCKDB and folded(key) not in promoted:
            sentence = f"{key!r} decides who owns a charge, and lake.engine {file.lake.engine} needs it here"
            yield ("promoted_tags",), f"{sentence} before bills are imported"


def _doubles(file: File) -> Iterator[tuple[Place, str]]:
    for what, key, rows in (
        ("accounts", "id", [one.id for one in file.accounts]),
        ("schedules", "name", [one.name for one in file.schedules]),
        ("sources", "name", [one.name for one in file.sources]),
    ):
        for at, name in enumerate(rows):
            if name in rows[:at]:
                yield (what, at, key), f"{name!r} stands in {what} twice; keep one of them"


def _warnings(file: File) -> Iterator[str]:
    for group, who in file.approvers.items():
        if not (who.people or who.usergroup):
            yield f"Approver group {group} is empty: nobody can approve what asks for it."
    if file.lake.engine in NEVER_RUN:
        yield f"lake.engine {file.lake.engine}: compiled, never run; every question of money is refused."
    if file.mode == "act" and not any(one.act for one in file.accounts):
        yield "mode is act, but no account has `act: true`: nothing will be changed anywhere."
    for name, team in file.teams.items():
        if not team.owners:
            yield f"Team {name} has no owners: nobody can claim or dispute for it."


def _secrets(given: Mapping[str, str]) -> Secrets:
    url = given.get("SLACK_API_URL") or SLACK
    return Secrets(
        bot_token=_secret(given, "SLACK_BOT_TOKEN"),
        app_token=_secret(given, "SLACK_APP_TOKEN"),
        signing_secret=_secret(given, "SLACK_SIGNING_SECRET"),
        audit_key=_secret(given, "BURSAR_AUDIT_KEY"),
        prometheus_token=_secret(given, "BURSAR_PROMETHEUS_TOKEN"),
        incidents_token=_secret(given, "BURSAR_INCIDENTS_TOKEN"),
        events_token=_secret(given, "BURSAR_EVENTS_TOKEN"),
        opencost_token=_secret(given, "BURSAR_OPENCOST_TOKEN"),
        api_url=url if url.endswith("/") else f"{url}/",
    )


def _secrets_swapped(given: Mapping[str, str]) -> Iterable[str]:
    if given.get("SLACK_BOT_TOKEN", "").startswith("xapp-"):
        yield "environment SLACK_BOT_TOKEN: this is an app-level token; it belongs in SLACK_APP_TOKEN"
    if given.get("SLACK_APP_TOKEN", "").startswith("xoxb-"):
        yield "environment SLACK_APP_TOKEN: this is a bot token; it belongs in SLACK_BOT_TOKEN"
    if (url := given.get("SLACK_API_URL")) and urlsplit(url).scheme not in {"http", "https"}:
        yield "environment SLACK_API_URL: the address must begin with http:// or https://"
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        if (url := given.get(name)) and urlsplit(url).scheme.split("+")[0] not in {"sqlite", "postgresql"}:
            yield f"environment {name}: the address must begin with sqlite:/// or postgresql://"


def _secret(given: Mapping[str, str], name: str) -> SecretStr | None:
    value = given.get(name, "").strip()
    return SecretStr(value) if value else None


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _told(secret: SecretStr | None, name: str, way_out: str) -> str:
    if secret is None:
        raise SettingsWrong(f"environment {name} is not set: set it to {way_out}.")
    return secret.get_secret_value()


def _team(name: str, part: Any) -> Team:
    budget = part.budget
    return Team(
        name=name,
        title=part.title or name,
        channel=part.channel,
        owners=frozenset(part.owners),
        budget=budget.amount if budget else None,
        currency=budget.currency if budget else "USD",
    )


def adopt(values: Mapping[str, str]) -> None:
    """Put variables into this process's environment: the demo's way to point a cloud SDK at its own cloud."""
    os.environ.update(values)


def environment() -> dict[str, str]:
    """This process's environment, for the processes it starts."""
    return dict(os.environ)
