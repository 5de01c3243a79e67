import { messageOf } from "../errors";
import { stringify } from "../json";
import type { ToolOutput, ToolSpec } from "../model";
import { type Infer, type InputSchema, type JsonSchema, schema, type Shape, shapeOf } from "./schema";

/** Stands where there is nothing: providers refuse a text that is empty or blank. */
export const PLACEHOLDER = "(nothing)";

/** A function that a model may call, with what tells the model about it. */
export interface Tool {
  readonly name: string;
  /** What the model is told. */
  readonly spec: ToolSpec;
  /** Runs the function on an input that a model wrote. What goes wrong is told to the model. */
  run(input: unknown): Promise<{ output: ToolOutput; isError: boolean }>;
}

/** Makes a tool of a function. */
export interface ToolOptions<S extends InputSchema> {
  name: string;
  description: string;
  /** Of an object: made by `schema.object`, by zod, or written as a JSON schema. None: the tool needs no input. */
  input?: S;
  /** A string that it returns reaches the model as text, an object as JSON; so does the message of what it throws. */
  run(input: Infer<S>): unknown;
}

/** Makes a function a tool:
 * `tool({ name, description, input: schema.object({ city: schema.string() }), run: ({ city }) => … })`. */
export function tool<S extends InputSchema = JsonSchema>(options: ToolOptions<S>): Tool {
  const { name, description, run } = options;
  if (typeof name !== "string" || typeof run !== "function") {
    throw new TypeError("tool takes { name, description, input?, run }");
  }
  const shape = shapeOf(options.input ?? schema.object({}));
  return {
    name,
    spec: { name, description, inputSchema: objectSchema(name, shape) },
    async run(input) {
      try {
        const fit = await shape.read(input);
        if ("problem" in fit) return failure(`input does not fit: ${fit.problem}`);
        return { output: toOutput(await run(fit.value)), isError: false };
      } catch (error) {
        return failure(messageOf(error));
      }
    },
  };
}

function objectSchema(name: string, shape: Shape): JsonSchema {
  const json = shape.json();
  if (json["type"] !== "object") {
    throw new TypeError(`the input of the tool ${name} must be an object: providers take nothing else`);
  }
  // Some providers want the properties even when there are none.
  return { properties: {}, ...json };
}

function failure(message: string): { output: ToolOutput; isError: boolean } {
  return { output: text(message), isError: true };
}

function toOutput(value: unknown): ToolOutput {
  if (value === undefined) return text("");
  if (typeof value === "string") return text(value);
  // Bedrock refuses JSON results that are no objects.
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? { type: "json", json: value } : text(stringify(value));
}

function text(content: string): ToolOutput {
  return { type: "text", text: content.trim() === "" ? PLACEHOLDER : content };
}
