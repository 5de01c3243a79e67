// The contract's interfaces, as a component in JavaScript imports them. What authors need of them has a better name
// elsewhere in this package.

declare module "kellion:agent/log@0.1.0" {
  export type Level = "debug" | "info" | "warn" | "error";
  export function write(level: Level, message: string): void;
}

declare module "kellion:agent/session@0.1.0" {
  export interface Budget {
    tokens?: bigint;
    moneyMicros?: bigint;
  }
  export function remaining(): Budget;
  export function config(name: string): string | undefined;
}

declare module "kellion:agent/response@0.1.0" {
  import type { Response, ResponseStream } from "kellion:agent/model@0.1.0";
  export type Framing = "text" | "sse";
  export function setContentType(value: string): void;
  export function write(chunk: Uint8Array): boolean;
  export function forward(source: ResponseStream, framing: Framing): Response;
}

declare module "kellion:agent/model@0.1.0" {
  export interface Media {
    format: string;
    bytes: Uint8Array;
  }
  export interface Document {
    name: string;
    format: string;
    bytes: Uint8Array;
    context?: string;
    citations: boolean;
  }
  export interface ToolUse {
    id: string;
    name: string;
    input: string;
  }
  export type ToolOutput =
    | { tag: "text"; val: string }
    | { tag: "json"; val: string }
    | { tag: "image"; val: Media }
    | { tag: "document"; val: Document }
    | { tag: "video"; val: Media };
  export interface ToolResult {
    toolUseId: string;
    content: ToolOutput[];
    isError: boolean;
  }
  export interface Reasoning {
    text: string;
    signature?: string;
  }
  export type Content =
    | { tag: "text"; val: string }
    | { tag: "image"; val: Media }
    | { tag: "document"; val: Document }
    | { tag: "video"; val: Media }
    | { tag: "audio"; val: Media }
    | { tag: "tool-use"; val: ToolUse }
    | { tag: "tool-result"; val: ToolResult }
    | { tag: "reasoning"; val: Reasoning }
    | { tag: "redacted-reasoning"; val: Uint8Array }
    | { tag: "cache-point" }
    | { tag: "other"; val: string };
  export interface Message {
    role: "user" | "assistant";
    content: Content[];
  }
  export interface Inference {
    maxTokens?: number;
    temperature?: number;
    topP?: number;
    stopSequences: string[];
  }
  export interface Tool {
    name: string;
    description?: string;
    inputSchema: string;
  }
  export type ToolChoice = { tag: "auto" } | { tag: "any" } | { tag: "tool"; val: string };
  export interface Guardrail {
    id: string;
    version: string;
  }
  export interface Request {
    model: string;
    system: Content[];
    messages: Message[];
    inference: Inference;
    tools: Tool[];
    toolChoice?: ToolChoice;
    guardrail?: Guardrail;
    extra?: string;
  }
  export type StopReason =
    | {
        tag:
          | "end-turn"
          | "tool-use"
          | "max-tokens"
          | "stop-sequence"
          | "guardrail-intervened"
          | "content-filtered"
          | "context-window-exceeded";
      }
    | { tag: "other"; val: string };
  export interface Usage {
    inputTokens: bigint;
    outputTokens: bigint;
    cacheReadTokens: bigint;
    cacheWriteTokens: bigint;
  }
  export interface Response {
    content: Content[];
    stopReason: StopReason;
    usage: Usage;
    latencyMs: bigint;
    model: string;
    extra?: string;
  }
  export type ErrorKind =
    | "denied"
    | "budget-exhausted"
    | "invalid"
    | "context-too-long"
    | "throttled"
    | "timeout"
    | "unavailable";
  export interface Error {
    kind: ErrorKind;
    message: string;
    retryAfterMs?: bigint;
    usage?: Usage;
  }
  export type BlockStart =
    | { tag: "text" }
    | { tag: "reasoning" }
    | { tag: "tool-use"; val: { id: string; name: string } }
    | { tag: "other"; val: string };
  export type Delta =
    | { tag: "text"; val: string }
    | { tag: "reasoning"; val: string }
    | { tag: "reasoning-signature"; val: string }
    | { tag: "redacted-reasoning"; val: Uint8Array }
    | { tag: "tool-input"; val: string }
    | { tag: "other"; val: string };
  export type Event =
    | { tag: "block-start"; val: BlockStart }
    | { tag: "delta"; val: Delta }
    | { tag: "block-stop" }
    | { tag: "done"; val: Response };
  export class ResponseStream {
    next(): Event | undefined;
    [Symbol.dispose](): void;
  }
  export function converse(request: Request): Response;
  export function converseStream(request: Request): ResponseStream;
  export function countTokens(request: Request): bigint;
  export function invokeModel(model: string, body: Uint8Array): Uint8Array;
}

declare module "kellion:build-env" {
  /** What `kellion build --env` said. */
  const variables: Record<string, string>;
  export default variables;
}
