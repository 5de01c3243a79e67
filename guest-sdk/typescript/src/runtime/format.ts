// Values as a developer reads them in a log.

const MAX_DEPTH = 4;
const MAX_ITEMS = 100;

/** The arguments of `console.log` as one text, with its `%s` placeholders. */
export function format(values: readonly unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== "string" || rest.length === 0 || !first.includes("%")) return values.map(show).join(" ");
  const text = first.replace(/%[sdifjoOc%]/g, (placeholder) => {
    if (placeholder === "%%") return "%";
    if (rest.length === 0) return placeholder;
    return fill(placeholder, rest.shift());
  });
  return [text, ...rest.map(show)].join(" ");
}

function fill(placeholder: string, value: unknown): string {
  switch (placeholder) {
    case "%d":
      return typeof value === "bigint" ? String(value) : String(Number(value));
    case "%i":
      return String(Math.trunc(Number(value)));
    case "%f":
      return String(Number(value));
    case "%c":
      return "";
    case "%s":
      return typeof value === "object" ? inspect(value) : String(value);
    default:
      return inspect(value);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

/** A value as one would write it down. Never fails. */
export function inspect(value: unknown, depth = 0, seen: readonly object[] = []): string {
  try {
    return inspectUnguarded(value, depth, seen);
  } catch {
    return "[not to be shown]";
  }
}

function inspectUnguarded(value: unknown, depth: number, seen: readonly object[]): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name || "without a name"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (seen.includes(value)) return "[circular]";
  if (value instanceof Error) return trace(value, depth, seen);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? "[…]" : "{…}";
  const inside = (item: unknown): string => inspect(item, depth + 1, [...seen, value]);
  return inspectItems(value, inside);
}

function inspectItems(value: object, inside: (item: unknown) => string): string {
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name}(${value.byteLength} bytes)`;
  }
  if (Array.isArray(value)) return bracketed("[", value.map(inside), "]");
  if (value instanceof Set) return bracketed("Set {", [...value].map(inside), "}");
  if (value instanceof Map) {
    return bracketed("Map {", [...value].map(([key, item]) => `${inside(key)} => ${inside(item)}`), "}");
  }
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  const fields = Object.entries(value).map(([key, item]) => `${key}: ${inside(item)}`);
  return bracketed(name && name !== "Object" ? `${name} {` : "{", fields, "}");
}

function bracketed(opening: string, items: string[], closing: string): string {
  const shown = items.length > MAX_ITEMS ? [...items.slice(0, MAX_ITEMS), `${items.length - MAX_ITEMS} more`] : items;
  if (shown.length === 0) return opening + closing;
  const space = closing === "}" ? " " : "";
  return `${opening}${space}${shown.join(", ")}${space}${closing}`;
}

/** An error with its stack and its causes. */
function trace(error: Error, depth: number, seen: readonly object[]): string {
  const said = `${error.name}: ${error.message}`;
  // Some engines' stacks begin with the message, some do not.
  const stack = (error.stack ?? "").replace(said, "").trim().split("\n").filter(Boolean);
  const lines = [said, ...stack.map((line) => `    ${line.trim()}`)];
  if (error.cause !== undefined && depth < MAX_DEPTH) {
    lines.push(`caused by ${inspect(error.cause, depth + 1, [...seen, error])}`);
  }
  return lines.join("\n");
}
