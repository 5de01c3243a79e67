// Between this package's types and the contract's.

import type * as host from "kellion:agent/model@0.1.0";

import { ours } from "../body";
import { type Json, JsonError, parse, stringify } from "../json";
import {
  blocks,
  type Content,
  type Document,
  type Event,
  type Request,
  type Response,
  textOf,
  type ToolChoice,
  type ToolOutput,
  type Usage,
} from "./types";

export function toHost(request: Request): host.Request {
  const { inference = {}, guardrail } = request;
  return {
    model: request.model,
    system: blocks(request.system ?? []).map(contentToHost),
    messages: request.messages.map(({ role, content }) => ({ role, content: content.map(contentToHost) })),
    inference: {
      maxTokens: inference.maxTokens,
      temperature: inference.temperature,
      topP: inference.topP,
      stopSequences: inference.stopSequences ?? [],
    },
    tools: (request.tools ?? []).map(({ name, description, inputSchema }) => ({
      name,
      description,
      inputSchema: stringify(inputSchema),
    })),
    toolChoice: request.toolChoice === undefined ? undefined : choiceToHost(request.toolChoice),
    guardrail: guardrail && { id: guardrail.id, version: guardrail.version },
    extra: request.extra === undefined ? undefined : stringify(request.extra),
  };
}

function choiceToHost(choice: ToolChoice): host.ToolChoice {
  return typeof choice === "string" ? { tag: choice } : { tag: "tool", val: choice.tool };
}

function contentToHost(block: Content): host.Content {
  switch (block.type) {
    case "text":
      return { tag: "text", val: block.text };
    case "image":
    case "video":
    case "audio":
      return { tag: block.type, val: { format: block.format, bytes: block.bytes } };
    case "document":
      return { tag: "document", val: documentToHost(block) };
    case "tool-use":
      return { tag: "tool-use", val: { id: block.id, name: block.name, input: stringify(block.input) } };
    case "tool-result":
      return {
        tag: "tool-result",
        val: { toolUseId: block.toolUseId, content: block.content.map(outputToHost), isError: block.isError },
      };
    case "reasoning":
      return { tag: "reasoning", val: { text: block.text, signature: block.signature } };
    case "redacted-reasoning":
      return { tag: "redacted-reasoning", val: block.bytes };
    case "cache-point":
      return { tag: "cache-point" };
    case "other":
      return { tag: "other", val: stringify(block.json) };
    default:
      throw new TypeError(`a message has no block of type ${stringify((block as { type?: unknown })?.type)}`);
  }
}

function documentToHost(document: Document): host.Document {
  const { name, format, bytes, context, citations = false } = document;
  return { name, format, bytes, context, citations };
}

function outputToHost(output: ToolOutput): host.ToolOutput {
  switch (output.type) {
    case "text":
      return { tag: "text", val: output.text };
    case "json":
      return { tag: "json", val: stringify(output.json) };
    case "image":
    case "video":
      return { tag: output.type, val: { format: output.format, bytes: output.bytes } };
    case "document":
      return { tag: "document", val: documentToHost(output) };
    default:
      throw new TypeError(`a tool has no output of type ${stringify((output as { type?: unknown })?.type)}`);
  }
}

export function responseFromHost(response: host.Response): Response {
  const content = response.content.map(contentFromHost);
  const { stopReason } = response;
  return {
    content,
    stopReason: stopReason.tag === "other" ? stopReason.val : stopReason.tag,
    usage: usageFromHost(response.usage),
    latencyMs: Number(response.latencyMs),
    model: response.model,
    ...(response.extra !== undefined && { extra: leniently(response.extra) }),
    get text() {
      return textOf(content);
    },
  };
}

export function usageFromHost(usage: host.Usage): Usage {
  return {
    inputTokens: Number(usage.inputTokens),
    outputTokens: Number(usage.outputTokens),
    cacheReadTokens: Number(usage.cacheReadTokens),
    cacheWriteTokens: Number(usage.cacheWriteTokens),
  };
}

function contentFromHost(block: host.Content): Content {
  switch (block.tag) {
    case "text":
      return { type: "text", text: block.val };
    case "image":
    case "video":
    case "audio":
      return { type: block.tag, ...block.val, bytes: ours(block.val.bytes) };
    case "document":
      return { type: "document", ...block.val, bytes: ours(block.val.bytes) };
    case "tool-use":
      return { type: "tool-use", id: block.val.id, name: block.val.name, input: toolInput(block.val.input) };
    case "tool-result":
      return { type: "tool-result", ...block.val, content: block.val.content.map(outputFromHost) };
    case "reasoning":
      return { type: "reasoning", ...block.val };
    case "redacted-reasoning":
      return { type: "redacted-reasoning", bytes: ours(block.val) };
    case "cache-point":
      return { type: "cache-point" };
    case "other":
      return { type: "other", json: leniently(block.val) };
  }
}

function outputFromHost(output: host.ToolOutput): ToolOutput {
  switch (output.tag) {
    case "text":
      return { type: "text", text: output.val };
    case "json":
      return { type: "json", json: leniently(output.val) };
    default:
      return { type: output.tag, ...output.val, bytes: ours(output.val.bytes) } as ToolOutput;
  }
}

/** A streamed call of a tool without input has no piece of input at all. */
function toolInput(text: string): Json {
  return text.trim() === "" ? {} : leniently(text);
}

/** A model's JSON, or its text when that is none. */
function leniently(text: string): Json {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof JsonError) return text;
    throw error;
  }
}

export function eventFromHost(event: host.Event): Event {
  switch (event.tag) {
    case "block-start":
      return blockStart(event.val);
    case "delta":
      return delta(event.val);
    case "block-stop":
      return { type: "block-stop" };
    case "done":
      return { type: "done", response: responseFromHost(event.val) };
  }
}

function blockStart(start: host.BlockStart): Event {
  switch (start.tag) {
    case "tool-use":
      return { type: "block-start", block: "tool-use", id: start.val.id, name: start.val.name };
    case "other":
      return { type: "block-start", block: "other", json: leniently(start.val) };
    default:
      return { type: "block-start", block: start.tag };
  }
}

function delta(piece: host.Delta): Event {
  switch (piece.tag) {
    case "text":
    case "reasoning":
    case "tool-input":
      return { type: piece.tag, text: piece.val };
    case "reasoning-signature":
      return { type: "reasoning-signature", signature: piece.val };
    case "redacted-reasoning":
      return { type: "redacted-reasoning", bytes: ours(piece.val) };
    case "other":
      return { type: "other", json: leniently(piece.val) };
  }
}
