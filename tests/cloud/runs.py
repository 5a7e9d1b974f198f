"""What the tests of a misbehaving cloud share: a run of some boxes, faults by the call, and what arrived."""

from collections import Counter
from collections.abc import Callable
from itertools import cycle

from actions.plan import Plan
from actions.step import Step
from flows import approvals, sweeps
from storage import plans
from tests.actions.proxy import Fault, Proxy
from tests.actions.world import World
from tests.flows.world import OPS, Company

STOP = "StopInstances"


def approved(company: Company, world: World, count: int) -> Plan:
    """A plan to stop some idle boxes, with its approval."""
    for number in range(count):
        world.idle_instance(f"box-{number}", Environment="dev", team="web")
    (plan,) = sweeps.sweep(company.desk, company.now)
    return approvals.approve(company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now)


def steps(company: Company, plan: str) -> list[Step]:
    with company.store.reading() as session:
        return plans.steps(session, plan)


def accepted(proxy: Proxy, operation: str = STOP) -> Counter[str]:
    """How many calls the cloud took, by what they are about."""
    return Counter(one.resource for one in proxy.requests if one.action == operation and one.accepted)


def sent(proxy: Proxy, operation: str = STOP) -> Counter[str]:
    """How many calls arrived, by what they are about."""
    return Counter(one.resource for one in proxy.requests if one.action == operation)


def on(operation: str, target: str, word: str, *, times: int = 1_000) -> Fault:
    """The calls of this operation on this target go wrong, so many times."""
    left = iter([word] * times)
    return lambda name, body: next(left, None) if name == operation and target in body else None


def three_of_ten(word: str) -> Fault:
    """Three of each ten calls of any kind go wrong, in a row."""
    words = cycle([None] * 7 + [word] * 3)
    return lambda _name, _body: next(words)


def meanwhile(operation: str, target: str, do: Callable[[], object]) -> Fault:
    """Something happens in the cloud just as this call arrives, once."""
    left = iter([do])

    def fault(name: str, body: str) -> None:
        if name == operation and target in body and (happens := next(left, None)):
            happens()

    return fault
