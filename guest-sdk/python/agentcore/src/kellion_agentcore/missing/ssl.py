"""Stands for ssl, of which there is no native half: its names, so that network libraries can be imported."""

import enum

from ..errors import refuse


class SSLError(OSError):
    pass


class SSLZeroReturnError(SSLError):
    pass


class SSLWantReadError(SSLError):
    pass


class SSLWantWriteError(SSLError):
    pass


class SSLSyscallError(SSLError):
    pass


class SSLEOFError(SSLError):
    pass


class SSLCertVerificationError(SSLError, ValueError):
    pass


CertificateError = SSLCertVerificationError


class VerifyMode(enum.IntEnum):
    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = VerifyMode


class TLSVersion(enum.IntEnum):
    MINIMUM_SUPPORTED = -2
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class _SSLMethod(enum.IntEnum):
    PROTOCOL_TLS = 2
    PROTOCOL_TLS_CLIENT = 16
    PROTOCOL_TLS_SERVER = 17


PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER = _SSLMethod
PROTOCOL_SSLv23 = PROTOCOL_TLS


class Options(enum.IntFlag):
    OP_ALL = 1
    OP_NO_SSLv2 = 2
    OP_NO_SSLv3 = 4
    OP_NO_COMPRESSION = 8
    OP_NO_TICKET = 16


OP_ALL, OP_NO_SSLv2, OP_NO_SSLv3 = Options.OP_ALL, Options.OP_NO_SSLv2, Options.OP_NO_SSLv3
OP_NO_COMPRESSION, OP_NO_TICKET = Options.OP_NO_COMPRESSION, Options.OP_NO_TICKET
VERIFY_X509_PARTIAL_CHAIN, VERIFY_X509_STRICT = 0x80000, 0x20
OPENSSL_VERSION = "none"
OPENSSL_VERSION_NUMBER = 0x30000000
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
HAS_SNI = HAS_ALPN = HAS_NEVER_CHECK_COMMON_NAME = True


class Purpose(enum.Enum):
    SERVER_AUTH = 1
    CLIENT_AUTH = 2


class SSLContext:
    """Fails when it is first used for a connection, not when a library makes one ahead of time."""

    def __init__(self, protocol=None, *_, **__):
        self.protocol = protocol
        self.verify_mode = CERT_REQUIRED
        self.check_hostname = True
        self.options = 0
        self.verify_flags = 0
        self.minimum_version = TLSVersion.TLSv1_2
        self.maximum_version = TLSVersion.MAXIMUM_SUPPORTED
        self.post_handshake_auth = False
        self.keylog_filename = None

    def _nothing(self, *_, **__):
        return None

    load_verify_locations = load_default_certs = load_cert_chain = set_default_verify_paths = _nothing
    set_alpn_protocols = set_ciphers = _nothing

    def wrap_socket(self, *_, **__):
        raise SSLError(str(refuse("TLS", "it has no network")))

    wrap_bio = wrap_socket


class SSLObject:
    pass


class SSLSocket:
    pass


class MemoryBIO:
    pass


def create_default_context(*_, **__):
    return SSLContext(PROTOCOL_TLS_CLIENT)


_create_unverified_context = _create_default_https_context = create_default_context
