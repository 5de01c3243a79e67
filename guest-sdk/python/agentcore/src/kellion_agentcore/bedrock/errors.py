"""From the contract's model errors to botocore's, by which agents tell what to try again."""

from botocore.exceptions import ClientError
from wit_world.imports import model

# The code and the HTTP status that Amazon Bedrock has for each kind.
_CODES = {
    model.ErrorKind.DENIED: ("AccessDeniedException", 403),
    model.ErrorKind.BUDGET_EXHAUSTED: ("ServiceQuotaExceededException", 400),
    model.ErrorKind.INVALID: ("ValidationException", 400),
    model.ErrorKind.CONTEXT_TOO_LONG: ("ValidationException", 400),
    model.ErrorKind.THROTTLED: ("ThrottlingException", 429),
    model.ErrorKind.TIMEOUT: ("ModelTimeoutException", 408),
    model.ErrorKind.UNAVAILABLE: ("ServiceUnavailableException", 503),
}

# Codes that Bedrock has beside those, so that `client.exceptions` names them all.
_OTHERS = ("InternalServerException", "ModelErrorException", "ModelNotReadyException", "ModelStreamErrorException",
           "ResourceNotFoundException", "ConflictException")

# Agent frameworks know a conversation that is too long by words of Bedrock's message.
_TOO_LONG = "Input is too long for requested model"


class Exceptions:
    """`client.exceptions`: a class for each code."""

    ClientError = ClientError

    def __getattr__(self, name):
        known = ", ".join(sorted(_BY_CODE))
        raise AttributeError(f"<{type(self).__name__}> has no attribute {name}. Valid exceptions are: {known}")


def _exception(code: str) -> type[ClientError]:
    return type(code, (ClientError,), {"__module__": "botocore.errorfactory"})


_BY_CODE = {code: _exception(code) for code in [*(code for code, _ in _CODES.values()), *_OTHERS]}
for _code, _class in _BY_CODE.items():
    setattr(Exceptions, _code, _class)


def client_error(error: model.Error, operation: str) -> ClientError:
    """The exception that boto3 would have raised."""
    code, status = _CODES[error.kind]
    message = error.message
    if error.kind is model.ErrorKind.CONTEXT_TOO_LONG and _TOO_LONG.lower() not in message.lower():
        message = f"{_TOO_LONG}: {message}"
    headers = {}
    if error.retry_after_ms is not None:
        headers["retry-after"] = str(-(-error.retry_after_ms // 1000))
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers, "RetryAttempts": 0},
        "message": message,
    }
    return _BY_CODE[code](response, operation)
