"""Every usage line of the demo's bill: those of the things in the cloud, and of what only the bill knows."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from bot.demo.inventory import CLUSTER, INDEXER, RECEIPTS
from bot.demo.meter import Meter, Service
from bot.demo.thing import CHECKOUT, DEV, LAB, PROD, REGION, SEARCH, TEAMS, Kind, Thing

#: The region as usage types spell it.
CODE = "EUC1"
ONE = 10_000  # one unit in ten-thousandths


def of_things(things: Iterable[Thing]) -> Iterator[Meter]:
    """The lines of machines, volumes, addresses and load balancers: their price an hour, every hour."""
    for thing in things:
        match thing.kind:
            case Kind.INSTANCE if not thing.stopped:
                yield _machine(thing)
            case Kind.VOLUME:
                yield _volume(thing)
            case Kind.ADDRESS:
                yield _address(thing)
            case Kind.LOAD_BALANCER:
                yield _balancer(thing)


def of_use(things: Iterable[Thing]) -> Iterator[Meter]:
    """The lines of what is paid by use: functions, logs, transfer, storage, databases, the shared cluster."""
    tags = {thing.name: thing.tags for thing in things}
    yield from _functions(tags)
    yield _balancer_use(tags)
    yield from _logs()
    yield from _transfer()
    yield from _storage()
    yield from _databases()
    yield from _network()
    yield _cluster()


def _whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _machine(thing: Thing) -> Meter:
    return Meter(
        account=thing.account,
        service=Service.EC2,
        usage=f"{CODE}-BoxUsage:{thing.model}",
        description=f"On Demand Linux {thing.model} Instance Hour",
        unit="Hours",
        price=thing.hourly,
        units=ONE,
        thing=thing.name,
        resource_type="Instance",
        tags=thing.tags,
        steady=True,
        since=_whole_hour(thing.launched_at),
        covered=thing.covered,
    )


def _volume(thing: Thing) -> Meter:
    often = thing.attached_to is not None
    return Meter(
        account=thing.account,
        service=Service.EBS,
        usage=f"{CODE}-EBS:VolumeUsage.{thing.model}",
        description=f"{thing.model} provisioned storage, gigabyte-hours",
        unit="GB-Hours",
        price=thing.hourly,
        units=thing.size * ONE * (1 if often else 24),
        thing=thing.name,
        resource_type="Volume",
        tags=thing.tags,
        hourly=often,
        steady=True,
        since=_whole_hour(thing.launched_at).replace(hour=0),
    )


def _address(thing: Thing) -> Meter:
    idle = thing.attached_to is None
    return Meter(
        account=thing.account,
        service=Service.VPC,
        usage=f"{CODE}-PublicIPv4:{'IdleAddress' if idle else 'InUseAddress'}",
        description=f"{'Idle' if idle else 'In-use'} public IPv4 address per hour",
        unit="Hours",
        price=thing.hourly,
        units=ONE,
        thing=thing.name,
        resource_type="Elastic IP",
        tags=thing.tags,
        steady=True,
        since=_whole_hour(thing.launched_at),
    )


def _balancer(thing: Thing) -> Meter:
    return Meter(
        account=thing.account,
        service=Service.ELB,
        usage=f"{CODE}-LoadBalancerUsage",
        description="Application Load Balancer hour",
        unit="Hours",
        price=thing.hourly,
        units=ONE,
        thing=thing.name,
        resource_type="Load Balancer",
        tags=thing.tags,
        steady=True,
        since=_whole_hour(thing.launched_at),
    )


def function_of(team: str) -> str:
    """The function that this team runs."""
    return {CHECKOUT: RECEIPTS, SEARCH: INDEXER}[team]


def _tags(name: str, team: str | None) -> dict[str, str]:
    return {"Name": name} if team is None else {"Name": name, "env": "prod", "team": team}


def _functions(tags_of: Mapping[str, Mapping[str, str]]) -> Iterator[Meter]:
    for team, seconds, requests in ((CHECKOUT, 2_100_000, 14_000_000), (SEARCH, 2_700_000, 18_000_000)):
        name = function_of(team)
        tags, kind = tags_of[name], "Lambda Function"
        gigabytes, calls = f"{CODE}-Lambda-GB-Second", f"{CODE}-Request"
        what, how = "Lambda compute, GB-seconds", "Lambda requests, millions"
        yield Meter(
            PROD, Service.LAMBDA, gigabytes, what, "GB-Seconds", 17, seconds * ONE, name, None, kind, tags
        )
        millions = requests * ONE // 1_000_000
        yield Meter(
            PROD, Service.LAMBDA, calls, how, "Million requests", 200_000, millions, name, None, kind, tags
        )


def _logs() -> Iterator[Meter]:
    what, usage = "Log data ingested, gigabytes", f"{CODE}-DataProcessing-Bytes"
    for account, group, gigabytes, team in (
        (PROD, f"/aws/lambda/{RECEIPTS}", 44, CHECKOUT),
        (PROD, f"/aws/lambda/{INDEXER}", 52, SEARCH),
        (DEV, "/build/agents", 12, None),
    ):
        resource = f"arn:aws:logs:{REGION}:{account}:log-group:{group}"
        yield Meter(
            account=account,
            service=Service.CLOUDWATCH,
            usage=usage,
            description=what,
            unit="GB",
            price=630_000,
            units=gigabytes * ONE,
            resource=resource,
            resource_type="Log Group",
            tags=_tags(group, team) if team else {},
        )


def _transfer() -> Iterator[Meter]:
    for account, name, gigabytes, team in (
        (PROD, "checkout-downloads", 470, CHECKOUT),
        (PROD, "search-exports", 410, SEARCH),
        (LAB, "partner-feed", 130, None),
    ):
        yield Meter(
            account=account,
            service=Service.TRANSFER,
            usage=f"{CODE}-DataTransfer-Out-Bytes",
            description="Data transfer out to the internet, gigabytes",
            unit="GB",
            price=90_000,
            units=gigabytes * ONE,
            resource=f"arn:aws:s3:::larkspur-{name}",
            resource_type="Bucket",
            tags=_tags(name, team) if team else {},
        )


def _storage() -> Iterator[Meter]:
    for account, name, terabytes, team in (
        (PROD, "checkout-invoices", 9, CHECKOUT),
        (PROD, "search-corpus", 22, SEARCH),
        (LAB, "clickstream-raw", 31, None),
        (LAB, "clickstream-archive", 12, None),
    ):
        bucket, tags = f"arn:aws:s3:::larkspur-{name}", _tags(name, team) if team else {}
        hours, puts = f"{CODE}-TimedStorage-ByteHrs", f"{CODE}-Requests-Tier1"
        what, how = "Standard storage, gigabyte-days", "PUT, COPY, POST and LIST requests, thousands"
        stored = terabytes * 1000 * ONE
        yield Meter(
            account,
            Service.S3,
            hours,
            what,
            "GB-Days",
            806,
            stored,
            None,
            bucket,
            "Bucket",
            tags,
            False,
            True,
        )
        yield Meter(
            account, Service.S3, puts, how, "1K requests", 5_400, 900 * ONE, None, bucket, "Bucket", tags
        )


def _databases() -> Iterator[Meter]:
    for name, model, price, team in (
        ("checkout-orders", "db.r5.8xlarge", 5_560_000, CHECKOUT),
        ("search-metadata", "db.r5.4xlarge", 2_780_000, SEARCH),
    ):
        yield Meter(
            account=PROD,
            service=Service.RDS,
            usage=f"{CODE}-Multi-AZUsage:{model}",
            description=f"{model} Multi-AZ PostgreSQL hour",
            unit="Hours",
            price=2 * price,
            units=ONE,
            resource=f"arn:aws:rds:{REGION}:{PROD}:db:{name}",
            resource_type="DB Instance",
            tags=_tags(name, team),
            steady=True,
        )
    for name, units, team in (("checkout-carts", 62, CHECKOUT), ("search-suggestions", 34, SEARCH)):
        yield Meter(
            account=PROD,
            service=Service.DYNAMODB,
            usage=f"{CODE}-WriteRequestUnits",
            description="Write request units, millions",
            unit="Million units",
            price=1_525_000,
            units=units * ONE,
            resource=f"arn:aws:dynamodb:{REGION}:{PROD}:table/{name}",
            resource_type="Table",
            tags=_tags(name, team),
        )


def _network() -> Iterator[Meter]:
    for account, gateway, gigabytes in (
        (DEV, "nat-0a41dev0000000001", 210),
        (PROD, "nat-0b52prod000000002", 640),
    ):
        resource = f"arn:aws:ec2:{REGION}:{account}:natgateway/{gateway}"
        yield Meter(
            account=account,
            service=Service.VPC,
            usage=f"{CODE}-NatGateway-Hours",
            description="NAT gateway hour",
            unit="Hours",
            price=52_000,
            units=ONE,
            resource=resource,
            resource_type="NAT Gateway",
            steady=True,
        )
        yield Meter(
            account=account,
            service=Service.VPC,
            usage=f"{CODE}-NatGateway-Bytes",
            description="Data processed by NAT gateways, gigabytes",
            unit="GB",
            price=52_000,
            units=gigabytes * ONE,
            resource=resource,
            resource_type="NAT Gateway",
        )


def _cluster() -> Meter:
    return Meter(
        account=PROD,
        service=Service.EKS,
        usage=f"{CODE}-AmazonEKS-Hours:perCluster",
        description="Kubernetes control plane hour",
        unit="Hours",
        price=100_000,
        units=ONE,
        resource=f"arn:aws:eks:{REGION}:{PROD}:cluster/{CLUSTER}",
        resource_type="Cluster",
        tags={"Name": CLUSTER, "cluster": CLUSTER, "shared": "true"},
        steady=True,
    )


def _balancer_use(tags_of: Mapping[str, Mapping[str, str]]) -> Meter:
    name = "search-prod-lb"
    return Meter(
        account=PROD,
        service=Service.ELB,
        usage=f"{CODE}-LCUUsage",
        description="Application Load Balancer capacity unit-hour",
        unit="LCU-Hours",
        price=8_000,
        units=900 * ONE,
        thing=name,
        resource_type="Load Balancer",
        tags=tags_of[name],
    )


def new_service(team: str, since: datetime) -> Meter:
    """A service that nobody used before: a language model for checkout, document reading for search."""
    index = TEAMS.index(team)
    service, usage, what, unit, price, units = (
        (Service.BEDROCK, "InputTokens", "Language model input, thousand tokens", "1K tokens", 3_000, 70_000),
        (Service.TEXTRACT, "AsyncPages", "Document pages analysed", "Pages", 15_000, 13_000),
    )[index]
    name = f"{team}-trial"
    return Meter(
        account=LAB,
        service=service,
        usage=f"{CODE}-{usage}",
        description=what,
        unit=unit,
        price=price,
        units=units * ONE,
        resource=f"arn:aws:{service.name.lower()}:{REGION}:{LAB}:project/{name}",
        resource_type="Project",
        tags={"Name": name, "env": "dev", "team": team},
        since=since,
    )
