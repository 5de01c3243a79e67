// What an input looks like: built here, by zod, or written as a JSON schema.

import { check, type JsonSchema } from "./validate";

export type { JsonSchema };

/** What a value has to look like. Made by `schema`. */
export class Schema<T> {
  /** Only the type checker reads this. */
  declare readonly type: T;

  constructor(
    readonly json: JsonSchema,
    readonly isOptional = false,
  ) {}

  /** Tells the model what this is for. */
  describe(description: string): this {
    return new Schema<T>({ ...this.json, description }, this.isOptional) as this;
  }

  /** It may be left out. */
  optional(): Schema<T | undefined> {
    return new Schema<T | undefined>(this.json, true);
  }
}

type Fields = Record<string, Schema<any>>;
type IsAny<T> = 0 extends 1 & T ? true : false;
type IsOptional<T> = IsAny<T> extends true ? false : undefined extends T ? true : false;
type OptionalNames<F extends Fields> = { [K in keyof F]: IsOptional<F[K]["type"]> extends true ? K : never }[keyof F];
type Values<F extends Fields> = { [K in Exclude<keyof F, OptionalNames<F>>]: F[K]["type"] } & {
  [K in OptionalNames<F>]?: F[K]["type"];
};

function plain<T>(type: string): (description?: string) => Schema<T> {
  return (description) => new Schema<T>({ type, ...(description !== undefined && { description }) });
}

/** Builds schemas: `schema.object({ city: schema.string("Its name in English.") })`. */
export const schema = {
  string: plain<string>("string"),
  number: plain<number>("number"),
  integer: plain<number>("integer"),
  boolean: plain<boolean>("boolean"),

  /** Whatever JSON there is. */
  any: (description?: string) => new Schema<any>(description === undefined ? {} : { description }),

  /** One of a few texts. */
  oneOf<const T extends readonly string[]>(values: T, description?: string): Schema<T[number]> {
    return new Schema<T[number]>({ type: "string", enum: values, ...(description !== undefined && { description }) });
  },

  array<T>(items: Schema<T>, description?: string): Schema<T[]> {
    return new Schema<T[]>({ type: "array", items: items.json, ...(description !== undefined && { description }) });
  },

  object<F extends Fields>(fields: F, description?: string): Schema<Values<F>> {
    const properties = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.json]));
    const required = Object.keys(fields).filter((name) => !fields[name]?.isOptional);
    return new Schema<Values<F>>({
      type: "object",
      properties,
      ...(required.length > 0 && { required }),
      ...(description !== undefined && { description }),
    });
  },
};

/** A schema of zod 4, or of another library that follows the Standard Schema convention and writes JSON schemas. */
export interface StandardSchema<T = unknown> {
  "~standard": {
    validate(value: unknown): StandardResult<T> | Promise<StandardResult<T>>;
    types?: { output: T } | undefined;
  };
}

interface StandardResult<T> {
  value?: T;
  issues?: readonly StandardIssue[] | undefined;
}

interface StandardIssue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}

/** Every kind of schema that is taken. */
export type InputSchema = Schema<any> | StandardSchema<any> | JsonSchema;

/** The type of the values that fit a schema. */
export type Infer<S> =
  S extends Schema<infer T> ? T : S extends { "~standard": { types?: { output: infer T } | undefined } } ? T : any;

/** A schema, ready for use. */
export interface Shape {
  json(): JsonSchema;
  read(value: unknown): Fit | Promise<Fit>;
}

/** The value as the schema reads it, or why it does not fit. */
export type Fit = { value: any } | { problem: string };

/** Makes any kind of schema ready for use. */
export function shapeOf(input: InputSchema): Shape {
  if (input instanceof Schema) return jsonShape(input.json);
  if (typeof input !== "object" && typeof input !== "function") {
    throw new TypeError("a schema is made by schema.object({ … }), by zod, or is a JSON schema");
  }
  if ("~standard" in input) return standardShape(input as StandardSchema);
  return jsonShape(input as JsonSchema);
}

function jsonShape(json: JsonSchema): Shape {
  return {
    json: () => json,
    read(value) {
      const problem = check(json, value);
      return problem === undefined ? { value } : { problem };
    },
  };
}

function standardShape(library: StandardSchema): Shape {
  return {
    json: () => jsonOf(library),
    async read(value) {
      const result = await library["~standard"].validate(value);
      if (!result.issues) return { value: result.value };
      return { problem: result.issues.map(issueText).join("; ") };
    },
  };
}

function issueText({ message, path = [] }: StandardIssue): string {
  const names = path.map((part) => String(typeof part === "object" ? part.key : part));
  return names.length > 0 ? `\`${names.join(".")}\`: ${message}` : message;
}

function jsonOf(library: StandardSchema): JsonSchema {
  const own = library as { toJSONSchema?: () => JsonSchema };
  const standard = library["~standard"] as { jsonSchema?: { input(options: { target: string }): JsonSchema } };
  const json = own.toJSONSchema?.() ?? standard.jsonSchema?.input({ target: "draft-2020-12" });
  if (!json) throw new TypeError("this schema cannot be written as a JSON schema; zod can since its version 4.1");
  // The dialect is no part of the input.
  const { $schema: _, ...rest } = json;
  return rest;
}
