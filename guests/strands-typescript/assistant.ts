// A Strands agent in a BedrockAgentCoreApp, with typed tools, that answers whole or in pieces.

import { Agent, BedrockModel, tool } from "@strands-agents/sdk";
import { BedrockAgentCoreApp } from "bedrock-agentcore/runtime";
import { z } from "zod";

const weather = tool({
  name: "weather",
  description: "Get the current weather for a city",
  inputSchema: z.object({
    city: z.string().default("here").describe("The name of the city"),
  }),
  callback: ({ city }) => `The weather in ${city} is sunny`,
});

const calculator = tool({
  name: "calculator",
  description: "Evaluate a sum of two numbers, such as 2*5",
  inputSchema: z.object({
    expression: z.string().regex(/^[\p{N}\s.+*/-]+$/u, "numbers and one of + - * / only"),
  }),
  callback: ({ expression }) => {
    const match = /^\s*(-?[\d.]+)\s*([-+*/])\s*(-?[\d.]+)\s*$/.exec(expression);
    if (!match) throw new Error(`not a sum of two numbers: ${expression}`);
    const [a, b] = [Number(match[1]), Number(match[3])];
    return String({ "+": a + b, "-": a - b, "*": a * b, "/": a / b }[match[2] as "+"]);
  },
});

const agent = new Agent({
  model: new BedrockModel({
    modelId: process.env.MODEL_ID ?? "us.anthropic.claude-sonnet-4-20250514-v1:0",
    region: "us-west-2",
  }),
  systemPrompt: "You're a helpful assistant. You can do simple calculations and tell the weather.",
  tools: [weather, calculator],
  printer: false,
});

const app = new BedrockAgentCoreApp({
  invocationHandler: {
    requestSchema: z.object({
      prompt: z.string(),
      stream: z.boolean().optional(),
      break: z.string().optional(),
    }),
    process: async (request, context) => {
      context.log.info({ session: context.sessionId }, "a request");
      if (request.stream) return stream(request.prompt, request.break);
      const result = await agent.invoke(request.prompt);
      return { answer: result.toString().trim(), messages: agent.messages.length, session: context.sessionId };
    },
  },
});

async function* stream(prompt: string, failure?: string) {
  for await (const event of agent.stream(prompt)) {
    if (
      event.type === "modelStreamUpdateEvent" &&
      event.event.type === "modelContentBlockDeltaEvent" &&
      event.event.delta.type === "textDelta"
    ) {
      yield { event: "message", data: { text: event.event.delta.text } };
    }
  }
  if (failure) throw new Error(failure);
}

app.run();
