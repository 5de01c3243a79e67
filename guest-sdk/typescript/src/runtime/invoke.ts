// From the component's export to the author's code and back.

import { type Entrypoint, registered } from "../app";
import { ours, readPayload, writeAnswer } from "../body";
import { Context, type HostContext } from "../context";
import { InvalidPayload, messageOf } from "../errors";
import { goLive } from "../host";
import * as log from "../log";
import { closeStreams } from "../model/stream";
import { begin, said, sendEvent, setContentType } from "../response";
import { flushPrints } from "./process";
import { clearTimers, settled } from "./timers";

/** How a turn fails, as the contract has it. Anything else that were thrown would end the session's instance. */
type Failure = { tag: "invalid-payload" | "failed"; val: string };

/** One turn. */
export async function invoke(payload: Uint8Array, hostContext: HostContext): Promise<Uint8Array> {
  goLive();
  begin();
  try {
    const answer = turn(ours(payload), new Context(hostContext));
    return answer instanceof Uint8Array ? answer : await settled(answer);
  } catch (error) {
    throw failure(error);
  } finally {
    // Nothing runs between two turns, and an open handle would keep the session from resting.
    closeStreams();
    clearTimers();
    flushPrints();
  }
}

function turn(payload: Uint8Array, context: Context): Uint8Array | Promise<Uint8Array> {
  const entrypoint = registered();
  if (!entrypoint) throw new Error("no entrypoint is registered: call app.entrypoint(…) at module level");
  const answer = handle(entrypoint, payload, context);
  if (isThenable(answer)) return Promise.resolve(answer).then(answered);
  return answered(answer);
}

function handle(entrypoint: Entrypoint, payload: Uint8Array, context: Context): unknown {
  if (entrypoint.kind === "raw") return entrypoint.handle(payload, context);
  return entrypoint.handle(readPayload(payload, context), context);
}

function answered(answer: unknown): Uint8Array | Promise<Uint8Array> {
  return isGenerator(answer) ? pump(answer) : writeAnswer(answer);
}

/** Sends a generator's items, and takes no more of them once the caller has gone. */
async function pump(items: AsyncIterable<unknown> | Iterable<unknown>): Promise<Uint8Array> {
  if (said().contentType === undefined) setContentType("text/event-stream");
  for await (const item of items) if (!sendEvent(item)) break;
  return new Uint8Array(0);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Generators and streams; an array or a map is an answer. */
function isGenerator(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== "object" || value === null) return false;
  if (Symbol.asyncIterator in value) return true;
  return Symbol.iterator in value && typeof (value as { next?: unknown }).next === "function";
}

function failure(error: unknown): Failure {
  if (error instanceof InvalidPayload) return { tag: "invalid-payload", val: error.message };
  // The caller reads the message; where it came from is for the log.
  log.error(error);
  return { tag: "failed", val: messageOf(error) };
}

/** Checks at the end of the build that the agent says what it does. */
export function checkEntrypoint(file: string): void {
  if (registered()) return;
  throw new Error(
    `${file} registers no entrypoint: call app.entrypoint(async (payload, context) => …) with the app of "kellion", or make ` +
      `a BedrockAgentCoreApp, at module level`,
  );
}
