// The part of JSON Schema that tools' inputs are made of. Keywords beyond it are for the model alone.

/** A JSON schema. */
export type JsonSchema = { [keyword: string]: any };

/** Why a value does not fit a schema; undefined when it does. */
export function check(schema: JsonSchema, value: unknown, path = ""): string | undefined {
  const types: unknown[] = schema["type"] === undefined ? [] : [schema["type"]].flat();
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    return said(path, `expected ${types.map(article).join(" or ")}, found ${nameOf(value)}`);
  }
  if (Array.isArray(schema["enum"]) && !schema["enum"].includes(value)) {
    return said(path, `expected one of ${schema["enum"].map((one) => JSON.stringify(one)).join(", ")}`);
  }
  if (Array.isArray(value)) return checkItems(schema, value, path);
  if (isObject(value)) return checkFields(schema, value, path);
  return undefined;
}

function checkItems(schema: JsonSchema, value: unknown[], path: string): string | undefined {
  const { items } = schema;
  if (!isObject(items)) return undefined;
  return first(value, (item, index) => check(items, item, `${path}[${index}]`));
}

function checkFields(schema: JsonSchema, value: Record<string, unknown>, path: string): string | undefined {
  const missing = ((schema["required"] as string[] | undefined) ?? []).find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return said(path, `missing field \`${missing}\``);
  const properties: Record<string, JsonSchema> = schema["properties"] ?? {};
  return first(Object.entries(properties), ([name, field]) =>
    Object.hasOwn(value, name) ? check(field, value[name], path ? `${path}.${name}` : name) : undefined,
  );
}

function first<T>(items: T[], problemOf: (item: T, index: number) => string | undefined): string | undefined {
  for (const [index, item] of items.entries()) {
    const problem = problemOf(item, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isOf(type: unknown, value: unknown): boolean {
  switch (type) {
    case "integer":
      return typeof value === "bigint" || Number.isInteger(value);
    case "number":
      return typeof value === "number" || typeof value === "bigint";
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Record<string, any> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Uint8Array) return "bytes";
  return article(typeof value === "bigint" ? "integer" : typeof value);
}

function article(name: unknown): string {
  return name === "null" ? "null" : `${/^[aio]/.test(String(name)) ? "an" : "a"} ${String(name)}`;
}

function said(path: string, problem: string): string {
  return path ? `\`${path}\`: ${problem}` : problem;
}
