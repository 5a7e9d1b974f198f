"""Settings: every error at once with its line, secrets that never show, and a policy that can be met."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from bot.settings import Settings, load
from bot.settings_model import File
from bot.settings_types import Part
from flows.policy import unmeetable
from runbooks.loader import load_all
from runbooks.schema import Runbook
from spend.errors import SettingsWrong

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    (tmp_path / "bursar.yaml").write_text(text, encoding="utf-8")
    return load({"BURSAR_CONFIG": str(tmp_path / "bursar.yaml"), "BURSAR_HOME": str(tmp_path), **environ})


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsWrong) as caught:
        read(tmp_path, text, **environ)
    return str(caught.value).splitlines()


def test_without_a_file_there_are_no_teams_and_nothing_may_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load({})
    org = settings.org()
    assert (org.teams, org.act, org.allowed_accounts, org.zone) == ({}, False, frozenset(), "UTC")
    assert settings.database_url == f"sqlite:///{tmp_path}/.bursar/bursar.db"
    assert settings.app_role is None


def test_the_example_in_the_documentation_holds(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    org = read(tmp_path, example).org()
    assert org.teams["search"].budget == Decimal("12000.00")
    assert org.teams["search"].owners == {"U0ANN", "U0BOB"}
    assert org.teams["shop"].title == "shop"
    account = org.accounts["012345678901"]
    assert account.act
    assert [str(role).rpartition("/")[2] for role in (account.role_arn, account.act_role_arn)] == [
        "bursar-read",
        "bursar-act",
    ]
    assert org.approvers(("owner", "second"), "shop") == {"U0CYD", "U0GUS"}
    assert org.shared[0].pool.split == "proportional"


def test_all_errors_come_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = """\
mode: perhaps
zone: Mars/Olympus
teams:
  search:
    channel: '#search'
    owners: [ann]
    colour: blue
  search:
    channel: C0SEARCH
schedules:
  - name: monday
    job: digest
    days: [monday]
    at: 9 o'clock
"""
    found = problems(tmp_path, text, SLACK_BOT_TOKEN="xapp-1")
    expected = {
        "bursar.yaml:1 mode:",
        "bursar.yaml:2 zone:",
        "bursar.yaml:5 teams.search.channel:",
        "bursar.yaml:6 teams.search.owners[1]:",
        "bursar.yaml:7 teams.search.colour:",
        "bursar.yaml:8 teams.search:",
        "bursar.yaml:13 schedules[1].days[1]:",
        "bursar.yaml:14 schedules[1].at:",
        "environment SLACK_BOT_TOKEN:",
    }
    assert {" ".join(line.split(" ")[:2]) for line in found} == expected
    assert "there is no such setting" in next(line for line in found if "colour" in line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("teams: {a: {channel: C1}}", "bursar.yaml:1 finance: teams need a finance channel"),
        (
            "tag_aliases:\n  shop: nobody",
            "bursar.yaml:2 tag_aliases.shop: there is no team 'nobody'; the teams are: none",
        ),
        (
            "accounts:\n- id: '1'\n  act_role_arn: arn:aws:iam::2:role",
            "bursar.yaml:2 accounts[1]: arn:aws:iam::2:role is no role of account 1; correct one of the two",
        ),
        ("accounts:\n- id: '1'\n- id: '1'", "bursar.yaml:3 accounts[2].id: '1' stands in accounts twice"),
        ("approvers: {owner: [U1]}", "bursar.yaml:1 approvers.owner: `owner` always means"),
        ("shared:\n- {tag: a, value: b, split: fixed}", "bursar.yaml:2 shared[1]: weights belong to"),
        ("teams: [a", "bursar.yaml:1: this is not YAML"),
        ("- a\n- b", "bursar.yaml:1: the file must be a mapping"),
        ("regions: [a, a]", "bursar.yaml:1 regions: an entry stands here twice"),
        (
            "schedules:\n- {name: a, job: import, at: '05:00'}",
            "bursar.yaml:2 schedules[1].args: an import needs `args: {source: NAME}`",
        ),
        ("finance: {people: [U1]}", "bursar.yaml:1 finance.channel: this setting is missing"),
    ],
)
def test_what_does_not_fit_together_is_said_in_words(tmp_path: Path, text: str, expected: str) -> None:
    [line] = problems(tmp_path, text)
    assert line.startswith(expected)


def test_amounts_are_exact_and_account_ids_keep_their_zero(tmp_path: Path) -> None:
    text = "dollar_limit: 1000.10\naccounts: [{id: 012345678901}, {id: 99}]"
    org = read(tmp_path, text).org()
    assert str(org.dollar_limit) == "1000.10"
    assert list(org.accounts) == ["012345678901", "99"]


def test_secrets_never_show(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "",
        SLACK_BOT_TOKEN="xoxb-hush",
        SLACK_SIGNING_SECRET="hush",
        DATABASE_URL="postgresql://app:hush@db/bursar",
    )
    assert "hush" not in repr(settings) + str(settings) + repr(settings.secrets)
    assert settings.secrets.bot() == "xoxb-hush"


def test_a_missing_secret_names_the_variable_and_where_to_find_it(tmp_path: Path) -> None:
    secrets = read(tmp_path, "").secrets
    for ask, name in (
        (secrets.bot, "SLACK_BOT_TOKEN"),
        (secrets.app, "SLACK_APP_TOKEN"),
        (secrets.signing, "SLACK_SIGNING_SECRET"),
    ):
        with pytest.raises(SettingsWrong, match=f"environment {name} is not set: set it to"):
            ask()


def test_addresses_are_checked_and_completed(tmp_path: Path) -> None:
    assert read(tmp_path, "", SLACK_API_URL="http://127.0.0.1:1/api").secrets.api_url.endswith("/api/")
    found = problems(tmp_path, "", SLACK_API_URL="slack.com", DATABASE_URL="mysql://db")
    assert [line.split(":")[0] for line in found] == ["environment SLACK_API_URL", "environment DATABASE_URL"]


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="there is no file"):
        load({"BURSAR_CONFIG": str(tmp_path / "other.yaml")})


def test_the_role_that_works_is_granted_what_it_needs_where_another_one_owns(tmp_path: Path) -> None:
    urls = {"DATABASE_URL": "postgresql://app@db/x", "DATABASE_OWNER_URL": "postgresql://owner@db/x"}
    assert read(tmp_path, "", **urls).app_role == "app"


@pytest.mark.case("T13")
def test_an_empty_group_is_nobody_and_is_warned_of(tmp_path: Path) -> None:
    settings = read(tmp_path, "mode: act\napprovers: {second: []}")
    assert settings.org().approvers(("second",), None) == frozenset()
    assert [sentence.split(":")[0] for sentence in settings.warnings] == [
        "Approver group second is empty",
        "mode is act, but no account has `act",
    ]


def test_a_group_of_approvers_is_a_list_or_a_user_group_of_slack(tmp_path: Path) -> None:
    org = read(
        tmp_path, "approvers: {oncall: {usergroup: S0ONCALL}, second: {people: [U1]}, third: [U2]}"
    ).org()
    assert org.usergroups == {"oncall": "S0ONCALL"}
    assert org.groups == {"second": {"U1"}, "third": {"U2"}}
    [both] = problems(tmp_path, "approvers:\n  oncall: {usergroup: S0ONCALL, people: [U1]}")
    assert both.startswith("bursar.yaml:2 approvers.oncall: a group is a list of people or a user group")
    [wrong] = problems(tmp_path, "approvers:\n  oncall: [ann]")
    assert wrong.startswith("bursar.yaml:2 approvers.oncall")
    assert "is no Slack member id" in wrong


def test_the_secrets_of_authenticators_have_a_file_of_their_own(tmp_path: Path) -> None:
    assert read(tmp_path, "").step_up is None
    assert read(tmp_path, "", BURSAR_STEP_UP_FILE="/etc/bursar/codes").step_up == Path("/etc/bursar/codes")


def with_quorum(quorum: int, *groups: str) -> dict[str, Runbook]:
    runbook = next(iter(load_all().values()))
    approval = runbook.approval.model_copy(update={"quorum": quorum, "groups": groups})
    return {"stop": runbook.model_copy(update={"approval": approval, "reviewed": date(2026, 1, 1)})}


@pytest.mark.case("T14")
@pytest.mark.case("V13.3.1")
def test_a_git_remote_is_an_address_without_a_password(tmp_path: Path) -> None:
    good = ["git+ssh://git@host:22/audit.git", "git+https://host/audit.git", "git+file:///srv/audit.git"]
    text = "audit: {{anchors: [{}]}}\n"
    assert read(tmp_path, text.format(", ".join(good))).org().anchors == tuple(good)
    bad = ["https://me:secret@host/a.git", "ext::sh -c true", "--upload-pack=x", "ssh://-x/a", "/srv/a.git"]
    for one in bad:
        (wrong,) = problems(tmp_path, text.format(f'"git+{one}"'))
        assert "a git remote is git+ssh://" in wrong
        assert "secret" not in wrong


def test_a_source_says_whether_its_money_counts_and_has_its_token_from_the_environment(
    tmp_path: Path,
) -> None:
    text = "sources:\n- {name: k8s, path: 'opencost+https://cost', counts: true}\n- {name: aws, path: /bills}"
    org = read(tmp_path, text, BURSAR_OPENCOST_TOKEN="s3cret").org()
    assert org.counts == {"k8s": True}
    assert org.source("k8s").access.token == "s3cret"
    assert "s3cret" not in repr(org)


@pytest.mark.parametrize(("quorum", "met"), [(2, True), (3, True), (4, False)])
def test_a_quorum_larger_than_its_approvers_can_never_be_met(tmp_path: Path, quorum: int, met: bool) -> None:
    text = """
teams: {a: {channel: C1, owners: [U1, U2]}}
finance: {channel: C2}
approvers: {second: [U3]}
"""
    found = unmeetable(read(tmp_path, text).org(), with_quorum(quorum, "owner", "second"))
    assert (found == []) is met
    assert met or "there are only 3; add people" in found[0]


def places(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting there is, as the documentation spells it."""
    for name, info in model.model_fields.items():
        place, inner = f"{prefix}{info.alias or name}", info.annotation
        yield place
        yield from _inner(inner, place)


def _inner(annotation: Any, place: str) -> Iterator[str]:
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield from places(annotation, f"{place}.")
    elif origin is Annotated:
        yield from _inner(args[0], place)
    elif origin is tuple:
        yield from _inner(args[0], f"{place}[]")
    elif origin is dict:
        yield from _inner(args[1], f"{place}.NAME")
    elif origin in {Union, UnionType}:
        for arg in args:
            yield from _inner(arg, place)


def test_every_setting_has_a_heading_in_the_documentation_and_no_heading_is_stale() -> None:
    text = DOCS.read_text(encoding="utf-8")
    headings = re.findall(r"^#{3,4} (\S+)$", text, re.MULTILINE)
    assert sorted(headings) == sorted(places(File))


def test_every_variable_of_the_environment_is_documented() -> None:
    source = (Path(__file__).parents[2] / "bot" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"((?:SLACK|DATABASE|BURSAR)_[A-Z_]+)"', source))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert names == documented
