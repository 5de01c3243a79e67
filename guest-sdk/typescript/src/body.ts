// From the payload's bytes to a value, and from the handler's value to the answer's bytes.

import type { Context } from "./context";
import { InvalidPayload } from "./errors";
import { JsonError, type Json, parse, stringify } from "./json";
import { said, setContentType } from "./response";

const encoder = new TextEncoder();

/** Bytes and their content type, as an answer. */
export class Body {
  readonly bytes: Uint8Array;

  constructor(
    content: string | Uint8Array,
    /** What the caller is told. */
    readonly contentType = typeof content === "string" ? "text/plain; charset=utf-8" : "application/octet-stream",
  ) {
    this.bytes = typeof content === "string" ? encoder.encode(content) : content;
  }
}

/** What a handler is given: JSON, or the bytes of a payload whose content type is something else. */
export type Payload = Json | Uint8Array;

/** Bytes from the host. The code that lifts them has globals of its own, so theirs are no instances of our `Uint8Array`. */
export function ours(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads a payload. */
export function readPayload(bytes: Uint8Array, context: Context): Payload {
  if (!isJson(context.contentType)) return bytes;
  return readJson(bytes);
}

/** Reads a payload that must be JSON. */
export function readJson(bytes: Uint8Array): Json {
  try {
    return parse(readText(bytes));
  } catch (error) {
    if (error instanceof JsonError) throw new InvalidPayload(`payload ${error.message}`);
    throw error;
  }
}

/** Reads a payload that must be text. */
export function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InvalidPayload("payload is not text: it is not valid UTF-8");
  }
}

/** Whether a content type says JSON. Nothing said is JSON, too. */
export function isJson(contentType: string | undefined): boolean {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "" || type === "application/json" || type === "text/json" || type.endsWith("+json");
}

/** Writes an answer. */
export function writeAnswer(answer: unknown): Uint8Array {
  if (answer instanceof Body) {
    setContentType(answer.contentType);
    return answer.bytes;
  }
  const { contentType, written } = said();
  if (answer instanceof Uint8Array) {
    if (contentType === undefined) setContentType("application/octet-stream");
    return answer;
  }
  if (answer === undefined && written) return new Uint8Array(0);
  if (typeof answer === "string" && contentType !== undefined && !isJson(contentType)) return encoder.encode(answer);
  return encoder.encode(stringify(answer));
}
