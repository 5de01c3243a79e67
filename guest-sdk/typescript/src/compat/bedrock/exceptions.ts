// The exceptions of the AWS SDK's client, which agents tell apart by class or by name.

import type { ErrorKind, ModelError } from "../../model";

interface Details {
  message?: string;
  name?: string;
  $fault?: "client" | "server";
  $metadata?: object;
}

/** What they have in common. */
export class BedrockRuntimeServiceException extends Error {
  readonly $fault: "client" | "server";
  readonly $metadata: object;
  readonly $service = "BedrockRuntime";
  /** Set where the SDK would try again by itself. */
  readonly $retryable: { throttling: boolean } | undefined;

  constructor({ message = "", name, $fault = "client", $metadata = {} }: Details = {}, status = 400, throttling?: boolean) {
    super(message);
    this.name = name ?? new.target.name;
    this.$fault = $fault;
    this.$metadata = { httpStatusCode: status, attempts: 1, ...$metadata };
    this.$retryable = throttling === undefined ? undefined : { throttling };
  }
}

type Made = new (details?: Details) => BedrockRuntimeServiceException;

function exception(name: string, status: number, throttling?: boolean): Made {
  const $fault = status >= 500 ? "server" : "client";
  const made = class extends BedrockRuntimeServiceException {
    constructor(details: Details = {}) {
      super({ $fault, ...details, name }, status, throttling);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made;
}

export const AccessDeniedException = exception("AccessDeniedException", 403);
export const ConflictException = exception("ConflictException", 400);
export const InternalServerException = exception("InternalServerException", 500);
export const ModelErrorException = exception("ModelErrorException", 424);
export const ModelNotReadyException = exception("ModelNotReadyException", 429, false);
export const ModelStreamErrorException = exception("ModelStreamErrorException", 424);
export const ModelTimeoutException = exception("ModelTimeoutException", 408);
export const ResourceNotFoundException = exception("ResourceNotFoundException", 404);
export const ServiceQuotaExceededException = exception("ServiceQuotaExceededException", 400);
export const ServiceUnavailableException = exception("ServiceUnavailableException", 503, false);
export const ThrottlingException = exception("ThrottlingException", 429, true);
export const ValidationException = exception("ValidationException", 400);

const BY_KIND: Record<ErrorKind, Made> = {
  denied: AccessDeniedException,
  "budget-exhausted": ServiceQuotaExceededException,
  invalid: ValidationException,
  "context-too-long": ValidationException,
  throttled: ThrottlingException,
  timeout: ModelTimeoutException,
  unavailable: ServiceUnavailableException,
};

/** Frameworks know a conversation that is too long by these words of Bedrock's. */
const TOO_LONG = "Input is too long for requested model";

/** The exception that Bedrock itself would have answered with. */
export function exceptionOf(error: ModelError): BedrockRuntimeServiceException {
  const isTooLong = error.kind === "context-too-long" && !error.reason.includes(TOO_LONG);
  const message = isTooLong ? `${TOO_LONG}: ${error.reason}` : error.reason;
  const exception = new BY_KIND[error.kind]({ message });
  exception.cause = error;
  return exception;
}
