// An agent that does one thing on request, for the host's tests: `{"do": "echo", "value": 1}`.

import { app, Body, type Context, InvalidPayload, type Json, type Payload, session, setContentType, write } from "kellion";

import * as faults from "./faults";
import * as models from "./models";
import { print, randomHex, sleep } from "./surroundings";

let turns = 0;

app.entrypoint((payload: Payload, context) => {
  turns += 1;
  if (payload instanceof Uint8Array) return new Body(payload, context.contentType);
  return perform(new Fields(payload), context);
});

/** The fields of a payload, each of the kind that a deed needs. */
class Fields {
  readonly #fields: { [name: string]: Json };

  constructor(payload: Json) {
    if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
      throw new InvalidPayload("payload is no object");
    }
    this.#fields = payload;
  }

  any(name: string): Json {
    const value = this.#fields[name];
    if (value === undefined) throw new InvalidPayload(`missing field \`${name}\``);
    return value;
  }

  text(name: string): string {
    const value = this.any(name);
    if (typeof value !== "string") throw new InvalidPayload(`\`${name}\` is no text`);
    return value;
  }

  number(name: string): number {
    const value = this.any(name);
    if (typeof value !== "number") throw new InvalidPayload(`\`${name}\` is no number`);
    return value;
  }

  texts(name: string): string[] {
    const value = this.any(name);
    if (!Array.isArray(value)) throw new InvalidPayload(`\`${name}\` is no array`);
    return value.map(String);
  }

  optional(name: string): string | undefined {
    const value = this.#fields[name];
    return value === undefined || value === null ? undefined : this.text(name);
  }
}

function perform(fields: Fields, context: Context): unknown {
  const deed = fields.text("do");
  switch (deed) {
    case "echo":
      return fields.any("value");
    case "count":
      return turns;
    case "context":
      return told(context);
    case "config":
      return session.config(fields.text("name")) ?? null;
    case "remaining": {
      const { tokens = null, moneyMicros = null } = session.remaining();
      return { tokens, money_micros: moneyMicros };
    }
    case "stream":
      return numbers(fields.number("n"), fields.optional("message"));
    case "raw":
      return raw(fields.texts("chunks"), fields.text("rest"));
    case "large":
      return new Body("x".repeat(fields.number("bytes")), "application/octet-stream");
    case "print":
      return print(fields.text("message"));
    case "model":
      return models.ask(fields.text("prompt"), fields.optional("model"));
    case "model-stream":
      return models.stream(fields.text("prompt"), fields.optional("model"));
    case "model-hold":
      return models.hold(fields.text("prompt"), fields.optional("model"));
    case "agent":
      return models.agent.ask(fields.text("prompt")).then(({ text }) => text);
    case "fail":
      throw new Error(fields.text("message"));
    case "panic":
      return faults.panic();
    case "trap":
      return faults.trap();
    case "spin":
      return faults.spin();
    case "recurse":
      return faults.recurse(0);
    case "never":
      return new Promise(() => {});
    case "keep":
      return { kept_bytes: faults.keep(fields.number("kib")) };
    case "clock":
      return { now_ms: Date.now() };
    case "random":
      return randomHex(16);
    case "sleep":
      return sleep(fields.number("ms"));
    default:
      throw new InvalidPayload(`unknown deed \`${deed}\``);
  }
}

function told(context: Context): object {
  return {
    session_id: context.sessionId,
    request_id: context.requestId,
    turn: context.turn,
    agent_name: context.agentName,
    agent_version: context.agentVersion,
    endpoint: context.endpoint,
    tenant_id: context.tenantId,
    user_id: context.userId ?? null,
    headers: context.headers,
    content_type: context.contentType ?? null,
    accept: context.accept ?? null,
    deadline_ms: context.deadlineMs ?? null,
    traceparent: context.traceparent ?? null,
  };
}

function* numbers(n: number, message: string | undefined): Generator<number> {
  for (let item = 1; item <= n; item += 1) yield item;
  if (message !== undefined) throw new Error(message);
}

function raw(chunks: string[], rest: string): string {
  setContentType("text/plain");
  for (const chunk of chunks) write(chunk);
  return rest;
}
