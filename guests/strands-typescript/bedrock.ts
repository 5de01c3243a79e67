// The AWS SDK's client alone: no framework.

import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  type Message,
  ThrottlingException,
} from "@aws-sdk/client-bedrock-runtime";
import { BedrockAgentCoreApp } from "bedrock-agentcore/runtime";

const client = new BedrockRuntimeClient({ region: process.env.AWS_REGION });
const modelId = "us.anthropic.claude-sonnet-4-20250514-v1:0";
const messages: Message[] = [];

interface Request {
  prompt: string;
  do?: "stream" | "invoke" | "leave";
}

async function converse(prompt: string) {
  messages.push({ role: "user", content: [{ text: prompt }] });
  try {
    const { output, stopReason, usage } = await client.send(
      new ConverseCommand({ modelId, messages, inferenceConfig: { maxTokens: 512, temperature: 0.5 } }),
    );
    messages.push(output!.message!);
    return { text: output!.message!.content![0]!.text, stop: stopReason, usage, messages: messages.length };
  } catch (error) {
    messages.pop();
    const { name, $metadata } = error as ThrottlingException;
    return { code: name, status: $metadata.httpStatusCode, throttled: error instanceof ThrottlingException };
  }
}

async function* stream(prompt: string) {
  const command = new ConverseStreamCommand({ modelId, messages: [{ role: "user", content: [{ text: prompt }] }] });
  const { stream: events } = await client.send(command);
  for await (const { contentBlockDelta, messageStop } of events!) {
    if (contentBlockDelta?.delta?.text) yield { text: contentBlockDelta.delta.text };
    if (messageStop) yield { stop: messageStop.stopReason };
  }
}

const app = new BedrockAgentCoreApp({
  invocationHandler: {
    process: async (request: Request) => {
      if (request.do === "stream") return stream(request.prompt);
      if (request.do === "invoke") {
        const body = JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 100, messages: [] });
        const answer = await client.send(new InvokeModelCommand({ modelId, body })).catch((error) => ({ code: error.name }));
        return "code" in answer ? answer : JSON.parse(new TextDecoder().decode(answer.body));
      }
      if (request.do === "leave") {
        // A stream that nobody reads to its end.
        for await (const first of stream(request.prompt)) return first;
      }
      return converse(request.prompt);
    },
  },
});

app.run();
