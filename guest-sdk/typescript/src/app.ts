// Where an agent's author says what the agent does.

import type { Payload } from "./body";
import type { Context } from "./context";
import { InvalidPayload } from "./errors";
import { type Infer, type InputSchema, shapeOf } from "./tool/schema";

/** What an agent does in one turn. Its result is the answer, as JSON; a generator's items are sent as they come, each as
 * one server-sent event; a `Body` or bytes go out as they are. */
export type Handler<P = any> = (payload: P, context: Context) => unknown;

/** A handler that reads the payload itself. */
export type RawHandler = (payload: Uint8Array, context: Context) => unknown;

/** How payloads are read and handled. */
export type Entrypoint = { kind: "read"; handle: Handler<Payload> } | { kind: "raw"; handle: RawHandler };

let entrypoint: Entrypoint | undefined;

/** The agent of this component. */
export class App {
  /** Makes a function the agent. With a schema, a payload that does not fit is refused before the function is called. */
  entrypoint<P = any>(handler: Handler<P>): Handler<P>;
  entrypoint<S extends InputSchema>(payload: S, handler: Handler<Infer<S>>): Handler<Infer<S>>;
  entrypoint(first: Handler | InputSchema, second?: Handler): Handler {
    const handler = second ?? (first as Handler);
    if (typeof handler !== "function") {
      throw new TypeError("app.entrypoint takes a function: app.entrypoint(async (payload, context) => …)");
    }
    if (entrypoint) throw new Error("app.entrypoint was called twice; an agent has one entrypoint");
    const handle = second ? fitting(first as InputSchema, handler) : handler;
    register({ kind: "read", handle });
    return handler;
  }
}

/** The agent: `app.entrypoint(async (payload, context) => …)`. */
export const app = new App();

/** Sets what is called in a turn. */
export function register(registered: Entrypoint): void {
  entrypoint = registered;
}

/** What is called in a turn. */
export function registered(): Entrypoint | undefined {
  return entrypoint;
}

function fitting(schema: InputSchema, handler: Handler): Handler<Payload> {
  const shape = shapeOf(schema);
  return async (payload, context) => {
    const fit = await shape.read(payload);
    if ("problem" in fit) throw new InvalidPayload(`payload does not fit: ${fit.problem}`);
    return handler(fit.value, context);
  };
}
