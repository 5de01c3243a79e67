// A host that records what it is told and answers by script.

import type { Content, Error as HostError, Event, Request, Response } from "kellion:agent/model@0.1.0";

export interface Entry {
  level: string;
  message: string;
}

/** What has happened, and what is to happen. */
export const host = {
  log: [] as Entry[],
  config: new Map<string, string>(),
  contentType: undefined as string | undefined,
  written: [] as string[],
  /** How many more pieces the caller takes before they go. */
  patience: Number.POSITIVE_INFINITY,
  answers: [] as (Response | HostError)[],
  requests: [] as Request[],
  openStreams: 0,
};

/** Begins a test. */
export function reset(): void {
  Object.assign(host, {
    log: [],
    config: new Map(),
    contentType: undefined,
    written: [],
    patience: Number.POSITIVE_INFINITY,
    answers: [],
    requests: [],
    openStreams: 0,
  });
}

/** The next answer, or the failure that the script has. */
export function answer(request: Request): Response {
  // The agent goes on with its own messages; what was sent is what stood here.
  host.requests.push(structuredClone(request));
  const next = host.answers.shift() ?? { kind: "unavailable" as const, message: "the script has no more answers" };
  if ("kind" in next) throw Object.assign(new Error("a host's error"), { payload: next });
  return next;
}

/** The model says this. */
export function says(text: string): Response {
  return response([{ tag: "text", val: text }], "end-turn");
}

/** The model calls this tool. */
export function calls(name: string, input: unknown, id = "call-1"): Response {
  return response([{ tag: "tool-use", val: { id, name, input: JSON.stringify(input) } }], "tool-use");
}

export function response(content: Content[], tag: "end-turn" | "tool-use" | "max-tokens"): Response {
  return {
    content,
    stopReason: { tag },
    usage: { inputTokens: 10n, outputTokens: 5n, cacheReadTokens: 0n, cacheWriteTokens: 0n },
    latencyMs: 7n,
    model: "script",
  };
}

/** A response's pieces, a text word by word. */
export function pieces(response: Response): Event[] {
  const blocks = response.content.flatMap((block): Event[] => {
    if (block.tag === "tool-use") {
      const { id, name, input } = block.val;
      return [
        { tag: "block-start", val: { tag: "tool-use", val: { id, name } } },
        { tag: "delta", val: { tag: "tool-input", val: input } },
        { tag: "block-stop" },
      ];
    }
    const words = block.tag === "text" ? (block.val.match(/\S+\s*/g) ?? []) : [];
    return [
      { tag: "block-start", val: { tag: "text" } },
      ...words.map((val): Event => ({ tag: "delta", val: { tag: "text", val } })),
      { tag: "block-stop" },
    ];
  });
  return [...blocks, { tag: "done", val: response }];
}
