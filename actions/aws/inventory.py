"""Lists what costs money each hour whether anybody uses it or not."""

from collections.abc import Iterator

from actions.aws import ec2, instances, volumes
from actions.base import Clouds, Target


def hourly(clouds: Clouds, account: str, region: str) -> Iterator[Target]:
    """The instances that run, and every volume, also that of an instance that is stopped.

    Raises:
        Unreadable: EC2 did not answer in full; an incomplete list is no list.
        Refused: the account cannot be entered.
    """
    where = f"the instances of {account} in {region}"
    for row in instances.running(clouds, account, region, where):
        yield ec2.instance(row, account, region)
    yield from volumes.every(clouds, account, region)
