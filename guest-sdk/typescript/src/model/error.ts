import type * as host from "kellion:agent/model@0.1.0";

import type { Usage } from "./types";
import { usageFromHost } from "./wire";

/** What kind of failure a model call met. */
export type ErrorKind = host.ErrorKind;

const MEANING: Record<ErrorKind, string> = {
  denied: "the model call is not allowed",
  "budget-exhausted": "the model budget is used up",
  invalid: "the model request is not valid",
  "context-too-long": "the conversation is too long for the model",
  throttled: "the model is throttled",
  timeout: "the model took too long",
  unavailable: "the model is unavailable",
};

/** A model call that failed. */
export class ModelError extends Error {
  override name = "ModelError";

  constructor(
    /** What to do about it depends on this. */
    readonly kind: ErrorKind,
    /** The host's or the provider's words. */
    readonly reason: string,
    /** When another attempt may succeed, if that is known. */
    readonly retryAfterMs?: number,
    /** What was billed all the same. */
    readonly usage?: Usage,
  ) {
    super(`${MEANING[kind]}: ${reason}`);
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return this.kind === "throttled" || this.kind === "timeout" || this.kind === "unavailable";
  }
}

/** Calls the host, whose errors become `ModelError`s. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    const error = ((thrown as { payload?: unknown } | null)?.payload ?? thrown) as Partial<host.Error> | null;
    if (!error || typeof error.kind !== "string" || !Object.hasOwn(MEANING, error.kind)) throw thrown;
    const { retryAfterMs, usage } = error;
    throw new ModelError(
      error.kind,
      String(error.message),
      retryAfterMs === undefined ? undefined : Number(retryAfterMs),
      usage && usageFromHost(usage),
    );
  }
}
