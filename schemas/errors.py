"""The errors a user meets: each says what went wrong, where, and what to do next."""

from __future__ import annotations


class HubError(Exception):
    """Base of every error the hub raises on purpose.

    Args:
        what: what went wrong, naming the thing.
        where: source, file, sheet, row or column concerned.
        todo: what the reader can do about it.
    """

    def __init__(self, what: str, where: str = "", todo: str = "") -> None:
        self.what, self.where, self.todo = what, where, todo
        super().__init__(what, where, todo)

    def __str__(self) -> str:
        """The three parts, a line each."""
        lines = [self.what]
        if self.where:
            lines.append(f"  where / 位置: {self.where}")
        if self.todo:
            lines.append(f"  next / 处理: {self.todo}")
        return "\n".join(lines)


class SourceError(HubError):
    """A source cannot be reached, read or understood."""


class ContractViolation(HubError):
    """Data or a declaration breaks a contract as a whole (single bad rows go to quarantine instead)."""


class UnitMismatch(HubError):
    """A unit is unknown, or of another dimension than the quantity it is given for."""


class MartError(HubError):
    """A mart cannot be read, ordered or computed."""


class CatalogueError(HubError):
    """An indicator, policy, profile or enterprise declaration does not fit the rest."""


def no_values(period: str, where: str, there: str = "") -> HubError:
    """A period has no values; `there` may say which periods have."""
    return HubError(
        f"there are no values of {period} / 没有该期间的数值", where,
        "esg run --month … for its months first; values are those of months, years and twelve months in a row (2025-07..2026-06) / 先运行各月；数值仅有月、年度与连续十二个月" + there,
    )  # fmt: skip
