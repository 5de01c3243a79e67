/** Stands in for `bedrock-agentcore/runtime`: the same app, whose server is the host. @module */

import { register } from "../app";
import { isJson, readJson, readText } from "../body";
import type { Context } from "../context";
import { InvalidPayload, messageOf } from "../errors";
import * as log from "../log";
import { setContentType, write } from "../response";
import { Logger } from "./logger";

/** What a handler is told beside the payload. */
export interface RequestContext {
  sessionId: string;
  headers: Record<string, string>;
  workloadAccessToken?: string | undefined;
  requestId?: string | undefined;
  oauth2CallbackUrl?: string | undefined;
  log: Logger;
}

interface ContentTypeParser {
  contentType: string | string[] | RegExp;
  parser: (request: object, body: any, done: (error: unknown, value?: unknown) => void) => unknown;
  parseAs?: "string" | "buffer" | "stream";
}

interface Params {
  invocationHandler: {
    process(request: any, context: RequestContext): unknown;
    requestSchema?: { parseAsync(value: unknown): Promise<unknown> };
  };
  websocketHandler?: unknown;
  pingHandler?: () => unknown;
  config?: { logging?: { enabled?: boolean }; contentTypeParsers?: ContentTypeParser[] };
}

const TOKEN_HEADER = "x-amz-bedrock-agentcore-identity-wat";
const CUSTOM_HEADER = "x-amzn-bedrock-agentcore-runtime-custom-";

/** Serves an agent. */
export class BedrockAgentCoreApp {
  readonly #params: Params;
  readonly #tasks = new Map<number, { name: string; startTime: number }>();
  #lastTask = 0;

  constructor(params: Params) {
    if (typeof params?.invocationHandler?.process !== "function") {
      throw new Error("BedrockAgentCoreApp takes { invocationHandler: { process: handler } }");
    }
    if (params.websocketHandler) log.warn("a websocketHandler is never called: Kellion has no WebSocket endpoint");
    this.#params = params;
  }

  /** The host serves; this says which app. */
  run(): void {
    register({ kind: "raw", handle: (payload, context) => this.#invoke(payload, context) });
  }

  /** Registers work that goes on; it lasts no longer than the turn. */
  addAsyncTask(name: string): number {
    this.#lastTask += 1;
    this.#tasks.set(this.#lastTask, { name, startTime: Date.now() });
    return this.#lastTask;
  }

  completeAsyncTask(id: number): boolean {
    return this.#tasks.delete(id);
  }

  asyncTask<T extends (...values: any[]) => Promise<unknown>>(task: T): T {
    return (async (...values: unknown[]) => {
      const id = this.addAsyncTask(task.name || "anonymous");
      try {
        return await task(...values);
      } finally {
        this.completeAsyncTask(id);
      }
    }) as T;
  }

  getAsyncTaskInfo(): { activeCount: number; runningJobs: { name: string; duration: number }[] } {
    const runningJobs = [...this.#tasks.values()].map(({ name, startTime }) => ({
      name,
      duration: (Date.now() - startTime) / 1000,
    }));
    return { activeCount: runningJobs.length, runningJobs };
  }

  getCurrentPingStatus(): "Healthy" | "HealthyBusy" {
    return this.#tasks.size > 0 ? "HealthyBusy" : "Healthy";
  }

  async #invoke(payload: Uint8Array, context: Context): Promise<unknown> {
    const request = await this.#validated(await this.#read(payload, context));
    const answer = await this.#params.invocationHandler.process(request, this.#requestContext(context));
    if (isAsyncGenerator(answer)) return pump(answer);
    if (typeof answer === "string") setContentType("text/plain; charset=utf-8");
    return answer === undefined ? new Uint8Array(0) : answer;
  }

  async #read(payload: Uint8Array, context: Context): Promise<unknown> {
    const type = context.contentType ?? "application/json";
    const own = this.#params.config?.contentTypeParsers?.find(({ contentType }) => matches(contentType, type));
    if (own) return parseWith(own, payload, context);
    // Numbers as they are in the real one, which knows no bigints.
    if (isJson(type)) return readJson(payload) && JSON.parse(new TextDecoder().decode(payload));
    if (type.startsWith("text/plain")) return readText(payload);
    throw new InvalidPayload(`Unsupported Media Type: ${type}`);
  }

  async #validated(request: unknown): Promise<unknown> {
    const { requestSchema } = this.#params.invocationHandler;
    if (!requestSchema) return request;
    try {
      return await requestSchema.parseAsync(request);
    } catch (error) {
      const issues: { path?: unknown[]; message?: string }[] | undefined = (error as { issues?: [] } | null)?.issues;
      if (!Array.isArray(issues)) throw error;
      const told = issues.map(({ path = [], message }) => `${path.join(".") || "body"}: ${message}`);
      throw new InvalidPayload(`Invalid request body format: ${told.join("; ")}`);
    }
  }

  #requestContext(context: Context): RequestContext {
    const passed = context.headers
      .map(({ name, value }) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name === "authorization" || name === TOKEN_HEADER || name.startsWith(CUSTOM_HEADER));
    return {
      sessionId: context.sessionId,
      headers: Object.fromEntries(passed),
      workloadAccessToken: context.header(TOKEN_HEADER) ?? context.header("workloadaccesstoken"),
      requestId: context.requestId,
      oauth2CallbackUrl: context.header("oauth2callbackurl"),
      log: new Logger(this.#params.config?.logging?.enabled !== false),
    };
  }
}

/** Reaches other agents over the network, which a cell does not have. */
export class RuntimeClient {
  constructor() {
    throw new Error("RuntimeClient is not available: an agent runs in a cell without a network");
  }
}

function matches(wanted: ContentTypeParser["contentType"], type: string): boolean {
  if (wanted instanceof RegExp) return wanted.test(type);
  return [wanted].flat().some((one) => one === "*" || type.toLowerCase().startsWith(one.toLowerCase()));
}

function parseWith({ parser, parseAs = "string" }: ContentTypeParser, payload: Uint8Array, context: Context): Promise<unknown> {
  if (parseAs === "stream") throw new Error("a content type parser that reads a stream is not available; use parseAs: 'buffer'");
  const body = parseAs === "string" ? readText(payload) : Buffer.from(payload);
  const headers = Object.fromEntries(context.headers.map(({ name, value }) => [name, value]));
  return new Promise((resolve, reject) => {
    const value = parser({ headers, body }, body, (error, parsed) => (error ? reject(error) : resolve(parsed)));
    if (value !== undefined) resolve(value);
  });
}

declare const Buffer: { from(bytes: Uint8Array): Uint8Array };

function isAsyncGenerator(value: unknown): value is AsyncGenerator<unknown> {
  const generator = value as Partial<AsyncGenerator> | null | undefined;
  return typeof generator === "object" && typeof generator?.next === "function" && Symbol.asyncIterator in generator;
}

/** Sends server-sent events in the form that the real app gives them, a failure at the end included. */
async function pump(chunks: AsyncGenerator<unknown>): Promise<Uint8Array> {
  setContentType("text/event-stream");
  try {
    for await (const chunk of chunks) if (!write(frame(chunk))) break;
  } catch (error) {
    log.error(error);
    write(frame({ event: "error", data: { error: messageOf(error) } }));
  }
  return new Uint8Array(0);
}

function frame(chunk: unknown): string {
  if (typeof chunk === "string") return `${lines(chunk)}\n`;
  if (chunk instanceof Uint8Array) return `${lines(new TextDecoder().decode(chunk))}\n`;
  const message = typeof chunk === "object" && chunk !== null && "data" in chunk ? chunk : { data: chunk };
  const { id, event, data, retry } = message as { id?: unknown; event?: unknown; data?: unknown; retry?: unknown };
  return [
    id ? `id: ${id}\n` : "",
    event ? `event: ${event}\n` : "",
    data === undefined ? "" : lines(JSON.stringify(data) ?? "null"),
    retry ? `retry: ${retry}\n` : "",
    "\n",
  ].join("");
}

function lines(text: string): string {
  return text.split("\n").map((line) => `data: ${line}\n`).join("");
}
