// What is said to models, and what they say. The meaning is that of the Bedrock Converse API.

import type { Json } from "../json";

/** An image, a video or a sound. */
export interface Media {
  /** A format name of the Converse API: "png", "jpeg", "mp4", "wav"… */
  format: string;
  bytes: Uint8Array;
}

export interface Document {
  name: string;
  /** "pdf", "csv", "md"… */
  format: string;
  bytes: Uint8Array;
  /** Told to the model beside the document. */
  context?: string;
  citations?: boolean;
}

/** A model's wish to have a tool called. */
export interface ToolUse {
  id: string;
  name: string;
  /** The text as it is, when it is not JSON. */
  input: Json;
}

export type ToolOutput =
  | { type: "text"; text: string }
  | { type: "json"; json: unknown }
  | ({ type: "image" } & Media)
  | ({ type: "document" } & Document)
  | ({ type: "video" } & Media);

export interface ToolResult {
  toolUseId: string;
  content: ToolOutput[];
  isError: boolean;
}

/** One block of a message. */
export type Content =
  | { type: "text"; text: string }
  | ({ type: "image" } & Media)
  | ({ type: "document" } & Document)
  | ({ type: "video" } & Media)
  | ({ type: "audio" } & Media)
  | ({ type: "tool-use" } & ToolUse)
  | ({ type: "tool-result" } & ToolResult)
  /** A signature is opaque, and goes back unchanged with the next request. */
  | { type: "reasoning"; text: string; signature?: string }
  | { type: "redacted-reasoning"; bytes: Uint8Array }
  /** Everything before it may be cached by the provider. */
  | { type: "cache-point" }
  /** A block that has no type here, as the provider's JSON. */
  | { type: "other"; json: unknown };

export interface Message {
  role: "user" | "assistant";
  content: Content[];
}

/** How a model answers; what is left out is the model's own choice. */
export interface Inference {
  maxTokens?: number;
  temperature?: number;
  topP?: number;
  stopSequences?: string[];
}

/** What a model is told of a tool. */
export interface ToolSpec {
  name: string;
  description?: string;
  /** A JSON schema. */
  inputSchema: unknown;
}

export type ToolChoice = "auto" | "any" | { tool: string };

export interface Guardrail {
  id: string;
  version: string;
}

/** One question to one model. */
export interface Request {
  /** A model id, an inference-profile id, or an alias that the operator has set. */
  model: string;
  system?: string | Content[];
  messages: Message[];
  inference?: Inference;
  tools?: ToolSpec[];
  toolChoice?: ToolChoice;
  guardrail?: Guardrail;
  /** Fields of the model itself (`additionalModelRequestFields`). */
  extra?: unknown;
}

/** Why a model stopped: one of these, or the provider's own word. */
export type StopReason =
  | "end-turn"
  | "tool-use"
  | "max-tokens"
  | "stop-sequence"
  | "guardrail-intervened"
  | "content-filtered"
  | "context-window-exceeded"
  | (string & {});

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
}

/** A model's answer. */
export interface Response {
  content: Content[];
  stopReason: StopReason;
  usage: Usage;
  /** By the provider's count. */
  latencyMs: number;
  /** The model that answered, after aliases and fallbacks. */
  model: string;
  extra?: Json;
  /** The text of all text blocks, in order. */
  readonly text: string;
}

/** The pieces of a response, in order; `done` comes last and carries it whole. */
export type Event =
  | { type: "block-start"; block: "text" | "reasoning" }
  | { type: "block-start"; block: "tool-use"; id: string; name: string }
  | { type: "block-start"; block: "other"; json: Json }
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "reasoning-signature"; signature: string }
  | { type: "redacted-reasoning"; bytes: Uint8Array }
  /** A piece of the input's JSON text. */
  | { type: "tool-input"; text: string }
  | { type: "other"; json: Json }
  | { type: "block-stop" }
  | { type: "done"; response: Response };

/** What the user says. */
export function user(content: string | Content[]): Message {
  return { role: "user", content: blocks(content) };
}

/** What the model said. */
export function assistant(content: string | Content[]): Message {
  return { role: "assistant", content: blocks(content) };
}

/** The text of all text blocks, in order. */
export function textOf(content: Content[]): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

export function blocks(content: string | Content[]): Content[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}
