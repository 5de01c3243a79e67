// A web server of the agent's own: the host calls it, once for each turn.

import { register } from "../../app";
import type { Context } from "../../context";
import { EventEmitter } from "../../node/events";
import { IncomingMessage, ServerResponse } from "./message";

/** Handles one request. */
export type Listener = (request: any, response: any) => unknown;

/** Listens nowhere: `listen` makes it the agent's entrypoint. */
export class Server extends EventEmitter {
  listening = false;
  #port = 8080;

  constructor(listener?: Listener) {
    super();
    if (listener) this.on("request", listener);
  }

  listen(...values: unknown[]): this {
    const [first] = values;
    this.#port = Number((first as { port?: unknown } | undefined)?.port ?? first) || 8080;
    this.listening = true;
    register({ kind: "raw", handle: (payload, context) => this.#answer(payload, context) });
    const told = values.findLast((value) => typeof value === "function") as (() => void) | undefined;
    queueMicrotask(() => {
      told?.call(this);
      this.emit("listening");
    });
    return this;
  }

  address(): object {
    return { address: "0.0.0.0", family: "IPv4", port: this.#port };
  }

  close(told?: () => void): this {
    if (told) queueMicrotask(told);
    return this;
  }

  setTimeout(): this {
    return this;
  }

  #answer(payload: Uint8Array, context: Context): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = new IncomingMessage(payload, context);
      const response = new ServerResponse({ answer: resolve, fail: reject });
      response.once("close", () => request.emit("close"));
      for (const listener of this.listeners("request") as Listener[]) {
        (async () => listener(request, response))().catch(reject);
      }
    });
  }
}
