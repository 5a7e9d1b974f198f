"""The tables. No behaviour: rules live in the packages below, every change goes through `storage/unit.py`."""

from storage.tables.acting import (
    Incident,
    Keep,
    Plan,
    Reading,
    Reservation,
    Standing,
    StandingVote,
    Step,
    Vote,
    Warned,
)
from storage.tables.auditing import Anchor, Audit, Checkpoint, Recovery
from storage.tables.base import Moving, Row, one_of
from storage.tables.deliveries import Delivery, Estimate, Invoice, Reckoned, Watched
from storage.tables.money import Digest, Dispute, Entry, Finding, Ownership, Snapshot
from storage.tables.people import Member, Membership, Person, UsedCode
from storage.tables.queues import MESSAGE_NUMBER, Inbox, Job, Message, Schedule, Surface, Switch, Worker

__all__ = [
    "MESSAGE_NUMBER",
    "Anchor",
    "Audit",
    "Checkpoint",
    "Delivery",
    "Digest",
    "Dispute",
    "Entry",
    "Estimate",
    "Finding",
    "Inbox",
    "Incident",
    "Invoice",
    "Job",
    "Keep",
    "Member",
    "Membership",
    "Message",
    "Moving",
    "Ownership",
    "Person",
    "Plan",
    "Reading",
    "Reckoned",
    "Recovery",
    "Reservation",
    "Row",
    "Schedule",
    "Snapshot",
    "Standing",
    "StandingVote",
    "Step",
    "Surface",
    "Switch",
    "UsedCode",
    "Vote",
    "Warned",
    "Watched",
    "Worker",
    "one_of",
]
