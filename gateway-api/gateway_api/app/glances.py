"""Parts of the overview as the page draws them: alerts, fills, people's wishes, withdrawn orders."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

from pydantic import TypeAdapter

from gateway_api.app.current import is_in_force
from gateway_api.app.detail import FillGlance
from gateway_api.app.numbers import milliseconds
from gateway_api.app.responses import Answer, Limit
from schemas.control import Acknowledgement, CommandAction, Proposal, ProposedSetting
from schemas.orders import KillReport, KillState
from schemas.risk import RiskAlert, Severity, TradingState
from schemas.views import AccountView, ChangeView

_ALERTS_SHOWN = 50
_COMMANDS_SHOWN = 10
FILLS_SHOWN = 30


class WithdrawalGlance(Answer):
    """How far the orders of a halt are withdrawn."""

    key: str
    state: KillState
    """confirmed: the venue itself shows none of our orders. incomplete: it still does, or it does not say."""
    reasons: tuple[str, ...]
    since_ms: float
    open_orders: tuple[str, ...]
    """Client order ids that may still be live."""
    orders: int
    """How many were open since it began."""


class AccountGlance(Answer):
    """The account in the page's top strip; money in the reporting currency."""

    state: TradingState | None
    """None: risk-service has not spoken yet, so nothing may trade."""
    reasons: tuple[str, ...]
    latched: bool
    halt_sequence: int
    resume_asked_by: str | None
    """The first of two people, who wants to trade on."""
    resume_people: int
    limits: tuple[Limit, ...]
    pnl: str | None
    """None: whoever looks has no business with it."""
    gross_notional: str
    exposure: float
    """Gross notional / equity."""
    exposure_max: float
    refusals_without_symbol: int
    withdrawals: tuple[WithdrawalGlance, ...]


class AlertGlance(Answer):
    """An alert in the page's list: the newest of those with the same name and key."""

    alert_id: str
    time_ms: float
    """Of the first of them."""
    last_ms: float
    count: int
    severity: Severity
    name: str
    message: str
    key: str
    acknowledged_by: str | None
    acknowledged_ms: float | None
    note: str


class ProposalGlance(Answer):
    """Something that waits for a second person."""

    proposal_id: str
    kind: Literal["setting", "override"]
    key: str
    """The setting's, or the order's `venue:symbol`."""
    text: str
    requester: str
    reason: str
    asked_ms: float
    valid_until_ms: float


class ChangeGlance(Answer):
    """A changed setting."""

    change_id: str
    key: str
    value: str
    requester: str
    approver: str | None
    reason: str
    time_ms: float
    in_force: bool
    """Every process that reads it has taken it over."""
    applied_by: tuple[str, ...]
    refused_because: str | None


class FillNews(FillGlance):
    """An execution of ours, of any symbol."""

    key: str


class CommandGlance(Answer):
    """A command that the engine has taken."""

    command_id: str
    time_ms: float
    action: CommandAction
    key: str
    principal: str
    reason: str


_FILLS = TypeAdapter(tuple[FillNews, ...])
_PROPOSALS = TypeAdapter(tuple[ProposalGlance, ...])
_CHANGES = TypeAdapter(tuple[ChangeGlance, ...])
_ALERTS = TypeAdapter(tuple[AlertGlance, ...])
_COMMANDS = TypeAdapter(tuple[CommandGlance, ...])


def withdrawal_glance(report: KillReport) -> WithdrawalGlance:
    """How far the orders of a halt are withdrawn."""
    return WithdrawalGlance(
        key=report.key,
        state=report.state,
        reasons=report.reasons,
        since_ms=milliseconds(report.began_ns),
        open_orders=report.open_orders,
        orders=report.orders,
    )


def alerts_json(alerts: Sequence[RiskAlert], account: AccountView) -> bytes:
    """Newest first; those with the same name and key are one, with their count."""
    groups: dict[tuple[str, str], list[RiskAlert]] = {}
    for alert in reversed(alerts):
        groups.setdefault((alert.name, alert.key), []).append(alert)
    seen = {each.alert_id: each for each in account.acknowledgements}
    shown = islice(groups.values(), _ALERTS_SHOWN)
    return _ALERTS.dump_json(tuple(_alert(group, seen.get(group[0].alert_id)) for group in shown))


def _alert(group: list[RiskAlert], seen: Acknowledgement | None) -> AlertGlance:
    newest = group[0]
    return AlertGlance(
        alert_id=newest.alert_id,
        time_ms=milliseconds(group[-1].event_time_ns),
        last_ms=milliseconds(newest.event_time_ns),
        count=len(group),
        severity=newest.severity,
        name=newest.name,
        message=newest.message,
        key=newest.key,
        acknowledged_by=None if seen is None else seen.principal,
        acknowledged_ms=None if seen is None else milliseconds(seen.event_time_ns),
        note="" if seen is None else seen.note,
    )


def proposals_json(account: AccountView) -> bytes:
    """What waits for a second person, oldest first."""
    glances = tuple(
        ProposalGlance(
            proposal_id=each.proposal_id,
            kind=each.subject.kind,
            key=each.subject.setting_key if isinstance(each.subject, ProposedSetting) else each.key,
            text=_proposal_text(each),
            requester=each.requester,
            reason=each.reason,
            asked_ms=milliseconds(each.event_time_ns),
            valid_until_ms=milliseconds(each.valid_until_ns),
        )
        for each in account.proposals
    )
    return _PROPOSALS.dump_json(glances)


def _proposal_text(proposal: Proposal) -> str:
    subject = proposal.subject
    if isinstance(subject, ProposedSetting):
        return f"{subject.setting_key} = {subject.value}"
    what = f"{subject.side} {subject.size_lots} lots at {subject.price_ticks} ticks"
    return f"{what} in spite of {', '.join(subject.codes)}"


def changes_json(account: AccountView) -> bytes:
    """The changed settings, newest first."""
    glances = tuple(
        ChangeGlance(
            change_id=view.change.change_id,
            key=view.change.setting_key,
            value=view.change.value,
            requester=view.change.requester,
            approver=view.change.approver,
            reason=view.change.reason,
            time_ms=milliseconds(view.event_time_ns),
            in_force=is_in_force(view),
            applied_by=tuple(each.process for each in view.applied if each.refused_because is None),
            refused_because=next(
                (each.refused_because for each in view.applied if each.refused_because), None
            ),
        )
        for view in reversed(account.changes)
    )
    return _CHANGES.dump_json(glances)


def commands_json(account: AccountView) -> bytes:
    """The newest commands, newest first."""
    glances = tuple(
        CommandGlance(
            command_id=command.command_id,
            time_ms=milliseconds(command.event_time_ns),
            action=command.action,
            key=command.key,
            principal=command.principal,
            reason=command.reason,
        )
        for command in reversed(account.last_commands[-_COMMANDS_SHOWN:])
    )
    return _COMMANDS.dump_json(glances)


def _refusal(view: ChangeView) -> str | None:
    return next((each.refused_because for each in view.applied if each.refused_because), None)


def fills_json(fills: Iterable[FillNews]) -> bytes:
    """The newest executions of all symbols, newest first."""
    newest = sorted(fills, key=lambda fill: -fill.time_ms)
    return _FILLS.dump_json(tuple(newest[:FILLS_SHOWN]))
