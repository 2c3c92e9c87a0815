"""A certificate authority that lives as long as a test run, since some clients speak https and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = timedelta(days=2)


@dataclass(frozen=True)
class Trust:
    """PEM files: whom to trust, and what a server on 127.0.0.1 shows."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def tls(self) -> tuple[Path, Path]:
        """Certificate and key as ``running`` takes them."""
        return self.certificate, self.key

    @property
    def variables(self) -> dict[str, str]:
        """What makes requests, httpx and OpenSSL trust the authority."""
        return {"REQUESTS_CA_BUNDLE": str(self.authority), "SSL_CERT_FILE": str(self.authority)}


def trust_in(folder: Path) -> Trust:
    """Make authority, key and certificate in ``folder``."""
    own, servers = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Rehearsal authority")
    authority = _draft(issuer, issuer, own).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = authority.add_extension(_usage(signs=True), critical=True)
    server = _draft(_name("Rehearsal"), issuer, servers)
    server = server.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    server = server.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    server = server.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False
    )  # Python 3.13 refuses certificates without
    made = Trust(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    made.authority.write_bytes(authority.sign(own, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(server.sign(own, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        servers.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    draft = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    draft = draft.serial_number(x509.random_serial_number()).not_valid_before(now - DAYS).not_valid_after(now + DAYS)
    return draft.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
