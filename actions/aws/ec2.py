"""How EC2's answers become targets, and the tag that tells who touched a thing."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from actions.base import RUN_TAG, Target
from actions.clouds import changing
from actions.crash import crashpoint
from actions.errors import ActionFailed, OutcomeUnknown, Unreadable
from spend import canonical

#: An auto-scaling group replaces a member that is stopped.
SCALING_GROUP = "aws:autoscaling:groupName"


def tags_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an EC2 thing as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in row.get("Tags", [])}


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 takes them, without those that only AWS may write."""
    return [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]


def moment(value: datetime) -> str:
    """A time as facts hold it."""
    return str(canonical.data(value))


def midnight(now: datetime, *, days_ago: int = 0) -> datetime:
    """The start of a day in UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=days_ago)


def instance(row: Mapping[str, Any], account: str, region: str, why: str = "") -> Target:
    """An instance as a target. Its start time is a fact: who started it anew is using it."""
    tags = tags_of(row)
    return Target(
        id=row["InstanceId"],
        account=account,
        region=region,
        kind="instance",
        name=tags.get("Name") or row["InstanceId"],
        identity=moment(_created(row)),
        state=row["State"]["Name"],
        tags=tags,
        facts={
            "type": row["InstanceType"],
            "root": row.get("RootDeviceType", "unknown"),
            "lifecycle": row.get("InstanceLifecycle", "on-demand"),
            "launched": moment(row["LaunchTime"]),
        },
        why=why,
    )


def _created(row: Mapping[str, Any]) -> datetime:
    """When it was made: LaunchTime moves with every start, the first interface stays."""
    attached = [
        card["Attachment"]["AttachTime"]
        for card in row.get("NetworkInterfaces", [])
        if card.get("Attachment", {}).get("DeviceIndex") == 0 and "AttachTime" in card["Attachment"]
    ]
    found: datetime = min(attached) if attached else row["LaunchTime"]
    return found


def volume(row: Mapping[str, Any], account: str, region: str, why: str = "") -> Target:
    """A volume as a target; its facts are what it takes to make it again."""
    tags = tags_of(row)
    facts = {
        "size": row["Size"],
        "type": row.get("VolumeType"),
        "zone": row["AvailabilityZone"],
        "iops": row.get("Iops"),
        "throughput": row.get("Throughput"),
        "encrypted": str(row.get("Encrypted", False)).lower(),
        "attachments": len(row.get("Attachments", [])),
    }
    return Target(
        id=row["VolumeId"],
        account=account,
        region=region,
        kind="volume",
        name=tags.get("Name") or row["VolumeId"],
        identity=moment(row["CreateTime"]),
        state=row["State"],
        tags=tags,
        facts={name: str(value) for name, value in facts.items() if value is not None},
        why=why,
    )


def the(wanted: str, rows: Iterable[Any], key: str) -> Any:
    """The one row with this id, out of an answer that was asked for it alone.

    Raises:
        Unreadable: it is not there, or more than once; EC2 says of what is gone that it is gone.
    """
    found = [row for row in rows if row[key] == wanted]
    if len(found) != 1:
        raise Unreadable(f"{wanted} could not be read: the answer holds it {len(found)} times")
    return found[0]


def rehearse(target: Target, call: Callable[..., Any], **request: Any) -> None:
    """Ask EC2 whether it would make this change; its yes is an error code, and nothing is changed yet.

    Raises:
        ActionFailed: it would not, or its answer is not certain.
    """
    try:
        with changing(target.id):
            call(**request, DryRun=True)
    except ActionFailed as answer:
        if answer.code != "DryRunOperation":
            raise
    except OutcomeUnknown as error:
        raise ActionFailed(target.id, "NotRehearsed", f"the dry run failed; {error.detail}") from error


def mark(ec2: Any, target: Target, run: str) -> None:
    """Tag the thing with the run, before the change.

    In this order a crash between the two leaves a tag and no change, which a look at the state
    tells; in the other order a change would stand there that nothing on the thing explains.

    Raises:
        ActionFailed: the tag is not certain, so the change is not made.
    """
    try:
        with changing(target.id):
            ec2.create_tags(Resources=[target.id], Tags=[{"Key": RUN_TAG, "Value": run}])
        crashpoint("target.marked")
    except OutcomeUnknown as error:
        raise ActionFailed(
            target.id, "TagUnknown", f"the run's tag is not certain; {error.detail}"
        ) from error
