"""The dialects that bills are written in: one module each, all ending in the same FOCUS columns."""

from storage.sources.dialects.aws_cur import AWS_CUR
from storage.sources.dialects.azure import AZURE
from storage.sources.dialects.dialect import Dialect
from storage.sources.dialects.focus import FOCUS
from storage.sources.dialects.gcp import GCP
from storage.sources.dialects.opencost import OPENCOST
from storage.sources.dialects.oracle import ORACLE
from storage.sources.dialects.usage import AI_USAGE, CI_MINUTES

ALL = (FOCUS, AWS_CUR, GCP, AZURE, ORACLE, OPENCOST, AI_USAGE, CI_MINUTES)
#: In the order in which a header is shown to them.
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in ALL}
