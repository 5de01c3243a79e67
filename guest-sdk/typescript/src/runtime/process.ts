// A stand-in for Node's `process`: the environment, prints, and what packages look at in passing.

import { type Level, write } from "../log";
import * as session from "../session";
import { abort } from "./absent";

/** What has been printed without a line's end, by level. */
const partial = new Map<Level, string>();

function print(level: Level, text: string): void {
  const lines = ((partial.get(level) ?? "") + text).split("\n");
  partial.set(level, lines.pop() ?? "");
  if (lines.length > 0) write(level, lines.join("\n"));
}

/** Writes what was printed without a line's end: the turn is over. */
export function flushPrints(): void {
  for (const [level, text] of partial) if (text !== "") write(level, text);
  partial.clear();
}

function output(level: Level, fd: number): object {
  return {
    fd,
    isTTY: false,
    columns: 80,
    write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
      print(level, typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk));
      const done = rest.at(-1);
      if (typeof done === "function") queueMicrotask(() => done());
      return true;
    },
    on: nothing,
    once: nothing,
    end: nothing,
  };
}

/** Changes of the agent's own, over its configuration. */
const changes = new Map<string, string | undefined>();

function variable(name: string): string | undefined {
  return changes.has(name) ? changes.get(name) : session.config(name);
}

const env: Record<string, string | undefined> = new Proxy(Object.create(null), {
  get: (_, name) => (typeof name === "string" ? variable(name) : undefined),
  has: (_, name) => typeof name === "string" && variable(name) !== undefined,
  set(_, name, value) {
    changes.set(String(name), String(value));
    return true;
  },
  deleteProperty(_, name) {
    changes.set(String(name), undefined);
    return true;
  },
  // The host answers for a name, and keeps the list of names to itself.
  ownKeys: () => [...changes].filter(([, value]) => value !== undefined).map(([name]) => name),
  getOwnPropertyDescriptor(_, name) {
    const value = typeof name === "string" ? variable(name) : undefined;
    return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true };
  },
});

function nothing(): void {}

function hrtime(since?: [number, number]): [number, number] {
  const now = performance.now();
  const [seconds, nanoseconds] = [Math.floor(now / 1000), Math.floor((now % 1000) * 1e6)];
  if (!since) return [seconds, nanoseconds];
  const difference = (seconds - since[0]) * 1e9 + nanoseconds - since[1];
  return [Math.floor(difference / 1e9), difference % 1e9];
}
hrtime.bigint = (): bigint => BigInt(Math.floor(performance.now() * 1e6));

/** The stand-in. It names no version of Node, so that packages do not take this for one. */
export const process = {
  env,
  argv: ["agent"] as string[],
  execArgv: [] as string[],
  pid: 1,
  platform: "wasi",
  arch: "wasm32",
  version: "",
  versions: {} as Record<string, string>,
  release: {},
  stdout: output("info", 1),
  stderr: output("warn", 2),
  cwd: () => "/",
  nextTick: (task: (...values: unknown[]) => void, ...values: unknown[]) => queueMicrotask(() => task(...values)),
  hrtime,
  uptime: () => performance.now() / 1000,
  memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
  emitWarning: (warning: unknown) => write("warn", warning),
  abort,
  exit(code = 0): never {
    throw new Error(`process.exit(${code}) was called; an agent ends its turn by returning or throwing`);
  },
  on: nothing,
  once: nothing,
  off: nothing,
  addListener: nothing,
  removeListener: nothing,
  removeAllListeners: nothing,
  emit: () => false,
  listeners: () => [] as unknown[],
};
