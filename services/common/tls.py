"""TLS of a listener, from the files that an operator names."""

from __future__ import annotations

import ssl

from services.common.settings import SettingsError


def server_context(cert_file: str, key_file: str) -> ssl.SSLContext:
    """A context for a listener: TLS 1.2 or newer, HTTP/1.1 (and WebSockets) inside.

    Raises:
        SettingsError: naming the file that cannot be used, or that the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for name, path in (("SIQ_TLS_CERT", cert_file), ("SIQ_TLS_KEY", key_file)):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise SettingsError(f"{name}: cannot read {path}: {error.strerror}") from error
    try:
        # A password is asked for on the terminal otherwise, where nobody sits.
        context.load_cert_chain(cert_file, key_file, password=_refuse_password)
    except (ssl.SSLError, _Encrypted) as error:
        raise SettingsError(
            f"SIQ_TLS_CERT={cert_file} and SIQ_TLS_KEY={key_file} are not usable: "
            f"expected a certificate (chain) and its unencrypted key, both PEM: {error}"
        ) from error
    return context


class _Encrypted(Exception):
    """The key has a password."""


def _refuse_password() -> str:
    raise _Encrypted("the key is encrypted")
