// The session's log: found by session and by request, never shown to callers. `console` writes here too.

import { write as hostWrite, type Level } from "kellion:agent/log@0.1.0";

import { isLive } from "./host";
import { format } from "./runtime/format";

export type { Level };

const builder = globalThis.console;

/** Writes one entry. While the agent is built, it is said to the one who builds it. */
export function write(level: Level, ...values: unknown[]): void {
  if (isLive()) hostWrite(level, format(values));
  else builder[level === "error" ? "error" : "log"](format(values));
}

/** Logs at debug level. */
export function debug(...values: unknown[]): void {
  write("debug", ...values);
}

/** Logs at info level. */
export function info(...values: unknown[]): void {
  write("info", ...values);
}

/** Logs at warn level. */
export function warn(...values: unknown[]): void {
  write("warn", ...values);
}

/** Logs at error level. */
export function error(...values: unknown[]): void {
  write("error", ...values);
}
