// `console` writes into the session's log, at the level that its methods' names say.

import { type Level, write } from "../log";
import { format, inspect } from "./format";

const counts = new Map<string, number>();
const timers = new Map<string, number>();
let indent = "";

function at(level: Level): (...values: unknown[]) => void {
  return (...values) => write(level, indent + format(values));
}

function table(rows: unknown): void {
  if (typeof rows !== "object" || rows === null) return at("info")(rows);
  for (const [name, row] of Object.entries(rows)) at("info")(`${name}: ${inspect(row)}`);
}

/** Puts it in the place of the engine's own. */
export function installConsole(): void {
  const info = at("info");
  const group = (...values: unknown[]): void => {
    if (values.length > 0) info(...values);
    indent += "  ";
  };
  const own = {
    debug: at("debug"),
    log: info,
    info,
    warn: at("warn"),
    error: at("error"),
    trace: (...values: unknown[]) => write("debug", format(values), new Error("trace").stack ?? ""),
    dir: (value: unknown) => info(inspect(value)),
    dirxml: info,
    table,
    assert: (condition: unknown, ...values: unknown[]) => {
      if (!condition) at("error")("Assertion failed:", ...values);
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(2);
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      info(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = "default") => counts.delete(label),
    time: (label = "default") => timers.set(label, Date.now()),
    timeLog: (label = "default", ...values: unknown[]) => {
      info(`${label}: ${Date.now() - (timers.get(label) ?? Date.now())} ms`, ...values);
    },
    timeEnd: (label = "default") => {
      info(`${label}: ${Date.now() - (timers.get(label) ?? Date.now())} ms`);
      timers.delete(label);
    },
    clear: () => {},
  };
  Object.defineProperty(globalThis, "console", { value: own, writable: true, configurable: true });
}
