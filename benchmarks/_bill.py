"""A wide bill of any length: the 57 columns of FOCUS 1.2 with text of the length and variety of real ones.

`python -m benchmarks._bill PATH ROWS` writes one.
"""

import sys
from pathlib import Path

from storage.sources.expressions import quoted

#: Hours of a month: each resource has one row in each, and a bill goes hour by hour.
HOURS = 744
SERVICES = (
    ("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines", "instance", "Hours"),
    ("Amazon Relational Database Service", "Databases", "Relational Databases", "db", "Hours"),
    ("Amazon Simple Storage Service", "Storage", "Object Storage", "bucket", "GB-Hours"),
    ("Amazon Elastic Block Store", "Storage", "Block Storage", "volume", "GB-Hours"),
    ("AWS Lambda", "Compute", "Serverless Compute", "function", "GB-Seconds"),
    ("Amazon CloudWatch", "Management and Governance", "Observability", "metric", "Metrics"),
    ("Amazon Virtual Private Cloud", "Networking", "Network Infrastructure", "natgateway", "GB"),
    ("Amazon Bedrock", "AI and Machine Learning", "Generative AI", "model", "1K tokens"),
)
REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-2")
TEAMS = ("checkout", "search", "data-platform", "identity", "payments", "mobile", "web", "ml-serving")


def _one_of(values: tuple[str, ...], by: str) -> str:
    return f"([{', '.join(map(quoted, values))}])[1 + ({by} % {len(values)})::INT]"


def _terms() -> dict[str, str]:
    """What columns are made of: SQL over `thing` (a resource), `hour`, and `noise` (a hash of both)."""
    names = ("service", "category", "subcategory", "kind", "unit")
    quantity = "CAST((1 + noise % 9999) / 10000 AS DECIMAL(18, 4))"
    price = "CAST((1 + thing % 977) / 1000 AS DECIMAL(18, 10))"
    return {name: _one_of(tuple(row[at] for row in SERVICES), "thing") for at, name in enumerate(names)} | {
        "region": _one_of(REGIONS, "thing // 8"),
        "team": _one_of(TEAMS, "thing // 3"),
        "account": "printf('2000%08d', thing % 60)",
        "mark": "substr(md5(thing::VARCHAR), 1, 17)",
        "sku": "md5((thing % 900)::VARCHAR)",
        "zone": "(['a', 'b', 'c'])[1 + (thing % 3)::INT]",
        "stage": "(['prod', 'staging', 'dev'])[1 + (thing % 3)::INT]",
        "quantity": quantity,
        "price": price,
        "paid": f"CAST({price} * 0.9 AS DECIMAL(18, 10))",
        "public": f"CAST({quantity} * {price} AS DECIMAL(38, 14))",
        "cost": f"CAST({quantity} * {price} * 0.9 AS DECIMAL(38, 14))",
        "at": "TIMESTAMP '2026-05-01' + hour * INTERVAL 1 HOUR",
    }


#: The columns with their SQL, in which a name in braces is a term; the others are empty, as they mostly are.
COLUMNS = {
    "ProviderName": "'AWS'",
    "PublisherName": "'Amazon Web Services, Inc.'",
    "InvoiceIssuerName": "'Amazon Web Services, Inc.'",
    "InvoiceId": "printf('INV-2026-05-%04d', thing % 3)",
    "BillingAccountId": "'100000000001'",
    "BillingAccountName": "'Example Corp Payer'",
    "BillingAccountType": "'Payer Account'",
    "SubAccountId": "{account}",
    "SubAccountName": "'workload-' || right({account}, 3)",
    "SubAccountType": "'Linked Account'",
    "BillingPeriodStart": "TIMESTAMP '2026-05-01'",
    "BillingPeriodEnd": "TIMESTAMP '2026-06-01'",
    "ChargePeriodStart": "{at}",
    "ChargePeriodEnd": "{at} + INTERVAL 1 HOUR",
    "ChargeCategory": "'Usage'",
    "ChargeDescription": "'$' || {price} || ' per ' || {unit} || ' of ' || {service}",
    "ChargeFrequency": "'Usage-Based'",
    "BilledCost": "{cost}",
    "EffectiveCost": "{cost}",
    "ListCost": "{public}",
    "ContractedCost": "{cost}",
    "ListUnitPrice": "{price}",
    "ContractedUnitPrice": "{paid}",
    "PricingCategory": "'Standard'",
    "PricingQuantity": "{quantity}",
    "PricingUnit": "{unit}",
    "PricingCurrency": "'USD'",
    "PricingCurrencyContractedUnitPrice": "{paid}",
    "PricingCurrencyEffectiveCost": "{cost}",
    "PricingCurrencyListUnitPrice": "{price}",
    "BillingCurrency": "'USD'",
    "ConsumedQuantity": "{quantity}",
    "ConsumedUnit": "{unit}",
    "ServiceName": "{service}",
    "ServiceCategory": "{category}",
    "ServiceSubcategory": "{subcategory}",
    "SkuId": "'SKU-' || substr({sku}, 1, 24)",
    "SkuMeter": "{region} || '-' || {kind} || ':' || {price}",
    "SkuPriceId": "'SPRICE-' || substr({sku}, 5, 24)",
    "SkuPriceDetails": """'{{"CoreCount":' || (1 + thing % 64) || ',"x_Size":"' || left({sku}, 9) || '"}}'""",
    "ResourceId": "'arn:aws:' || {kind} || ':' || {region} || ':' || {account} || '/' || {mark}",
    "ResourceName": "{mark}",
    "ResourceType": "{kind}",
    "RegionId": "{region}",
    "RegionName": "'Region ' || {region}",
    "AvailabilityZone": "{region} || {zone}",
    "Tags": """CASE WHEN thing % 12 > 0 THEN '{{"Environment":"' || {stage} || '","CostCenter":"cc-' """
    """|| (1000 + thing % 90) || '","Team":"' || {team} || '","Name":"' || {mark} || '"}}' END""",
}
EMPTY = (
    "ChargeClass",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountCategory",
    "CommitmentDiscountType",
    "CommitmentDiscountStatus",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
    "CapacityReservationId",
    "CapacityReservationStatus",
)


def write(path: Path, rows: int) -> None:
    """Write the bill as CSV or Parquet, as the ending says."""
    import duckdb

    things = max(rows // HOURS, 1)
    terms = _terms()
    columns = ", ".join(f"{sql.format(**terms)} AS {name}" for name, sql in COLUMNS.items())
    columns += "".join(f", CAST(NULL AS VARCHAR) AS {name}" for name in EMPTY)
    select = (
        f"SELECT {columns} FROM (SELECT i % {things} AS thing, i // {things} AS hour, "
        f"hash(i) % 1000003 AS noise FROM range({rows}) t(i))"
    )
    how = (
        "FORMAT csv, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ'"
        if path.suffix == ".csv"
        else "FORMAT parquet, COMPRESSION zstd"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO {quoted(str(path))} ({how})")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
