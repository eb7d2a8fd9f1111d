"""Kinds of numbers in a configuration, with their bounds."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveDecimal = Annotated[Decimal, Field(gt=0)]
Milliseconds = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
