"""What people ask is obeyed where a gateway of ours signed exactly that, for them, lately and once."""

import os
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maker.composition import process_definition
from runtime.config.control_keys import KEY_FILE, make_key, verifier, with_keys
from runtime.config.signatures import Signer, public_text
from runtime.errors import ConfigError
from runtime.log.logfile import LogFileBus, read_log
from runtime.process.runner import ProcessRunner
from runtime.process.signature_check import SIGNED, TOLD_AGAIN_NS, SignatureCheck
from runtime.replay.restore import resume
from runtime.replay.restore_point import RestorePoint
from runtime.replay.verify import replay
from schemas.config import Config
from schemas.control import (
    AccessEvent,
    Acknowledgement,
    Adjustment,
    Command,
    Decision,
    Override,
    PeopleEvent,
    Proposal,
    SettingChange,
)
from schemas.deployment import Control
from schemas.envelope import Envelope, decode, encode
from schemas.process import ConfigApplied, ControlRefused, Tick
from schemas.risk import RiskAlert, RiskState
from schemas.topics import BY_NAME, GATEWAY, RISK, TOPIC_OF
from schemas.units import NS_PER_S
from tests.kit.messages import config_applied

NOW_NS = 1_700_000_000 * NS_PER_S
KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
BTC = {"venue": "v", "symbol": "BTC/USDT"}
ALL = {"venue": "*", "symbol": "*"}


def config(*keys: Ed25519PrivateKey, **control: Any) -> Config:
    return Config(control=Control(public_keys=tuple(public_text(key) for key in keys), **control))


def applied(given: Config, time_ns: int = NOW_NS) -> ConfigApplied:
    return config_applied(given, RISK, code_version="t", time_ns=time_ns)


def guard(*keys: Ed25519PrivateKey) -> SignatureCheck:
    made = SignatureCheck()
    made.admit(applied(config(*keys)))
    return made


def command(action: str = "resume", number: int = 1, age_s: int = 0, **fields: Any) -> Command:
    given = {**ALL, "principal": "ann", "reason": "r", **fields}
    return Command(event_time_ns=NOW_NS - age_s * NS_PER_S, command_id=f"c-{number}", action=action, **given)


def override() -> Override:
    made = Override(
        **BTC,
        event_time_ns=NOW_NS,
        override_id="o",
        side="buy",
        price_ticks=10,
        size_lots=1,
        codes=("MAX_VALUE",),
        valid_until_ns=NOW_NS + 1,
        valid_s=60,
        requester="ann",
        approver="bob",
        reason="r",
    )
    return made.model_copy(update={"approved_digest": made.held_digest()})


def setting(**fields: Any) -> SettingChange:
    return SettingChange(
        **ALL,
        event_time_ns=NOW_NS,
        change_id="s",
        setting_key="risk_limits.max_loss",
        value="-1",
        requester="ann",
        **fields,
    )


def adjustment(**fields: Any) -> Adjustment:
    return Adjustment(
        **BTC,
        event_time_ns=NOW_NS,
        adjustment_id="j",
        kind="adjust",
        size_change=Decimal(1),
        principal="ann",
        reason="r",
        **fields,
    )


EVERY_MESSAGE: tuple[PeopleEvent, ...] = (
    command(),
    override(),
    setting(),
    adjustment(),
    Proposal(
        **ALL,
        event_time_ns=NOW_NS,
        proposal_id="p",
        requester="ann",
        reason="r",
        valid_until_ns=NOW_NS,
        subject={"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-9"},
    ),
    Decision(**ALL, event_time_ns=NOW_NS, proposal_id="p", principal="bob", approved=True),
    Acknowledgement(**ALL, event_time_ns=NOW_NS, alert_id="a", principal="bob"),
    AccessEvent(**ALL, event_time_ns=NOW_NS, kind="signed_in", principal="bob", address="x"),
)


def because(refused: object) -> str:
    assert isinstance(refused, ControlRefused)
    return refused.because


def test_every_message_that_the_gateway_publishes_is_among_those() -> None:
    assert {type(each) for each in EVERY_MESSAGE} == set(SIGNED)
    published = {
        message for topic in BY_NAME.values() if topic.writer == GATEWAY for message in topic.messages
    }
    assert set(SIGNED) == published


@pytest.mark.parametrize("event", EVERY_MESSAGE, ids=lambda each: each.type_name)
def test_a_signed_message_is_let_through_and_an_unsigned_one_is_not(event: PeopleEvent) -> None:
    assert because(guard(KEY).admit(event)) == "nobody has signed it"
    assert "none of ours" in because(guard(KEY).admit(Signer(OTHER_KEY).sign(event)))
    signed = Signer(KEY).sign(event)
    assert guard(KEY).admit(signed) == signed
    assert guard(KEY).admit(decode(type(event), encode(signed))) == signed  # as it comes from a topic


@pytest.mark.parametrize("event", EVERY_MESSAGE, ids=lambda each: each.type_name)
def test_no_field_can_be_another_than_was_signed(event: PeopleEvent) -> None:
    signed = Signer(KEY).sign(event)
    other: dict[type, Any] = {str: "other", int: 7, bool: False, tuple: ("other",), type(None): None}
    for name in type(event).model_fields:
        value = getattr(event, name)
        forged = signed.model_copy(update={name: other.get(type(value), value)})
        if getattr(forged, name) == getattr(signed, name):
            continue
        assert isinstance(guard(KEY).admit(forged), ControlRefused), name


def test_a_signature_of_one_type_is_none_of_another() -> None:
    decision = Decision(**ALL, event_time_ns=NOW_NS, proposal_id="p", principal="bob", approved=False)
    token = Signer(KEY).sign(command()).signature
    assert "another message" in because(guard(KEY).admit(decision.model_copy(update={"signature": token})))


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 2048, "é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_signature_is_refused(token: str) -> None:
    assert isinstance(guard(KEY).admit(command().model_copy(update={"signature": token})), ControlRefused)


def test_a_message_counts_once_however_often_it_is_copied() -> None:
    for action in ("halt", "resume"):
        made, signed = guard(KEY), Signer(KEY).sign(command(action))
        assert made.admit(signed) is signed
        assert because(made.admit(signed)) == "it was there before"


def test_two_gateways_and_a_restart_of_one_do_not_disturb_each_other() -> None:
    made, signers = guard(KEY), (Signer(KEY), Signer(KEY))
    for number in range(6):
        signed = signers[number % 2].sign(command("halt", number))
        assert made.admit(signed) is signed


def test_what_two_gateways_took_for_one_request_is_one_command_but_a_halt_always_counts() -> None:
    made, signers = guard(KEY), (Signer(KEY), Signer(KEY))
    first, second = (signer.sign(command("resume")) for signer in signers)
    assert (made.admit(first), made.admit(second)) == (first, None)
    first, second = (signer.sign(command("halt")) for signer in signers)
    assert (made.admit(first), made.admit(second)) == (first, second)


@pytest.mark.parametrize("action", ["start", "resume_request", "resume"])
def test_what_was_signed_long_ago_does_not_let_anybody_trade(action: str) -> None:
    made = guard(KEY)
    made.admit(Tick(event_time_ns=NOW_NS))
    assert isinstance(made.admit(Signer(KEY).sign(command(action, age_s=900))), Command)
    assert because(made.admit(Signer(KEY).sign(command(action, age_s=901)))) == "it was signed 901 s ago"


@pytest.mark.parametrize("action", ["halt", "stop"])
def test_a_halt_and_a_stop_count_however_late(action: str) -> None:
    made = guard(KEY)
    made.admit(Tick(event_time_ns=NOW_NS))
    assert isinstance(made.admit(Signer(KEY).sign(command(action, age_s=900_000))), Command)


def test_an_adjustment_that_waited_in_a_log_for_the_next_start_counts() -> None:
    made = guard(KEY)
    made.admit(Tick(event_time_ns=NOW_NS + 90_000 * 10**9))
    signed = Signer(KEY).sign(adjustment())
    assert made.admit(signed) is signed
    assert because(made.admit(signed)) is not None


@pytest.mark.parametrize(
    ("scope", "about", "is_theirs"),
    [
        (("*",), ALL, True),
        (("v:BTC/USDT",), BTC, True),
        (("v:BTC/USDT",), ALL, False),
        (("v:X",), BTC, False),
    ],
)
def test_nobody_acts_beyond_their_scope(
    scope: tuple[str, ...], about: dict[str, Any], is_theirs: bool
) -> None:
    found = guard(KEY).admit(Signer(KEY).sign(command(scope=scope, **about)))
    assert isinstance(found, Command) is is_theirs


def test_an_approval_says_what_was_shown() -> None:
    silent = Signer(KEY).sign(setting(approver="bob"))
    assert "nothing says what bob was shown" in because(guard(KEY).admit(silent))
    shown = adjustment(approver="bob")
    shown = shown.model_copy(update={"approved_digest": shown.held_digest()})
    assert isinstance(guard(KEY).admit(Signer(KEY).sign(shown)), Adjustment)
    for change in ({"approved_digest": None}, {"size_change": Decimal(2)}, {"price": Decimal(1)}):
        unlike = Signer(KEY).sign(shown.model_copy(update=change))
        assert "was shown another change" in because(guard(KEY).admit(unlike))
    other = override().model_copy(update={"price_ticks": 11})
    assert "was shown another order" in because(guard(KEY).admit(Signer(KEY).sign(other)))


def test_a_key_is_changed_while_both_are_in_use() -> None:
    made, old, new = guard(KEY, OTHER_KEY), Signer(KEY), Signer(OTHER_KEY)
    for number, signer in enumerate((old, new, old)):
        assert isinstance(made.admit(signer.sign(command(number=number))), Command)
    made.admit(applied(config(OTHER_KEY)))
    assert "none of ours" in because(made.admit(old.sign(command(number=8))))
    assert isinstance(made.admit(new.sign(command(number=9))), Command)


def test_much_that_is_forged_is_told_once_in_a_while_with_its_number() -> None:
    made = guard(KEY)
    made.admit(Tick(event_time_ns=NOW_NS))
    assert isinstance(made.admit(command()), ControlRefused)
    assert [made.admit(command(number=number)) for number in range(99)] == [None] * 99
    made.admit(Tick(event_time_ns=NOW_NS + TOLD_AGAIN_NS))
    refused = made.admit(command())
    assert isinstance(refused, ControlRefused)
    assert refused.more == 99


def test_logs_of_before_there_were_signatures_have_no_guard() -> None:
    made = guard()
    assert made.admit(command()) == command()
    assert made.admit(command()) == command()


def risk_shell(bus: LogFileBus, given: Config) -> ProcessRunner:
    return ProcessRunner(process_definition(RISK), given, bus, given.engine.digest_interval_inputs)


def say(runner: ProcessRunner, bus: LogFileBus, event: PeopleEvent, number: int) -> list[Any]:
    envelope = Envelope("gateway-api", number, None, event.event_time_ns, event.type_name)
    record = bus.publish(TOPIC_OF[event.type_name], envelope, event)
    return [each.message for each in runner.consume(record)]


@pytest.fixture
def signed_log(tmp_path: Path) -> tuple[Path, Config]:
    """Somebody unknown resumes a halt; the person whose halt it was does it later, by another key."""
    given, log = config(KEY, OTHER_KEY), tmp_path / "log"
    bus = LogFileBus(log)
    runner, old, new = risk_shell(bus, given), Signer(KEY), Signer(OTHER_KEY)
    runner.start(NOW_NS, applied(given), "t")
    runner.inject(Tick(event_time_ns=NOW_NS))
    (state, _) = say(runner, bus, old.sign(command("halt", 1)), 1)
    assert isinstance(state, RiskState)
    assert state.state == "HALT"
    (alert,) = say(runner, bus, command("resume", 2, principal="nobody"), 2)
    assert isinstance(alert, RiskAlert)
    assert (alert.severity, alert.name) == ("critical", "CONTROL_REFUSED")
    assert "resume by 'nobody' was dropped: nobody has signed it" in alert.message
    assert say(runner, bus, command("resume", 3, principal="nobody"), 3) == []
    runner.write_trace(NOW_NS + 1)
    state = say(runner, bus, new.sign(command("resume", 4)), 4)[0]
    assert isinstance(state, RiskState)
    assert state.state == "RUN"
    runner.write_trace(NOW_NS + 2, final=True)
    bus.commit()
    return log, given


def test_a_replay_verifies_as_the_process_did(signed_log: tuple[Path, Config]) -> None:
    log, _ = signed_log
    (found,) = replay(read_log(log), {RISK: process_definition(RISK)})
    assert (found.divergences, found.inputs) == (0, 5)
    assert found.outputs > 0


def test_the_signatures_are_in_the_log(signed_log: tuple[Path, Config]) -> None:
    log, given = signed_log
    commands = [each for each in read_log(log) if each.topic == "control.command"]
    is_ours = verifier(given)
    decoded = [decode(Command, each.payload) for each in commands]
    assert [is_ours(each) for each in decoded] == [True, False, False, True]


def test_a_restart_goes_on_with_what_was_there_before(signed_log: tuple[Path, Config]) -> None:
    """What was obeyed before it is not obeyed again after it; and the keys may be others then."""
    log, _ = signed_log
    resumed = next(decode(Command, each.payload) for each in read_log(log) if b'"c-4"' in each.payload)
    given = config(OTHER_KEY)
    bus = LogFileBus(log)
    runner = risk_shell(bus, given)
    same_hash = next(each for each in read_log(log) if each.envelope.type_name == ConfigApplied.type_name)
    again = decode(ConfigApplied, same_hash.payload).model_copy(update={"config": given})
    resume(log, [runner], 0, RestorePoint.of("", {}))
    runner.continue_after(bus.last_sequences)
    runner.start(NOW_NS + 3, again, "t")
    runner.inject(Tick(event_time_ns=NOW_NS + TOLD_AGAIN_NS))
    (alert,) = say(runner, bus, resumed, 5)
    assert "it was there before" in alert.message


def test_the_key_is_made_at_the_first_start_for_its_owners_eyes(tmp_path: Path) -> None:
    first, signer = with_keys(Config(), tmp_path, signs=True)
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signer is not None
    again, nobody = with_keys(Config(), tmp_path, signs=False)
    assert again.control.public_keys == first.control.public_keys
    assert nobody is None
    assert verifier(again)(signer.sign(command()))


def test_the_private_key_is_nowhere_in_the_configuration(tmp_path: Path) -> None:
    given, _ = with_keys(Config(), tmp_path, signs=True)
    secret = (tmp_path / KEY_FILE).read_text().splitlines()[1]
    assert secret not in given.model_dump_json()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "gateway.key"
    make_key(path)
    path.chmod(mode)
    given = Config(control=Control(signing_key_file=str(path)))
    with pytest.raises(ConfigError, match=f"can be read by others .mode {mode:04o}.: .chmod 600"):
        with_keys(given, tmp_path, signs=True)


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    make_key(tmp_path / "k")
    with pytest.raises(ConfigError, match="already exists"):
        make_key(tmp_path / "k")
    assert os.listdir(tmp_path) == ["k"]


def test_a_gateway_whose_key_nobody_knows_does_not_start(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.write_text(f"# the old one\n{public_text(OTHER_KEY)}\n")
    given = Config(control=Control(public_keys_file=str(public)))
    with pytest.raises(ConfigError, match="lacks"):
        with_keys(given, tmp_path, signs=True)
    makers, _ = with_keys(given, tmp_path, signs=False)
    assert makers.control.public_keys == (public_text(OTHER_KEY),)


@pytest.mark.parametrize("content", ["", "# none\n", "not-a-key\n"])
def test_a_bad_file_of_public_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "public").write_text(content)
    given = Config(control=Control(public_keys_file=str(tmp_path / "public")))
    with pytest.raises(ConfigError, match=r"control\.public_keys_file"):
        with_keys(given, tmp_path, signs=False)


def test_unsigned_has_to_be_said(tmp_path: Path) -> None:
    given, signer = with_keys(Config(control=Control(unsigned=True)), tmp_path, signs=True)
    assert (given.control.public_keys, signer) == ((), None)
