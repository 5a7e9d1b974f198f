"""The demo's people and channels, and the bursar.yaml that describes them."""

from bot.demo.thing import ACCOUNTS, REGION
from bot.playground.records import Channel, Person

BOT = Person("U0BURSAR", "Bursar", "The bot", is_bot=True)
ADA = Person("U0ADA", "Ada Okafor", "Owner of checkout")
BEN = Person("U0BEN", "Ben Lindqvist", "Owner of search")
CARO = Person("U0CARO", "Caro Mendes", "On-call engineer")
DEV = Person("U0DEV", "Dev Sharma", "Second approver")
FAY = Person("U0FAY", "Fay Novak", "Finance")
OTTO = Person("U0OTTO", "Otto Brandt", "Outsider: sales")
PEOPLE = (ADA, BEN, CARO, DEV, FAY, OTTO)

CHECKOUT = Channel("C0CHECKOUT", "team-checkout", "What checkout spends")
SEARCH = Channel("C0SEARCH", "team-search", "What search spends")
ONCALL = Channel("C0ONCALL", "on-call", "Plans that wait for approval")
FINANCE = Channel("C0FINANCE", "finance", "Disputes and claims")
CHANNELS = (CHECKOUT, SEARCH, ONCALL, FINANCE)

ROLE = "arn:aws:iam::{account}:role/bursar"

_SETTINGS = """\
# The settings of the demo: a small company with two teams and three accounts.
mode: act
zone: UTC
teams:
  checkout:
    title: Checkout
    channel: {checkout}
    owners: [{ada}]
    budget: {{ amount: "24000.00", currency: USD }}
  search:
    title: Search
    channel: {search}
    owners: [{ben}]
    budget: {{ amount: "26000.00", currency: USD }}
finance: {{ channel: {finance}, people: [{fay}] }}
oncall: {{ channel: {oncall} }}
approvers:
  platform-oncall: [{caro}, {dev}]
fallback_channel: {finance}
accounts:
{accounts}
regions: [{region}]
owner_tags: [team]
shared:
  - {{ tag: shared, value: "true", name: shared-cluster, split: proportional }}
protected_tags: ["bursar:protect", do-not-stop]
dollar_limit: "5000.00"
wave_pause: {pause}
owner_warning: 0
caps: {{ percent_of_fleet: 80, amount_per_day: 20000 USD }}
schedules:
  - {{ name: monday-digest, job: digest, days: [mon], at: "09:00" }}
  - {{ name: nightly-sweep, job: sweep, at: "05:00" }}
  - {{ name: nightly-detect, job: detect, at: "06:00" }}
"""


def settings(*, wave_pause: int = 1) -> str:
    """The demo's bursar.yaml."""
    accounts = "\n".join(
        f'  - {{ id: "{key}", name: {name}, role_arn: "{ROLE.format(account=key)}", act: true }}'
        for key, name in ACCOUNTS.items()
    )
    return _SETTINGS.format(
        checkout=CHECKOUT.id,
        search=SEARCH.id,
        finance=FINANCE.id,
        oncall=ONCALL.id,
        ada=ADA.id,
        ben=BEN.id,
        caro=CARO.id,
        dev=DEV.id,
        fay=FAY.id,
        accounts=accounts,
        region=REGION,
        pause=wave_pause,
    )
