"""A broker as in production: TLS, SASL/SCRAM, and an authorizer that denies what nobody is granted."""

from pathlib import Path

from deploy import make_secrets as made
from runtime.kafka.access import PRINCIPALS
from schemas.deployment import Kafka
from tests.servers.kafka import KafkaServer, ServerAccess

ADMIN = made.ADMIN


class SecureKafka:
    """The broker, and how each principal comes to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        keystore, alone = made.certificate(["127.0.0.1"])
        self._certificate = folder / "ca.pem"
        self._certificate.write_bytes(alone)
        (folder / "broker.pem").write_bytes(keystore)
        passwords = {name: _password(name) for name in (ADMIN, *PRINCIPALS, "stranger")}
        settings = made.broker_security(passwords[ADMIN], folder / "broker.pem", self._certificate)
        access = ServerAccess("SASL_SSL", settings, made.scram_users(passwords))
        self.server = KafkaServer(folder, access=access, answers=lambda: self.of(ADMIN))

    def of(self, principal: str, partitions: int = 1) -> Kafka:
        """The configuration of a principal."""
        password = self._folder / f"{principal}.password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(_password(principal))
        return Kafka(
            bootstrap=self.server.bootstrap,
            partitions=partitions,
            security_protocol="SASL_SSL",
            sasl_username=principal,
            sasl_password_file=str(password),
            ssl_ca_file=str(self._certificate),
        )


def _password(name: str) -> str:
    return f"the password of {name}".replace(" ", "-")
