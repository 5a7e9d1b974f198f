"""The ledger: allocated charges, and corrections that are entries of their own and always balance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from spend import canonical
from spend.charge import CORRECTION
from spend.dispute import DisputeState
from spend.money import ZERO, minus, quantize, split, total

REVERSAL = "reversal"
RESTATEMENT = "restatement"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. It is never edited: it is reversed and others take its place.

    Attributes:
        team: who bears it; None where nobody owns it.
        effective, billed: EffectiveCost and BilledCost in `currency`.
        method: how it got here: `direct`, `pool:NAME`, `dispute:ID`, `reversal`, `restatement`.
        origin: names the origin charge: the entries of one origin add up to what the bill says.
        reverses: the id of the entry that this one takes back.
        dispute: the dispute whose ruling wrote it.
    """

    id: str
    day: date
    source: str
    billing_account: str
    account: str | None
    service: str | None
    category: str
    charge_class: str | None
    rule: str
    team: str | None
    currency: str
    effective: Decimal
    billed: Decimal
    method: str
    origin: str
    snapshot: str
    reverses: str | None = None
    dispute: str | None = None


@dataclass(frozen=True, slots=True)
class Amounts:
    """An amount on both bases; they are never mixed."""

    effective: Decimal = ZERO
    billed: Decimal = ZERO

    def __bool__(self) -> bool:
        return bool(self.effective or self.billed)


@dataclass(frozen=True, slots=True)
class Portion:
    """What a dispute selects of one entry: all of it, or the charges of one resource.

    Raises:
        ValueError: an amount is finer than the ledger keeps.
    """

    entry: Entry
    amounts: Amounts

    def __post_init__(self) -> None:
        if any(part != quantize(part) for part in (self.amounts.effective, self.amounts.billed)):
            raise ValueError("an amount of the ledger has at most 20 decimals")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What finance decided on a dispute.

    Attributes:
        shares: who bears the disputed amount, by weight; key None is nobody (unallocated).
            Empty unless the ruling moves money.
    """

    state: DisputeState
    shares: Mapping[str | None, Decimal]


def upheld(team: str | None) -> Ruling:
    """The charge is not the opener's: it moves to this team, or to nobody."""
    return Ruling(DisputeState.UPHELD, {team: Decimal(1)})


def rejected() -> Ruling:
    """The charge stays where it is."""
    return Ruling(DisputeState.REJECTED, {})


def divided(shares: Mapping[str | None, Decimal]) -> Ruling:
    """The charge is shared by weight; the opener may be among those who bear it."""
    return Ruling(DisputeState.SPLIT, dict(shares))


def reverse(entry: Entry, *, dispute: str | None = None, day: date | None = None) -> Entry:
    """Take an entry back. The id follows from the entry, so a repeat writes the same one.

    Args:
        entry: what to take back.
        dispute: the dispute whose ruling asks for it.
        day: where the correction counts, when the entry's own period is closed.
    """
    return replace(
        _moved(entry, day),
        id=_id(REVERSAL, entry.id),
        effective=-entry.effective,
        billed=-entry.billed,
        method=REVERSAL,
        reverses=entry.id,
        dispute=dispute,
    )


def rule_on(
    portions: Sequence[Portion], ruling: Ruling, *, dispute: str, day: date | None = None
) -> list[Entry]:
    """The entries that carry out a ruling: reversals and what takes their place.

    Per currency, basis and origin they add up to exactly zero. An entry that is disputed only
    in part is reversed whole and its remainder stays with its team.

    Raises:
        ValueError: an entry is selected twice, or no share is above zero.
    """
    if len({portion.entry.id for portion in portions}) != len(portions):
        raise ValueError("an entry can be in a dispute's selection once only")
    if not ruling.shares:
        return []
    return [entry for portion in portions for entry in _settle(portion, ruling, dispute, day)]


def standing(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that count: neither reversals nor reversed."""
    entries = list(entries)
    gone = {entry.reverses for entry in entries}
    return [entry for entry in entries if entry.reverses is None and entry.id not in gone]


def balance(entries: Iterable[Entry]) -> dict[tuple[str, str], Amounts]:
    """Exact sums by (origin, currency)."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.origin, entry.currency), []).append(entry)
    return {name: _sum(group) for name, group in groups.items()}


def balanced(entries: Iterable[Entry]) -> bool:
    """Whether these entries move money without making or losing any, per origin, currency and basis."""
    return not any(balance(entries).values())


def restate(old: Sequence[Entry], new: Sequence[Entry]) -> list[Entry]:
    """The entries that bring a bill's ledger to what its newer snapshot says.

    Lines that did not change are left alone. A changed line is reversed and written anew; where
    a ruling has moved it since, only the difference is added, so that the ruling stays.

    Args:
        old: every entry of the bill, with reversals and rulings.
        new: the same bill allocated afresh.
    """
    before, after = _lines(entry for entry in old if entry.dispute is None), _lines(new)
    taken = {entry.reverses for entry in old if entry.dispute is not None}
    ruled = {_key(entry) for entry in old if entry.id in taken}
    live = defaultdict(list)
    for entry in standing(old):
        live[_key(entry)].append(entry)
    written: list[Entry] = []
    for key in sorted(before.keys() | after.keys(), key=str):
        had, has = _sum(before.get(key, [])), _sum(after.get(key, []))
        if had == has:
            continue
        if key in ruled:
            written.append(_difference((after.get(key) or before[key])[0], had, has))
        else:
            written += [reverse(entry) for entry in live[key]] + after.get(key, [])
    return written


_Key = tuple[object, ...]


def _key(entry: Entry) -> _Key:
    """What makes two entries the same line of two snapshots of a bill."""
    bill = (entry.source, entry.billing_account, entry.currency)
    what = (entry.day, entry.account, entry.service, entry.category, entry.charge_class)
    return (*bill, *what, entry.rule, entry.team)


def _lines(entries: Iterable[Entry]) -> dict[_Key, list[Entry]]:
    found: dict[_Key, list[Entry]] = {}
    for entry in entries:
        found.setdefault(_key(entry), []).append(entry)
    return found


def _sum(entries: Sequence[Entry]) -> Amounts:
    return Amounts(total(entry.effective for entry in entries), total(entry.billed for entry in entries))


def _difference(like: Entry, had: Amounts, has: Amounts) -> Entry:
    effective, billed = minus(has.effective, had.effective), minus(has.billed, had.billed)
    name = _id(RESTATEMENT, like.id, like.snapshot, effective, billed)
    return replace(
        like, id=name, effective=effective, billed=billed, method=RESTATEMENT, reverses=None, dispute=None
    )


def _settle(portion: Portion, ruling: Ruling, dispute: str, day: date | None) -> Iterable[Entry]:
    entry, asked = portion.entry, portion.amounts
    yield reverse(entry, dispute=dispute, day=day)
    rest = Amounts(minus(entry.effective, asked.effective), minus(entry.billed, asked.billed))
    if rest:
        yield replace(
            _moved(entry, day),
            id=_id(dispute, entry.id, "rest"),
            effective=rest.effective,
            billed=rest.billed,
            dispute=dispute,
        )
    # money.split orders by name, and no team is called "": it stands for nobody.
    weights = {team or "": weight for team, weight in ruling.shares.items()}
    effective, billed = split(asked.effective, weights), split(asked.billed, weights)
    for name in sorted(weights):
        if part := Amounts(effective[name], billed[name]):
            yield replace(
                _moved(entry, day),
                id=_id(dispute, entry.id, "share", name),
                team=name or None,
                rule=f"dispute:{dispute}",
                method=f"dispute:{dispute}",
                effective=part.effective,
                billed=part.billed,
                dispute=dispute,
            )


def _moved(entry: Entry, day: date | None) -> Entry:
    """The entry in an open period; what corrects a closed one is a Correction (FOCUS ChargeClass)."""
    if day is None or day == entry.day:
        return replace(entry, reverses=None)
    return replace(entry, day=day, charge_class=CORRECTION, reverses=None)


def _id(*facts: object) -> str:
    return canonical.digest(list(facts))[:32]
