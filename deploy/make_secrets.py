"""Makes what compose.secure.yaml needs, in deploy/secrets: `python deploy/make_secrets.py`, once.

A certificate for the broker, a password for everybody who comes to it, one for Redis, and the key that signs
what people ask, each in a file of its own. Nothing that is there already is written over.
"""

import datetime
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runtime.config.control_keys import make_key
from runtime.config.secret_files import make_secret
from runtime.errors import ConfigError
from runtime.kafka.access import PRINCIPALS

FOLDER = Path(__file__).parent / "secrets"
ADMIN = "admin"
VALID_DAYS = 825
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"
BROKER_SECURITY = """\
security.inter.broker.protocol=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} username="{admin}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={certificate}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{admin};User:ANONYMOUS
"""
"""ANONYMOUS is the controller in the broker's own process, whose port only that machine reaches."""
_BROKER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=SASL_SSL://0.0.0.0:9092,CONTROLLER://localhost:9093
advertised.listeners=SASL_SSL://kafka:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2500
broker.heartbeat.interval.ms=500
"""
_ADMIN_CLIENT = """\
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={login} username="{admin}" password="{password}";
ssl.truststore.type=PEM
ssl.truststore.location={certificate}
"""


def broker_security(password: str, keystore: Path | str, certificate: Path | str) -> str:
    """The settings of a broker that knows who comes to it, and lets them do what they are granted alone."""
    return BROKER_SECURITY.format(
        login=SCRAM_LOGIN, admin=ADMIN, password=password, keystore=keystore, certificate=certificate
    )


def scram_users(passwords: Mapping[str, str]) -> list[str]:
    """What `kafka-storage.sh format` is told, so that a new broker knows its users."""
    return [
        f"--add-scram=SCRAM-SHA-512=[name={name},password={password}]" for name, password in passwords.items()
    ]


def certificate(hosts: Iterable[str]) -> tuple[bytes, bytes]:
    """A key with its certificate, which signs itself, for names and addresses; and the certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = list(hosts)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([_host(each) for each in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    alone = made.public_bytes(Encoding.PEM)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + alone, alone


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def make(folder: Path) -> None:
    """Everything, in a folder that is not there yet; raises ConfigError where it is."""
    if folder.exists():
        raise ConfigError(f"{folder} is there already: take it away to make everything anew")
    folder.mkdir(mode=0o700, parents=True)
    passwords = {name: secrets.token_urlsafe(24) for name in (ADMIN, *PRINCIPALS)}
    keystore, alone = certificate(["kafka", "localhost", "127.0.0.1"])
    for name, password in passwords.items():
        make_secret(folder / "kafka" / f"{name}.password", password.encode())
    make_secret(folder / "kafka" / "ca.pem", alone)
    broker = {
        "broker.pem": keystore,
        "ca.pem": alone,
        "users": "\n".join(scram_users(passwords)).encode(),
        "server.properties": (
            _BROKER + broker_security(passwords[ADMIN], "/broker/broker.pem", "/broker/ca.pem")
        ).encode(),
        "admin.properties": _ADMIN_CLIENT.format(
            login=SCRAM_LOGIN, admin=ADMIN, password=passwords[ADMIN], certificate="/broker/ca.pem"
        ).encode(),
    }
    for file, content in broker.items():
        make_secret(folder / "broker" / file, content)
    make_secret(folder / "redis" / "password", secrets.token_urlsafe(24).encode())
    public = make_key(folder / "control" / "control.key")
    make_secret(folder / "control" / "public.keys", f"{public}\n".encode())


if __name__ == "__main__":
    make(FOLDER)
