// A turn as an HTTP request and its response, for agents that bring a web server of their own.

import { ours, Body } from "../../body";
import type { Context } from "../../context";
import { InvalidPayload } from "../../errors";
import { Buffer } from "../../node/buffer";
import { EventEmitter } from "../../node/events";
import { setContentType, write } from "../../response";

const PREFIX = "x-amzn-bedrock-agentcore-runtime-";
const encoder = new TextEncoder();

/** What AgentCore sends to a container: `POST /invocations`. */
export class IncomingMessage extends EventEmitter {
  [member: string]: any;
  method = "POST";
  url = "/invocations";
  httpVersion = "1.1";
  complete = true;
  readonly headers: Record<string, string>;
  readonly socket = { remoteAddress: "127.0.0.1", encrypted: false, setTimeout() {}, setNoDelay() {}, setKeepAlive() {} };
  readonly payload: Buffer;
  #asText = false;
  #flows = false;

  constructor(payload: Uint8Array, context: Context) {
    super();
    this.payload = Buffer.from(payload);
    this.headers = headersOf(payload, context);
  }

  setEncoding(): this {
    this.#asText = true;
    return this;
  }

  /** The payload flows as soon as somebody listens. */
  override on(event: PropertyKey, listener: (...values: any[]) => void): this {
    super.on(event, listener);
    if (event === "data" || event === "end") this.resume();
    return this;
  }

  resume(): this {
    if (this.#flows) return this;
    this.#flows = true;
    queueMicrotask(() => {
      if (this.payload.length > 0) this.emit("data", this.#chunk());
      this.emit("end");
    });
    return this;
  }

  pause(): this {
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    this.#flows = true;
    if (this.payload.length > 0) yield this.#chunk();
  }

  #chunk(): string | Buffer {
    return this.#asText ? this.payload.toString() : this.payload;
  }
}

function headersOf(payload: Uint8Array, context: Context): Record<string, string> {
  const own: [string, string | undefined][] = [
    ["host", "localhost:8080"],
    ["content-type", context.contentType ?? "application/json"],
    ["content-length", String(payload.length)],
    ["accept", context.accept],
    ["traceparent", context.traceparent],
    [`${PREFIX}session-id`, context.sessionId],
    [`${PREFIX}request-id`, context.requestId],
    [`${PREFIX}user-id`, context.userId],
  ];
  const passed = context.headers.map(({ name, value }) => [name.toLowerCase(), value] as const);
  return Object.fromEntries([...passed, ...own.filter((header): header is [string, string] => header[1] !== undefined)]);
}

type Chunk = string | Uint8Array | (() => void) | null | undefined;

/** What the agent answers: pieces go out as they are written; one with a status from 400 on fails the turn. */
export class ServerResponse extends EventEmitter {
  [member: string]: any;
  statusCode = 200;
  statusMessage = "";
  headersSent = false;
  writableEnded = false;
  /** The caller has gone. */
  destroyed = false;
  #headers = new Map<string, string>();
  #refusal = "";

  constructor(readonly done: { answer(body: Body | Uint8Array): void; fail(error: Error): void }) {
    super();
  }

  setHeader(name: string, value: unknown): this {
    this.#headers.set(name.toLowerCase(), String(value));
    return this;
  }
  getHeader(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase());
  }
  getHeaders(): Record<string, string> {
    return Object.fromEntries(this.#headers);
  }
  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }
  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  writeHead(status: number, ...rest: unknown[]): this {
    this.statusCode = status;
    const headers = rest.find((value) => typeof value === "object" && value !== null) ?? {};
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value);
    return this;
  }

  flushHeaders(): void {
    if (this.headersSent || this.#refuses()) return;
    this.headersSent = true;
    setContentType(this.getHeader("content-type") ?? "text/plain; charset=utf-8");
  }

  write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    if (this.#refuses()) this.#refusal += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    else if (!this.destroyed) {
      this.flushHeaders();
      if (!write(typeof chunk === "string" ? chunk : ours(chunk))) this.#close();
    }
    callBack(rest);
    return true;
  }

  end(chunk?: Chunk, ...rest: unknown[]): this {
    if (this.writableEnded) return this;
    const last = typeof chunk === "function" ? undefined : (chunk ?? undefined);
    this.writableEnded = true;
    if (this.#refuses()) {
      if (last !== undefined) this.write(last);
      this.done.fail(this.#error());
    } else if (this.headersSent) {
      if (last !== undefined && last.length > 0) this.write(last);
      this.done.answer(new Uint8Array(0));
    } else {
      this.headersSent = true;
      const bytes = typeof last === "string" ? encoder.encode(last) : (last ?? new Uint8Array(0));
      this.done.answer(new Body(bytes, this.getHeader("content-type") ?? "text/plain; charset=utf-8"));
    }
    callBack([chunk, ...rest]);
    this.emit("finish");
    this.#close();
    return this;
  }

  #refuses(): boolean {
    return !this.headersSent && this.statusCode >= 400;
  }

  #error(): Error {
    const message = `the agent answered with status ${this.statusCode}${this.#refusal && `: ${this.#refusal}`}`;
    return this.statusCode < 500 ? new InvalidPayload(message) : new Error(message);
  }

  #close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }
}

function callBack(values: unknown[]): void {
  const done = values.findLast((value) => typeof value === "function") as (() => void) | undefined;
  if (done) queueMicrotask(done);
}
