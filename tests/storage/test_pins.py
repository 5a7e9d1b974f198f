"""Which snapshots stay whatever replaced them."""

from spend.dispute import DisputeState
from storage import tables
from storage.pins import RESTATED, pinned
from storage.store import Store
from tests.storage.rows import NOON, dispute


def test_what_was_published_told_or_disputed_is_pinned_and_nothing_else(store: Store) -> None:
    states = {"s-open": DisputeState.OPEN, "s-ruled": DisputeState.SPLIT, "s-back": DisputeState.WITHDRAWN}
    with store.writing(NOON) as unit:
        assert pinned(unit.session) == frozenset()
        figures = {"snapshots": ["s-1", "s-2"]}
        unit.add(
            tables.Digest(id="digest-1", team="web", week=NOON.date(), figures=figures, published_at=NOON)
        )
        for key, state in states.items():
            selection = {"snapshots": [key], "now": {"snapshots": ["s-4"]} if key == "s-open" else {}}
            unit.add(dispute(f"dispute-{key}", state=state, selection=selection))
        unit.record(RESTATED, actor="bursar", subject="digest-1", after={"now": {"snapshots": ["s-3"]}})
    with store.reading() as session:
        assert pinned(session) == {"s-1", "s-2", "s-3", "s-4", "s-open", "s-ruled"}
