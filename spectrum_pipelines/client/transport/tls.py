"""The TLS side of a transport: one context for all connections, because loading a CA bundle costs more than a whole call."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from spectrum_pipelines.client.transport.deadline import TimedTlsSocket
from spectrum_pipelines.errors import UserError


def tls_context(*, bundle: str | None, client_cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """Verify against `bundle` (a PEM file or a folder of hashed certificates); None verifies nothing.

    `client_cert` is a PEM file with certificate and key, or a pair of files. Raises UserError for files that cannot be used.
    """
    context = _trusting(bundle) if bundle is not None else _trusting_anybody()
    context.sslsocket_class = TimedTlsSocket
    if client_cert is not None:
        certificate, key = (client_cert, None) if isinstance(client_cert, str) else client_cert
        try:
            # Without a password OpenSSL would ask for one on the terminal and a CI job would hang.
            context.load_cert_chain(certificate, key, password="")
        except OSError as error:
            named = certificate if key is None else f"{certificate} and {key}"
            raise UserError(
                f"the client certificate cannot be used ({named}): {error}",
                hint="--client-cert and --client-key take PEM files; an encrypted key has to be decrypted first",
            ) from None
    return context


def trusted_bundle(verify: bool | str, environ: Mapping[str, str], *, otherwise: str) -> str | None:  # noqa: FBT001
    """The CA bundle that counts: the caller's own word before the environment's. None where nothing is to be verified."""
    if verify is False:
        return None
    if verify is not True:
        return verify
    return environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or otherwise


def _trusting(bundle: str) -> ssl.SSLContext:
    if not bundle:
        raise UserError("the CA bundle has an empty name", hint="--ca-bundle takes a PEM file")
    path = Path(bundle)
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=bundle)
        path.open("rb").close()  # OpenSSL's own message for a missing file names no file
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:  # includes SSLError: not PEM
        raise UserError(
            f"the CA bundle {bundle} cannot be used: {error}", hint="--ca-bundle takes a PEM file"
        ) from None


def _trusting_anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
