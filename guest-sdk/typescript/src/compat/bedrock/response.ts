// From this package's responses to what the AWS SDK's commands give.

import { type Content, type Event, ModelError, type ModelStream, type Response, type ToolOutput } from "../../model";
import { exceptionOf } from "./exceptions";

/** The answer to a `ConverseCommand`. */
export function converseOutput(response: Response): object {
  return {
    output: { message: { role: "assistant", content: response.content.map(block) } },
    stopReason: stopReason(response),
    ...metadata(response),
    ...extra(response),
    $metadata: { httpStatusCode: 200, attempts: 1, totalRetryDelay: 0 },
  };
}

/** The events of a `ConverseStreamCommand`'s stream. */
export async function* streamEvents(stream: ModelStream, signal?: AbortSignal): AsyncGenerator<object> {
  let contentBlockIndex = 0;
  yield { messageStart: { role: "assistant" } };
  try {
    for (const event of stream) {
      signal?.throwIfAborted();
      if (event.type === "done") {
        yield { messageStop: { stopReason: stopReason(event.response), ...extra(event.response) } };
        yield { metadata: metadata(event.response) };
        return;
      }
      const said = streamEvent(event, contentBlockIndex);
      if (said) yield said;
      if (event.type === "block-stop") contentBlockIndex += 1;
    }
  } catch (error) {
    throw error instanceof ModelError ? exceptionOf(error) : error;
  }
}

function streamEvent(event: Exclude<Event, { type: "done" }>, contentBlockIndex: number): object | undefined {
  const delta = (delta: object): object => ({ contentBlockDelta: { contentBlockIndex, delta } });
  switch (event.type) {
    case "block-start":
      return blockStart(event, contentBlockIndex);
    case "text":
      return delta({ text: event.text });
    case "tool-input":
      return delta({ toolUse: { input: event.text } });
    case "reasoning":
      return delta({ reasoningContent: { text: event.text } });
    case "reasoning-signature":
      return delta({ reasoningContent: { signature: event.signature } });
    case "redacted-reasoning":
      return delta({ reasoningContent: { redactedContent: event.bytes } });
    case "other":
      return delta(event.json as object);
    case "block-stop":
      return { contentBlockStop: { contentBlockIndex } };
  }
}

/** Bedrock announces tools alone; a text begins with its first piece. */
function blockStart(event: Extract<Event, { type: "block-start" }>, contentBlockIndex: number): object | undefined {
  if (event.block === "tool-use") {
    return { contentBlockStart: { contentBlockIndex, start: { toolUse: { toolUseId: event.id, name: event.name } } } };
  }
  return event.block === "other" ? { contentBlockStart: { contentBlockIndex, start: event.json } } : undefined;
}

function stopReason({ stopReason }: Response): string {
  return stopReason === "context-window-exceeded" ? "model_context_window_exceeded" : stopReason.replaceAll("-", "_");
}

function metadata({ usage, latencyMs }: Response): object {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = usage;
  return {
    usage: {
      inputTokens,
      outputTokens,
      totalTokens: inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens,
      cacheReadInputTokens: cacheReadTokens,
      cacheWriteInputTokens: cacheWriteTokens,
    },
    metrics: { latencyMs },
  };
}

function extra({ extra }: Response): object {
  return extra === undefined ? {} : { additionalModelResponseFields: extra };
}

function block(content: Content): object {
  switch (content.type) {
    case "text":
      return { text: content.text };
    case "tool-use":
      return { toolUse: { toolUseId: content.id, name: content.name, input: content.input } };
    case "tool-result": {
      const { toolUseId, isError } = content;
      return { toolResult: { toolUseId, content: content.content.map(output), status: isError ? "error" : "success" } };
    }
    case "reasoning": {
      const { text, signature } = content;
      return { reasoningContent: { reasoningText: { text, ...(signature !== undefined && { signature }) } } };
    }
    case "redacted-reasoning":
      return { reasoningContent: { redactedContent: content.bytes } };
    case "cache-point":
      return { cachePoint: { type: "default" } };
    case "other":
      return content.json as object;
    default:
      return output(content);
  }
}

function output(content: ToolOutput | Extract<Content, { type: "audio" }>): object {
  switch (content.type) {
    case "text":
      return { text: content.text };
    case "json":
      return { json: content.json };
    case "document": {
      const { name, format, bytes, context, citations } = content;
      return { document: { name, format, source: { bytes }, context, citations: { enabled: citations ?? false } } };
    }
    default:
      return { [content.type]: { format: content.format, source: { bytes: content.bytes } } };
  }
}
