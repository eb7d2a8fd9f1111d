"""The part of the configuration that says where and how it runs, not what is decided."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.message import Instruction
from schemas.numbers import Count, Milliseconds, Positive
from schemas.venues import VenueId


class Exchange(Instruction):
    """The exchange of `feed.kind: live` and of `venue.kind: ccxt`. Secrets stand in files, never here."""

    id: VenueId = "binance"
    symbols: tuple[str, ...] = ()
    """By their unified names: BTC/USDT, or BTC/USDT:USDT for a linear contract."""
    url: Annotated[str, Field(pattern=r"^https?://[^/]+$")] | None = None
    """http://host:port of a sandbox that stands in the exchange's place; none: the exchange itself."""
    market_data: Literal["native", "ccxt"] = "native"
    """native: our own decoder where there is one (Binance), which carries three times the symbols."""
    api_key_file: str | None = None
    api_secret_file: str | None = None
    api_passphrase_file: str | None = None
    order_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,3}$")] = "mm"
    """Begins every client order id of this deployment: orders without it are somebody else's."""
    request_timeout_ms: Milliseconds = 5_000
    receive_window_ms: Milliseconds = 5_000
    """The exchange refuses a request that reaches it later than this: beyond it, silence is an answer."""
    contracts_interval_s: Positive = 3_600.0
    """Contracts and their filters are asked for again this often."""
    reconcile_interval_s: Positive = 30.0
    """Open orders, balances and own trades are compared with ours this often, and after every reconnect."""
    budget_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Part of the venue's own rate limits that we use."""
    dead_mans_switch_ms: Milliseconds = 60_000
    """The venue, or the watchdog process, cancels our orders after so long without a sign of life."""
    heartbeat_file: str | None = None
    """Where the exchange has no such switch: the router gives its sign of life here, and quotes only while
    `maker watchdog` looks at it. None: without a watchdog, at one's own risk."""


class Engine(Instruction):
    """How processes live."""

    log_dir: str | None = None
    """Where the topic log goes; none: a new folder under ./runs."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Of the gateway, at process.gateway_host; 0 takes a free one."""
    digest_interval_inputs: Count = 200_000
    """A process writes a digest of its core's state into its trace after this many inputs, and at its end."""


class Access(Instruction):
    """Who comes in at the gateway. Secrets stand in files, never here."""

    users_file: str | None = None
    """What `maker users` writes: names, roles, hashes. None: one person, at this machine, who signs in with
    the code that the start prints, once."""
    signing_key_file: str | None = None
    """32 bytes or more, which sign sessions and tokens; the same for all gateways of an engine. None: made
    anew at each start, which signs everybody out."""
    session_s: Annotated[int, Field(ge=60, le=900)] = 900
    """A session without a request ends after this; one in use is renewed."""
    token_s_max: Annotated[int, Field(ge=60, le=31_536_000)] = 86_400
    """Longest life of a program's token."""
    secure_cookies: bool = False
    """The page is reached by https alone, so its cookie never travels otherwise."""


class Kafka(Instruction):
    """The bus of processes that run apart."""

    bootstrap: str = "127.0.0.1:9092"
    """host:port of a broker; several with commas between them."""
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)] = ""
    """Before the name of every topic on the broker, so that several engines can share it."""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 1
    """Of every topic, so that a symbol's partition number is the same everywhere."""
    replication: Count = 1
    """Copies of every record; 3 in production."""
    min_insync_replicas: Count = 1
    """Copies that must confirm a record; one less than `replication` in production."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password_file: str | None = None
    """A file with the password alone: secrets are never in the configuration itself."""
    ssl_ca_file: str | None = None


class Redis(Instruction):
    """Where view-projector puts its documents for the gateway, when processes run apart."""

    url: str = "redis://127.0.0.1:6379/0"
    key_prefix: str = "mm:"
    timeout_ms: Milliseconds = 500
    """Of one request; after it the store counts as away until it answers again."""
    view_age_ms_max: Milliseconds = 2_000
    """Documents that the projector has not confirmed for this long are shown as stale."""


class Process(Instruction):
    """How one process lives on Kafka."""

    state_dir: str = "state"
    """Holds a folder a process, with its snapshots and its journal: on a disk that survives a restart."""
    snapshot_interval_s: Positive = 5.0
    turn_interval_ms: Annotated[float, Field(ge=0, le=100)] = 2.0
    """A turn begins at the earliest so long after the one before: what has come meanwhile is one batch."""
    side_turn_interval_ms: Annotated[float, Field(ge=0, le=100)] = 20.0
    """The same of the processes that do not stand between book and order: inventory, risk, views."""
    poll_records_max: Count = 2_000
    outbox_age_ms_max: Milliseconds = 500
    """With an unconfirmed record older than this a process reads no more, so that trading fails closed."""
    outbox_records_max: Count = 200_000
    """With more unconfirmed records than this it ends, and goes on from its journal when started again."""
    trace_interval_ms: Milliseconds = 250
    shards: Count = 1
    """Processes that share the partitions of monitor-service or of quote-service."""
    shard: Annotated[int, Field(ge=0)] | None = None
    """Which of them this one is, from 0; none: the number that ends the host name, as in a StatefulSet."""
    health_host: str = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Of /health/live, /health/ready and /metrics; 0 takes a free one, and the log says which."""
    gateway_host: str = "127.0.0.1"
    """Where the gateway listens, at engine.port. Beyond this machine it does so only with
    `access.users_file`."""
