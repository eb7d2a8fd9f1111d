"""Parts of the overview as the page draws them: alerts, fills, proposals, mass cancels."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import TypeAdapter

from gateway_api.app.detail import FillViewModel
from gateway_api.app.numbers import milliseconds
from gateway_api.app.responses import Answer, Limit
from schemas.control import (
    Acknowledgement,
    Command,
    CommandAction,
    Proposal,
    ProposalKind,
    ProposedAdjustment,
    ProposedSetting,
)
from schemas.orders import KillReport, KillState
from schemas.risk import RiskAlert, Severity, TradingState
from schemas.views import AccountView, ChangeView

_ALERTS_SHOWN = 50
_COMMANDS_SHOWN = 50
_STANDING_ACTIONS = frozenset({"halt", "halt_flatten", "flatten", "stop"})
FILLS_SHOWN = 30


class MassCancelViewModel(Answer):
    """Progress of the mass cancel of a halt."""

    key: str
    state: KillState
    """confirmed: the venue itself shows none of our orders. incomplete: it still does, or does not report."""
    reasons: tuple[str, ...]
    since_ms: float
    open_orders: tuple[str, ...]
    """Client order ids that may still be open."""
    orders: int
    """Number of orders open since it began."""


class AccountViewModel(Answer):
    """The account in the page's top strip; money in the reporting currency."""

    state: TradingState | None
    """None: risk-service has not reported yet, so nothing may trade."""
    reasons: tuple[str, ...]
    latched: bool
    halt_sequence: int
    resume_asked_by: str | None
    """The first of two people, who requested the resume."""
    flattens: bool
    """Under the account's halt, orders that reduce go out until nothing is held."""
    flatten_asked_by: str | None
    """The first of two people, who requested that."""
    resume_people: int
    limits: tuple[Limit, ...]
    pnl: str | None
    """Total PnL since the ledgers began. None, as the two below: not visible to this user."""
    session_pnl: str | None
    """Since the session began."""
    day_pnl: str | None
    """Since 00:00 UTC."""
    session_began_ms: float | None
    """None: recorded before sessions existed."""
    gross_notional: str
    exposure: float | None
    """Gross notional / equity (capital plus profit): None as for PnL."""
    exposure_max: float
    warn_at: float
    """Share of a limit from which the engine warns."""
    refusals_without_symbol: int
    withdrawals: tuple[MassCancelViewModel, ...]


class AlertViewModel(Answer):
    """An alert in the page's list: the newest of its name and key."""

    alert_id: str
    time_ms: float
    """Time of the first of them."""
    last_ms: float
    count: int
    severity: Severity
    name: str
    message: str
    key: str
    acknowledged_by: str | None
    acknowledged_ms: float | None
    note: str


class ProposalViewModel(Answer):
    """A proposal awaiting a second person."""

    proposal_id: str
    kind: ProposalKind
    key: str
    """The key of the setting, or `venue:symbol` of the order or ledger."""
    text: str
    digest: str
    """Digest of everything shown here, to be sent with the approval."""
    requester: str
    reason: str
    asked_ms: float
    valid_until_ms: float


class ChangeViewModel(Answer):
    """A changed setting."""

    change_id: str
    key: str
    value: str
    was: str | None
    """The value that it replaced; None where an earlier version sent it."""
    requester: str
    approver: str | None
    reason: str
    time_ms: float
    in_force: bool
    """Every process that reads it has applied it."""
    applied_by: tuple[str, ...]
    refused_because: str | None


class FillNews(FillViewModel):
    """An execution of ours, of any symbol."""

    key: str


class CommandViewModel(Answer):
    """A command that the engine has accepted."""

    command_id: str
    time_ms: float
    action: CommandAction
    key: str
    principal: str
    reason: str


_FILLS = TypeAdapter(tuple[FillNews, ...])
_PROPOSALS = TypeAdapter(tuple[ProposalViewModel, ...])
_CHANGES = TypeAdapter(tuple[ChangeViewModel, ...])
_ALERTS = TypeAdapter(tuple[AlertViewModel, ...])
_COMMANDS = TypeAdapter(tuple[CommandViewModel, ...])


def mass_cancel_view_model(report: KillReport) -> MassCancelViewModel:
    """Progress of the mass cancel of a halt."""
    return MassCancelViewModel(
        key=report.key,
        state=report.state,
        reasons=report.reasons,
        since_ms=milliseconds(report.began_ns),
        open_orders=report.open_orders,
        orders=report.orders,
    )


def alerts_json(alerts: Sequence[RiskAlert], account: AccountView) -> bytes:
    """Newest first; alerts with the same name and key are merged, with their count."""
    groups: dict[tuple[str, str], list[RiskAlert]] = {}
    for alert in reversed(alerts):
        groups.setdefault((alert.name, alert.key), []).append(alert)
    acknowledged: dict[str, list[Acknowledgement]] = {}
    for each in account.acknowledgements:
        acknowledged.setdefault(each.alert_id, []).append(each)
    shown = [
        _alert(group, acknowledged.get(group[0].alert_id, []))
        for number, group in enumerate(groups.values())
        if number < _ALERTS_SHOWN or _is_open(group[0], acknowledged)
    ]
    return _ALERTS.dump_json(tuple(shown))


def _is_open(alert: RiskAlert, acknowledged: Mapping[str, list[Acknowledgement]]) -> bool:
    """Whether it still has to be acknowledged; if so it is shown however many came after it."""
    return alert.severity != "info" and alert.alert_id not in acknowledged


def _alert(group: list[RiskAlert], acknowledged: list[Acknowledgement]) -> AlertViewModel:
    newest = group[0]
    return AlertViewModel(
        alert_id=newest.alert_id,
        time_ms=milliseconds(group[-1].event_time_ns),
        last_ms=milliseconds(newest.event_time_ns),
        count=len(group),
        severity=newest.severity,
        name=newest.name,
        message=newest.message,
        key=newest.key,
        acknowledged_by=", ".join(each.principal for each in acknowledged) or None,
        acknowledged_ms=milliseconds(acknowledged[0].event_time_ns) if acknowledged else None,
        note="; ".join(each.note for each in acknowledged if each.note),
    )


def proposals_json(proposals: Iterable[Proposal]) -> bytes:
    """Proposals awaiting a second person, oldest first."""
    view_models = tuple(
        ProposalViewModel(
            proposal_id=each.proposal_id,
            kind=each.subject.kind,
            key=each.subject.setting_key if isinstance(each.subject, ProposedSetting) else each.key,
            text=_proposal_text(each),
            digest=each.shown_digest(),
            requester=each.requester,
            reason=each.reason,
            asked_ms=milliseconds(each.event_time_ns),
            valid_until_ms=milliseconds(each.valid_until_ns),
        )
        for each in proposals
    )
    return _PROPOSALS.dump_json(view_models)


def _proposal_text(proposal: Proposal) -> str:
    subject = proposal.subject
    if isinstance(subject, ProposedSetting):
        instead_of = "" if subject.was is None else f" (now {subject.was})"
        return f"{subject.setting_key} = {subject.value}{instead_of}"
    if isinstance(subject, ProposedAdjustment):
        return adjustment_text(subject)
    what = f"{subject.side} {subject.size_lots} lots at {subject.price_ticks} ticks"
    return f"{what} overriding {', '.join(subject.codes)}"


def adjustment_text(subject: ProposedAdjustment) -> str:
    """The change of a ledger, for display."""
    price = "" if subject.price is None else f" at {subject.price:f}"
    return f"{subject.how} {subject.size_change:+f}{price}"


def changes_json(changes: Sequence[ChangeView]) -> bytes:
    """The changed settings, newest first."""
    view_models = tuple(
        ChangeViewModel(
            change_id=view.change.change_id,
            key=view.change.setting_key,
            value=view.change.value,
            was=view.change.was,
            requester=view.change.requester,
            approver=view.change.approver,
            reason=view.change.reason,
            time_ms=milliseconds(view.event_time_ns),
            in_force=view.is_in_force,
            applied_by=tuple(each.process for each in view.applied if each.refused_because is None),
            refused_because=_refusal(view),
        )
        for view in reversed(changes)
    )
    return _CHANGES.dump_json(view_models)


def commands_json(commands: Sequence[Command]) -> bytes:
    """The newest commands, newest first, and older ones that may still be in force."""
    view_models = tuple(
        CommandViewModel(
            command_id=command.command_id,
            time_ms=milliseconds(command.event_time_ns),
            action=command.action,
            key=command.key,
            principal=command.principal,
            reason=command.reason,
        )
        for number, command in enumerate(reversed(commands))
        if number < _COMMANDS_SHOWN or command.action in _STANDING_ACTIONS
    )
    return _COMMANDS.dump_json(view_models)


def _refusal(view: ChangeView) -> str | None:
    return next((each.refused_because for each in view.applied if each.refused_because), None)


def fills_json(fills: Iterable[FillNews]) -> bytes:
    """The newest executions of all symbols, newest first."""
    newest = sorted(fills, key=lambda fill: -fill.time_ms)
    return _FILLS.dump_json(tuple(newest[:FILLS_SHOWN]))
