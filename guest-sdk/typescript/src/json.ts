// JSON in and out. Integers that a number cannot hold exactly become bigints, and go out as they came in; nesting is
// bounded, so that a hostile payload cannot use up the stack of whoever walks through it.

/** How deep arrays and objects may nest. */
export const MAX_DEPTH = 128;

/** JSON of any shape, as this package reads it. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** Text is not JSON that can be taken, and why. Its message goes on from the thing's name: "payload is not JSON: …". */
export class JsonError extends Error {
  override name = "JsonError";
}

// Both are in the standard since 2025 and in the engine that agents run on; TypeScript does not know them yet.
interface Source {
  source?: string;
}
type ParseWithSource = (text: string, reviver: (key: string, value: unknown, context?: Source) => unknown) => unknown;
const parseWithSource = JSON.parse as ParseWithSource;
const rawJson = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

/** Reads JSON. */
export function parse(text: string): Json {
  if (text.trim() === "") throw new JsonError("is not JSON: it is empty");
  checkDepth(text);
  try {
    const value = JSON.parse(text) as Json;
    // Hardly any payload has such a number and needs a second look.
    return hasInexact(value) ? (parseWithSource(text, exact) as Json) : value;
  } catch (error) {
    throw new JsonError(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Whether there is an integer among the numbers that may have lost digits. */
function hasInexact(value: Json): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) ? value.some(hasInexact) : Object.values(value).some(hasInexact);
}

function exact(_key: string, value: unknown, context?: Source): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** Writes JSON: `undefined` is `null`, a bigint is an integer. */
export function stringify(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? "null";
  } catch (error) {
    if (error instanceof Error && /recursion|call stack/.test(error.message)) {
      throw new JsonError("cannot be written as JSON: it nests too deep");
    }
    throw error;
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return rawJson ? rawJson(String(value)) : Number(value);
}

function checkDepth(text: string): void {
  if (openings(text) <= MAX_DEPTH) return;
  let depth = 0;
  // A whole string at once, so that brackets inside do not count.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[\]{}]/gs)) {
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    if (depth > MAX_DEPTH) throw new JsonError(`nests more than ${MAX_DEPTH} deep`);
  }
}

/** How many arrays and objects begin in a text, counted only as far as it matters. */
function openings(text: string): number {
  let count = 0;
  for (const bracket of ["[", "{"]) {
    let at = text.indexOf(bracket);
    while (at >= 0 && count <= MAX_DEPTH) {
      count += 1;
      at = text.indexOf(bracket, at + 1);
    }
  }
  return count;
}
