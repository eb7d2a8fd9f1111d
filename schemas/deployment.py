"""The part of the configuration that says where and how the engine runs, without effect on decisions."""

import re
from decimal import Decimal
from fractions import Fraction as ExactShare
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyNetwork, model_validator

from schemas.message import Instruction
from schemas.names import Name
from schemas.numbers import Count, Fraction, Milliseconds, Seconds, shortened
from schemas.venues import VenueId

PublicKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""32 bytes in base64url, without padding."""

HostName = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}$")]
"""As a browser sends it, without the port."""

_HOST_PART_MAX = 63
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
_USER_INFO = re.compile(r"(://)[^?#]*@|(?:(?<=,)|^)(?!\w+://)[^,]*@")
_CREDENTIALS = re.compile(r"(?i)(?<=[?&])(?:user(?:name)?|password)=[^&]*&?")


def without_credentials(address: str) -> str:
    """A URL, or a list of host:port, without user name and password.

    Old logs hold such addresses in their configurations; new configurations with them are refused, see
    runtime/config/settings.py. So no `Config` ever contains credentials, and none is written again.
    """
    stripped = _CREDENTIALS.sub("", _USER_INFO.sub(r"\1", address))
    return stripped if stripped == address else stripped.rstrip("?&")


Address = Annotated[str, AfterValidator(without_credentials)]


def _with_host_names(addresses: str) -> str:
    """The list of host:port; raises ValueError for a name that no resolver takes: a part of 64 letters."""
    for address in addresses.split(","):
        if any(len(part) > _HOST_PART_MAX for part in address.partition(":")[0].split(".")):
            raise ValueError(
                f"{shortened(address)} is no host:port: a host name has parts of 63 letters at most"
            )
    return addresses


class ExchangeSettings(Instruction):
    """The exchange of `feed.kind: live` and of `venue.kind: ccxt`. Secrets are in files, never here."""

    id: VenueId = "binance"
    symbols: tuple[Name, ...] = ()
    """Unified names: BTC/USDT, or BTC/USDT:USDT for a linear contract."""
    url: Annotated[Address, Field(pattern=r"^https?://[^/]+$")] | None = None
    """http://host:port of a sandbox in place of the exchange; none: the exchange itself."""
    market_data: Literal["native", "ccxt"] = "native"
    """native: our own decoder where there is one (Binance), which handles three times the symbols."""
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")] | None = None
    """A short name of the account: its log is in runs/<id>-<account>. None: a fingerprint of the API key, so
    that a new key would be a new account."""
    api_key_file: str | None = None
    api_secret_file: str | None = None
    api_passphrase_file: str | None = None
    order_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,3}$")] = "mm"
    """Prefix of every client order id of this deployment: orders without it are not ours."""
    request_timeout_ms: Milliseconds = 5_000
    receive_window_ms: Milliseconds = 5_000
    """The exchange rejects an order or amend that arrives later than this, so that silence becomes an answer.
    Cancels and queries, which are never too late, have a minute where the exchange allows it."""
    contracts_interval_s: Seconds = 3_600.0
    """Interval at which contracts and their filters are requested again."""
    reconcile_interval_s: Seconds = 30.0
    """Interval at which open orders are reconciled; after every reconnect own trades are too."""
    balances_interval_s: Seconds = 3.0
    """Interval at which balances are compared with our fills."""
    stream_silence_ms_max: Milliseconds = 2_000
    """The account's stream counts as dead, and quoting stops, when it has not reported a change or a fill for
    this long."""
    withdrawal_key_allowed: bool = False
    """Start although the key can withdraw funds: an engine never needs that."""
    budget_share: Annotated[Fraction, Field(gt=0)] = 0.9
    """Share of the venue's own rate limits that we use."""
    dead_mans_switch_ms: Milliseconds = 60_000
    """The venue, or the watchdog process, cancels our orders after this long without a heartbeat."""
    heartbeat_file: str | None = None
    """For an exchange without such a switch: the router writes its heartbeat here, and quotes only while
    `maker watchdog` watches it. None: no watchdog, at your own risk."""


class Keep(Instruction):
    """How much of the log of `maker up` is kept on disk. It affects no decision.

    Whole closed segments are deleted, oldest first, at whichever bound is reached first; whatever a restart
    needs is always kept. The defaults suit an unattended machine: the demo stays far below them, and no disk
    fills up. A firm that must keep records for years (five by MiFID II, RTS 6) sets what its disk has room
    for, and copies closed segments elsewhere before they are deleted: `maker log verify` proves a copy.
    """

    age_days: Annotated[float, Field(gt=0, le=36_600)] = 30.0
    """Segments whose newest record is older than this, by engine time, are deleted. A gap without records
    counts as a day at most: nothing ran, or a clock was set ahead."""
    size_gb: Annotated[float, Field(gt=0, le=1e6)] | None = 100.0
    """Largest size of the log, in GB (10^9 bytes); none: only the disk limits it."""
    disk_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Largest share of the disk space free without the log that the log may take."""
    runs: Annotated[int, Field(ge=1)] = 100
    """Number of unnamed logs of demos and backtests kept in ./runs; at the start of another one the oldest is
    deleted. Logs of an account, of paper trading, and named ones are kept."""


class EngineSettings(Instruction):
    """How processes run."""

    log_dir: str | None = None
    """Where the topic log goes. None: for an account at an exchange runs/<id>-<account>, for paper trading on
    a live market runs/paper-<id>, at each start; otherwise a new folder under ./runs."""
    digest_interval_inputs: Count = 200_000
    """A process writes a digest of its core's state into its trace after this many inputs, and at its end."""
    keep: Keep = Keep()
    disk_free_mb_min: Annotated[int, Field(ge=1)] = 64
    """With less free space on the disk of the log, or of a process's state, a start is refused; `maker up`
    halts, and a process on Kafka cancels its orders and ends."""
    disk_stall_ms_max: Milliseconds = 500
    """Decisions that the disk took longer to confirm are outdated: new orders are not sent, and orders to
    amend are cancelled."""


class GatewaySettings(Instruction):
    """Where the gateway serves the API and the page."""

    host: str = "127.0.0.1"
    """Address it listens on. Other machines are admitted only with `access.users_file`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 picks a free one."""
    host_names: tuple[HostName, ...] = ()
    """Other names than this machine's under which people reach it, such as that of a reverse proxy, in lower
    case. On a loopback address no other name is answered, elsewhere none where this names some."""

    @property
    def is_local(self) -> bool:
        """Whether this machine alone can reach it."""
        return self.host in _LOOPBACK_HOSTS


class Access(Instruction):
    """Who may sign in at the gateway. Secrets are in files, never here."""

    users_file: str | None = None
    """The file written by `maker users`: names, roles, hashes. None: one person, at this machine, signs in
    with the one-time code that the start prints."""
    signing_key_file: str | None = None
    """32 bytes or more that sign sessions and tokens; the same for all gateways of an engine. None: new at
    each start, which signs everybody out."""
    sessions_file: str | None = None
    """Sessions, used codes and known addresses, so that they survive a restart. None: beside the users file,
    or beside the signing key; processes on Kafka keep them in Redis."""
    session_s: Annotated[int, Field(ge=60, le=900)] = 900
    """A session without a request ends after this; one in use is renewed."""
    session_s_max: Annotated[int, Field(ge=900, le=86_400)] = 43_200
    """A session ends after this, used or not: then its person signs in again."""
    token_s_max: Annotated[int, Field(ge=60, le=31_536_000)] = 900
    """Lifetime of a program's token, 900 at most: then the program gets the next one by its refresh
    token."""
    refresh_s_max: Annotated[int, Field(ge=900, le=31_536_000)] = 2_592_000
    """A program's access ends after this, used or not: then it needs a new refresh token."""
    second_factor_exempt: tuple[str, ...] = ()
    """Names of people with the role risk or admin who may sign in with a password only."""
    proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses or networks of reverse proxies: their X-Forwarded-For names the client."""
    connections_max: Annotated[int, Field(ge=8, le=10_000)] = 256
    """Open HTTP connections; 256 descriptors remain for venue, feed and log in any case."""
    connections_per_address_max: Annotated[int, Field(ge=4, le=10_000)] = 128
    """The same per address; proxies are exempt."""
    secure_cookies: bool = False
    """The page is served over https only: its cookie is never sent otherwise, and browsers are told so."""


class Control(Instruction):
    """Who signs people's requests to the engine, and the keys by which every process verifies them."""

    signing_key_file: str | None = None
    """An Ed25519 key made by `maker control-key`, for gateways only. None: one is created at the first start
    in the folder of the log, or of the state."""
    public_keys_file: str | None = None
    """The public keys, one per line, for the processes that verify; with two lines the key can be rotated
    while both are valid. None: the public half of the signing key."""
    public_keys: Annotated[tuple[PublicKey, ...], Field(max_length=8)] = ()
    """The content of `public_keys_file`. It is in the log, so that a replay verifies with the same keys."""
    unsigned: bool = False
    """Obey unsigned requests: only where the broker is protected by other means."""
    age_s_max: Annotated[int, Field(ge=30, le=86_400)] = 900
    """Requests signed longer ago are refused, except halt and stop, which are valid however late."""


class Kafka(Instruction):
    """The bus between processes that run separately."""

    bootstrap: Annotated[Address, AfterValidator(_with_host_names)] = "127.0.0.1:9092"
    """host:port of a broker; several are separated by commas."""
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)] = ""
    """Prefix of every topic on the broker, so that several engines can share it."""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 1
    """Of every topic, so that a symbol's partition number is the same everywhere."""
    replication: Count = 1
    """Copies of every record; 3 in production."""
    min_insync_replicas: Count = 1
    """Copies that must confirm a record; one less than `replication` in production."""
    replay_hours: Annotated[int, Field(ge=1, le=24 * 366)] = 120
    """Retention for replay, and for exact resumption of a killed process: five days cover a long weekend.
    Disk space per copy: 1 GB a day for a symbol whose 20-level book changes 10 times a second. `maker topics
    apply` sets it on the broker."""
    compression: Literal["zstd", "none"] = "zstd"
    """Of the batches that processes send. `none` while processes of a release without this setting still run:
    they cannot read compressed ones."""
    ledger_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """Minimum retention of fills, order events, commands, alerts and carried state."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password_file: str | None = None
    """A file with only the password: secrets are never in the configuration itself."""
    ssl_ca_file: str | None = None


class Redis(Instruction):
    """Where view-projector stores its documents for the gateway, when processes run separately."""

    url: Address = "redis://127.0.0.1:6379/0"
    """Host, port and database; rediss:// uses TLS. It never contains a password."""
    username: str | None = None
    """User in Redis's access control list; none: its default user."""
    password_file: str | None = None
    """A file with only the password."""
    key_prefix: str = "mm:"
    timeout_ms: Milliseconds = 500
    """Per request; after it the store counts as away until it answers again."""
    view_age_ms_max: Milliseconds = 2_000
    """Documents that the projector has not confirmed for this long are shown as stale."""


ShardShare = Annotated[Fraction, Field(gt=0)]


def _exact(share: float) -> ExactShare:
    """The share exactly as written."""
    return ExactShare(Decimal(str(share)))


class Process(Instruction):
    """How one process runs on Kafka."""

    state_dir: str = "state"
    """Holds one folder per process, with snapshots and journal: on a disk that survives a restart."""
    snapshot_interval_s: Seconds = 5.0
    turn_interval_ms: Annotated[float, Field(ge=0, le=100)] = 2.0
    """Minimum interval between turns: everything received meanwhile is one batch."""
    side_turn_interval_ms: Annotated[float, Field(ge=0, le=100)] = 20.0
    """The same for processes not between book and order: inventory, risk, views."""
    poll_records_max: Count = 2_000
    outbox_age_ms_max: Milliseconds = 500
    """With an unconfirmed record older than this a process stops reading, so that trading fails closed."""
    outbox_records_max: Count = 200_000
    """With more unconfirmed records than this it ends, and resumes from its journal when restarted."""
    trace_interval_ms: Milliseconds = 250
    path_in_one_process: bool = False
    """Whether `maker run --all` runs monitor-service, quote-service and order-router in one process, `path`:
    an order follows its book without a broker in between."""
    shards: Count = 1
    """Number of processes that share the partitions of monitor-service, of quote-service, and at a simulated
    venue of order-router; or of the path. At an exchange one order-router reconciles the account, so the path
    has one shard there."""
    shard_shares: Annotated[tuple[ShardShare, ...], Field(max_length=1000)] = ()
    """The part of the account's message limit and of its exposure that each shard of order-router may use;
    none: equal parts. Together at most 1, so that the account's limits hold whatever the shards know of each
    other."""
    shard: Annotated[int, Field(ge=0)] | None = None
    """Index of this one, from 0; none: the number that ends the host name, as in a StatefulSet."""
    health_host: str = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of /health/live, /health/ready and /metrics; 0 picks a free one, which is logged."""

    @model_validator(mode="after")
    def _shares(self) -> "Process":
        shares = self.shard_shares
        if shares and len(shares) != self.shards:
            raise ValueError(
                f"shard_shares has {len(shares)} parts, but shards is {self.shards}: one for each"
            )
        total = sum(map(_exact, shares))
        if total > 1:
            raise ValueError(
                f"shard_shares sum up to {float(total):g}, but the shards have one account: at most 1"
            )
        return self

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "Process":
        if self.part is not None and self.part >= self.shards:
            raise ValueError(f"shard is {self.shard}, but there are {self.shards}, counted from 0")
        return self

    @property
    def part(self) -> int | None:
        """The shard that this process is; None: it serves all symbols."""
        return None if self.shards == 1 else self.shard

    @property
    def account_share(self) -> ExactShare:
        """The part of the account's limits that this process may use: all of them, unless it is a shard."""
        if self.part is None:
            return ExactShare(1)
        return _exact(self.shard_shares[self.part]) if self.shard_shares else ExactShare(1, self.shards)
