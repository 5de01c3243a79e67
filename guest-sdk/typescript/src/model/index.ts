// Models, reached through the host: the agent holds no key, and every call is checked against its grant and its budget.

import * as host from "kellion:agent/model@0.1.0";

import { ours } from "../body";
import { needHost } from "../host";
import { calling } from "./error";
import { ModelStream } from "./stream";
import type { Request, Response } from "./types";
import { responseFromHost, toHost } from "./wire";

export { type ErrorKind, ModelError } from "./error";
export { ModelStream } from "./stream";
export * from "./types";

/** One answer, whole. Waits for the provider. */
export function converse(request: Request): Response {
  needHost("asking a model");
  return responseFromHost(calling(() => host.converse(toHost(request))));
}

/** One answer, as it is made. An error here means that nothing was said; later ones come from the stream. */
export function converseStream(request: Request): ModelStream {
  needHost("asking a model");
  return new ModelStream(calling(() => host.converseStream(toHost(request))));
}

/** The input tokens that a request would cost. */
export function countTokens(request: Request): number {
  needHost("asking a model");
  return Number(calling(() => host.countTokens(toHost(request))));
}

/** A model's own API, for what Converse does not cover, such as embeddings. Needs a grant of its own. */
export function invokeModel(model: string, body: Uint8Array | string): Uint8Array {
  needHost("asking a model");
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return ours(calling(() => host.invokeModel(model, bytes)));
}
