// Answering before the turn ends. A handler that is a generator needs none of this.

import * as host from "kellion:agent/response@0.1.0";

import { needHost } from "./host";
import { stringify } from "./json";
import type { ModelStream, Response } from "./model";

/** How a model's text is framed: as it is, or each piece as one server-sent event. */
export type Framing = host.Framing;

const encoder = new TextEncoder();
let contentType: string | undefined;
let written = false;

/** Says what the answer is, before the first `write`; otherwise `application/json`. */
export function setContentType(value: string): void {
  needHost("answering");
  contentType = value;
  host.setContentType(value);
}

/** Sends a piece to the caller now; what the handler returns comes after it. Waits while the caller is slow; false once
 * the caller has gone. */
export function write(chunk: string | Uint8Array): boolean {
  needHost("answering");
  written = true;
  return host.write(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
}

/** Sends one server-sent event: `data: ` and the item as JSON. False once the caller has gone. */
export function sendEvent(item: unknown): boolean {
  return write(`data: ${stringify(item)}\n\n`);
}

/** Sends a model's text to the caller as it comes, without a trip through the agent, and gives the whole response. */
export function forward(stream: ModelStream, framing: Framing = "sse"): Response {
  if (framing === "sse" && contentType === undefined) setContentType("text/event-stream");
  written = true;
  return stream.forward(framing);
}

/** A new turn has begun: nothing is said yet. */
export function begin(): void {
  contentType = undefined;
  written = false;
}

/** What this turn has said so far. */
export function said(): { contentType: string | undefined; written: boolean } {
  return { contentType, written };
}
