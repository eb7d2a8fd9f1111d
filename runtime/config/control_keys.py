"""The keys with which gateways sign control messages and all processes verify them.

The signing key is a PEM file (PKCS 8), as OpenSSL writes it; the public keys are a text file, one key per
line. To rotate the key: add the new public key to the file everywhere, switch the gateways to the new signing
key, then remove the old line.
"""

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from runtime.config.secret_files import make_secret, read_secret
from runtime.config.signatures import Signed, Signer, is_public_key, key_id_of, public_text, verify
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.control import PeopleEvent

KEY_FILE = "control.key"
_SETTING = "control.signing_key_file"


def with_keys(config: Config, folder: Path, *, signs: bool) -> tuple[Config, Signer | None]:
    """The configuration with the public keys, and the signer; neither with `control.unsigned`.

    Without a configured file, `folder` has its own key, created at the first start. Raises ConfigError where
    a file is invalid, and where the gateway would sign with a key that no process knows.
    """
    control = config.control
    if control.unsigned:
        return config, None
    public = control.public_keys or _read_public(control.public_keys_file)
    key = None
    if signs or not public:
        key = _own_key(control.signing_key_file, folder)
    if key is not None:
        own = public_text(key)
        public = public or (own,)
        if own not in public:
            raise ConfigError(
                f"control.public_keys_file lacks {own}, the public half of {_SETTING}: "
                "all that the gateway signs would be refused; add that line"
            )
    known = control.model_copy(update={"public_keys": public})
    return config.model_copy(update={"control": known}), Signer(key) if signs and key is not None else None


def verifier(config: Config) -> Callable[[PeopleEvent], bool]:
    """Checks whether one of our gateways signed a message; with `control.unsigned` every message is valid."""
    keys = {key_id_of(public): public for public in config.control.public_keys}
    return lambda event: not keys or isinstance(verify(event, keys), Signed)


def make_key(path: Path) -> str:
    """Create a signing key in a new file; returns its public half. Raises ConfigError."""
    key = Ed25519PrivateKey.generate()
    if not make_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        raise ConfigError(f"{path} already exists: give another file for a new key")
    return public_text(key)


def _own_key(named: str | None, folder: Path) -> Ed25519PrivateKey:
    if named is not None:
        return _read_key(Path(named))
    path = folder / KEY_FILE
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        make_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return _read_key(path)


def _read_key(path: Path) -> Ed25519PrivateKey:
    content = read_secret(path, _SETTING)
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{_SETTING} {path} contains no Ed25519 key: create one with `maker control-key`")
    return key


def _read_public(named: str | None) -> tuple[str, ...]:
    if named is None:
        return ()
    try:
        lines = Path(named).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"control.public_keys_file {named} cannot be read: {error}") from None
    keys = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    for number, key in enumerate(keys, start=1):
        if not is_public_key(key):
            raise ConfigError(f"control.public_keys_file {named}: key {number} is not an Ed25519 public key")
    if not keys:
        raise ConfigError(f"control.public_keys_file {named} contains no key: put one key per line")
    return keys
