"""The secrets of authenticators: made once, shown once, and read by nobody else."""

import stat
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot import cli, stepup
from flows.stepup import generator, matching
from spend.errors import Refused, SettingsWrong
from tests.bot.test_cli_work import settle

NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)


def test_an_enrolled_person_has_the_secret_that_was_shown_to_their_authenticator(tmp_path: Path) -> None:
    path = tmp_path / "codes"
    assert stepup.read(path) == stepup.read(None) == {}
    uri = urlsplit(stepup.enrol(path, "U0ANN"))
    stepup.enrol(path, "U0BOB")
    shown = parse_qs(uri.query)["secret"][0]
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Bursar:U0ANN")
    found = stepup.read(path)
    assert set(found) == {"U0ANN", "U0BOB"}
    code = generator(shown).generate(int(NOON.timestamp())).decode()
    assert matching(found["U0ANN"], code, NOON) == int(NOON.timestamp()) // 30
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_the_codes_are_those_of_the_standard(at: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert matching(secret, code, datetime.fromtimestamp(at, UTC)) == at // 30


def test_nobody_is_enrolled_twice_or_without_a_file(tmp_path: Path) -> None:
    stepup.enrol(tmp_path / "codes", "U0ANN")
    with pytest.raises(Refused, match="enrolled already"):
        stepup.enrol(tmp_path / "codes", "U0ANN")
    with pytest.raises(SettingsWrong, match="BURSAR_STEP_UP_FILE is not set"):
        stepup.enrol(None, "U0ANN")


@pytest.mark.case("V13.3.1")
def test_a_file_that_others_may_read_or_that_is_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codes"
    stepup.enrol(path, "U0ANN")
    path.chmod(0o640)
    with pytest.raises(SettingsWrong, match="chmod 600"):
        stepup.read(path)
    path.chmod(0o600)
    path.write_text("U0ANN\n", encoding="ascii")
    with pytest.raises(SettingsWrong, match="codes:1: a line is"):
        stepup.read(path)


def test_enrolling_from_a_terminal_prints_the_secret_and_logs_only_that_it_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BURSAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BURSAR_STEP_UP_FILE", str(tmp_path / "codes"))
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "BURSAR_CONFIG", "SLACK_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    settle(tmp_path)
    assert cli.outcome(["stepup", "enrol", "U0CARO"]) == 0
    assert capsys.readouterr().out.startswith("otpauth://totp/Bursar:U0CARO?")
    assert cli.outcome(["stepup", "enrol", "U0CARO"]) == 4
    assert cli.outcome(["stepup", "enrol", "caro"]) == 4
    assert "no Slack member id" in capsys.readouterr().err
    assert cli.outcome(["audit", "show", "U0CARO"]) == 0
    shown = capsys.readouterr().out
    assert "stepup.enrol" in shown
    assert stepup.read(tmp_path / "codes")["U0CARO"] not in shown
