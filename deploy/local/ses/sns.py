"""Messages as SNS signs them, with a key and a certificate of the endpoint's own."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

Version = Literal["1", "2"]
NOTIFICATION = "Notification"
CONFIRMATION = "SubscriptionConfirmation"
SIGNED_FIELDS = (
    "Message",
    "MessageId",
    "Subject",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)


def string_to_sign(envelope: dict[str, str]) -> bytes:
    return "".join(f"{k}\n{envelope[k]}\n" for k in SIGNED_FIELDS if k in envelope).encode()


class Signer:
    """The key lives in the home folder: made once, the same after a restart."""

    def __init__(self, home: Path, version: Version) -> None:
        self.version: Version = version
        self._key = _key(home / "signing-key.pem")
        path = home / "certificate.pem"
        if not path.exists():
            path.write_bytes(_certificate(self._key))
        self.certificate = path.read_bytes()
        self.path = (
            f"/SimpleNotificationService-{hashlib.sha256(self.certificate).hexdigest()[:32]}.pem"
        )

    def signed(self, envelope: dict[str, str], base_url: str) -> dict[str, str]:
        """Half a millisecond of CPU, without the interpreter's lock: call it in a thread."""
        digest = hashes.SHA256() if self.version == "2" else hashes.SHA1()  # noqa: S303  (SNS's v1)
        signature = self._key.sign(string_to_sign(envelope), padding.PKCS1v15(), digest)
        return envelope | {
            "SignatureVersion": self.version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": base_url + self.path,
        }


def _key(path: Path) -> rsa.RSAPrivateKey:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{path.name} is no RSA key; remove it and start again")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return key


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.laptop.invalid")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
