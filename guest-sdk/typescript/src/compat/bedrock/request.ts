// From what the AWS SDK's commands take to this package's requests.

import type { Content, Document, Media, Request, ToolChoice, ToolOutput, ToolSpec } from "../../model";
import { ValidationException } from "./exceptions";

/** Fields that would change the answer, and that the contract has no place for. */
const NOT_PASSED_ON = ["outputConfig", "promptVariables"];

/** The request that a command's input stands for. */
export function toRequest(input: any): Request {
  for (const field of NOT_PASSED_ON) {
    if (input[field] !== undefined) throw invalid(`${field} is not passed on to models by Kellion`);
  }
  if (typeof input.modelId !== "string") throw invalid("a model needs a modelId");
  const { toolConfig, guardrailConfig, inferenceConfig = {} } = input;
  const choice = toolConfig?.toolChoice && toolChoice(toolConfig.toolChoice);
  return {
    model: input.modelId,
    system: (input.system ?? []).map(content),
    messages: (input.messages ?? []).map(({ role, content: blocks }: any) => ({ role, content: blocks.map(content) })),
    inference: {
      maxTokens: inferenceConfig.maxTokens,
      temperature: inferenceConfig.temperature,
      topP: inferenceConfig.topP,
      stopSequences: inferenceConfig.stopSequences ?? [],
    },
    tools: (toolConfig?.tools ?? []).flatMap(toolSpec),
    ...(choice !== undefined && { toolChoice: choice }),
    ...(guardrailConfig && {
      guardrail: { id: guardrailConfig.guardrailIdentifier, version: guardrailConfig.guardrailVersion },
    }),
    ...(input.additionalModelRequestFields !== undefined && { extra: input.additionalModelRequestFields }),
  };
}

function invalid(message: string): Error {
  return new ValidationException({ message });
}

/** Cache points between tools have no place in the contract: they cost money, not meaning. */
function toolSpec(tool: any): ToolSpec[] {
  if (tool.cachePoint) return [];
  const { toolSpec } = tool;
  if (!toolSpec) throw invalid(`a tool of this kind is not passed on: ${Object.keys(tool).join(", ")}`);
  const { name, description, inputSchema } = toolSpec;
  return [{ name, ...(description !== undefined && { description }), inputSchema: inputSchema?.json ?? { type: "object" } }];
}

function toolChoice(choice: any): ToolChoice {
  if (choice.any) return "any";
  return choice.tool ? { tool: choice.tool.name } : "auto";
}

function content(block: any): Content {
  if (typeof block.text === "string") return { type: "text", text: block.text };
  if (block.toolUse) {
    const { toolUseId, name, input } = block.toolUse;
    return { type: "tool-use", id: toolUseId, name, input: input ?? {} };
  }
  if (block.toolResult) {
    const { toolUseId, content: outputs, status } = block.toolResult;
    return { type: "tool-result", toolUseId, content: (outputs ?? []).map(toolOutput), isError: status === "error" };
  }
  if (block.cachePoint) return { type: "cache-point" };
  if (block.reasoningContent) return reasoning(block.reasoningContent);
  const kind = (["image", "video", "audio"] as const).find((name) => block[name]);
  if (kind && isInline(block[kind])) return { type: kind, ...media(block[kind]) };
  if (block.document && isInline(block.document)) return { type: "document", ...document(block.document) };
  return { type: "other", json: block };
}

function reasoning(block: any): Content {
  if (block.redactedContent) return { type: "redacted-reasoning", bytes: block.redactedContent };
  const { text = "", signature } = block.reasoningText ?? {};
  return { type: "reasoning", text, ...(signature !== undefined && { signature }) };
}

function toolOutput(output: any): ToolOutput {
  if (typeof output.text === "string") return { type: "text", text: output.text };
  if (output.json !== undefined) return { type: "json", json: output.json };
  if (output.image && isInline(output.image)) return { type: "image", ...media(output.image) };
  if (output.video && isInline(output.video)) return { type: "video", ...media(output.video) };
  if (output.document && isInline(output.document)) return { type: "document", ...document(output.document) };
  throw invalid(`a tool's result of this kind is not passed on: ${Object.keys(output).join(", ")}`);
}

/** What lies in S3 or is made of blocks goes as the provider's own JSON. */
function isInline(block: any): boolean {
  return block.source?.bytes !== undefined || typeof block.source?.text === "string";
}

function media({ format, source }: any): Media {
  return { format, bytes: bytes(source) };
}

function document({ name, format = "txt", source, context, citations }: any): Document {
  return {
    name,
    format,
    bytes: bytes(source),
    citations: citations?.enabled === true,
    ...(context !== undefined && { context }),
  };
}

function bytes(source: any): Uint8Array {
  if (source.bytes instanceof Uint8Array) return source.bytes;
  if (typeof source.text === "string") return new TextEncoder().encode(source.text);
  if (source.bytes instanceof ArrayBuffer) return new Uint8Array(source.bytes);
  throw invalid("the source of an image, a video or a document has to be bytes: a Uint8Array");
}
