// Every way to ask a model.

import { Agent, model, schema, tool } from "kellion";

import { evaluate } from "./arithmetic";

const MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0";

/** Its conversation lasts as long as the session. */
export const agent = new Agent({
  model: MODEL,
  system: "You're a helpful assistant. You can do simple calculations.",
  tools: [
    tool({
      name: "calculator",
      description: "Evaluates an arithmetic expression.",
      input: schema.object({ expression: schema.string('Numbers, + - * / and parentheses, such as "(2 + 3.5) * 4".') }),
      run: ({ expression }) => String(evaluate(expression)),
    }),
  ],
});

const held: model.ModelStream[] = [];

function request(prompt: string, id = MODEL): model.Request {
  return { model: id, messages: [model.user(prompt)] };
}

export function ask(prompt: string, id?: string): object {
  const { text, usage } = model.converse(request(prompt, id));
  return {
    text,
    usage: {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
    },
  };
}

export function stream(prompt: string, id?: string): Generator<string, unknown> {
  return model.converseStream(request(prompt, id)).text();
}

/** Forgets to close the stream, on purpose. */
export function hold(prompt: string, id?: string): string {
  const events = model.converseStream(request(prompt, id));
  events.next();
  held.push(events);
  return "held";
}
