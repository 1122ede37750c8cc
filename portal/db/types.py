"""Column types that keep numbers exact and times aware."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import mapped_column

LIMIT = 2**63


class ExactDecimal(sa.types.TypeDecorator[Decimal]):
    """A decimal kept as a whole number of its smallest unit (SQLite would store `Numeric` as a float).

    Args:
        places: Decimal places kept. A value with more raises `ValueError`: rounding is never silent.
    """

    impl = sa.BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """Turn a decimal into a whole number."""
        del dialect
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) >= LIMIT:
            raise ValueError(f"{value} does not fit into {self.places} decimal places.")
        return int(scaled)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:  # noqa: ANN401 - as the base class
        """Turn the whole number back into a decimal."""
        del dialect
        return None if value is None else Decimal(int(value)).scaleb(-self.places)


class AwareTimestamp(sa.types.TypeDecorator[datetime]):
    """A moment, kept in UTC. A naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring an aware moment to UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone cannot be stored.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment aware (SQLite forgets the offset)."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Units = Annotated[Decimal, mapped_column(ExactDecimal(4))]  # quantities
Price = Annotated[Decimal, mapped_column(ExactDecimal(6))]  # unit prices and costs, per billing cycle
Amount = Annotated[Decimal, mapped_column(ExactDecimal(8))]  # sums of money
Factor = Annotated[Decimal, mapped_column(ExactDecimal(9))]  # products per vendor unit
Timestamp = Annotated[datetime, mapped_column(AwareTimestamp())]
Json = Annotated[dict[str, Any], mapped_column(sa.JSON())]  # decimals inside as text, never as floats
JsonList = Annotated[list[Any], mapped_column(sa.JSON())]
