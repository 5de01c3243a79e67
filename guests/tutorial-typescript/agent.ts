// The tutorial's agent: it knows five users by name, does sums, tells the weather and the time, and remembers what was said in
// its session.
//
// Send it `{"user_id": 1, "prompt": "How is the weather?"}`.

import { Agent, app, InvalidPayload, schema, tool } from "kellion";

import { display, evaluate } from "./calculator";

const USERS = ["Maira", "Mani", "Mark", "Ishan", "Dhawal"];

// The model may call these functions. It reads their descriptions and those of their inputs.
const calculator = tool({
  name: "calculator",
  description: "Evaluates an arithmetic expression.",
  input: schema.object({
    expression: schema.string('Numbers, + - * / ^ and parentheses, such as "(2 + 3.5) * 4".'),
  }),
  // An error here does not fail the turn: the model reads it and may mend its call.
  run: ({ expression }) => display(evaluate(expression)),
});

const weather = tool({ name: "weather", description: "Tells the weather.", run: () => "sunny" });

const getTime = tool({
  name: "get_time",
  description: "Tells the current time in UTC.",
  run: () => new Date().toISOString().replace(/\.\d+Z$/, "Z"),
});

// What is at module level is the memory of one session: here, the conversation with the model.
const agent = new Agent({
  model: "us.anthropic.claude-sonnet-4-20250514-v1:0",
  system:
    "You're a helpful assistant. You can do simple calculations, tell the weather and tell the time. Acknowledge the user's name.",
  tools: [calculator, weather, getTime],
});

// What a caller sends. JSON that does not fit is refused before the function is called.
const request = schema.object({ user_id: schema.any(), prompt: schema.string() });

app.entrypoint(request, async ({ user_id, prompt }, context) => {
  const name = nameOf(user_id);
  const reply = await agent.ask(
    `My name is ${name}. Here is my request: ${prompt}. This is session ${context.sessionId}.`,
  );
  return reply.text;
});

/** A user's name by their number, also as text: callers write both `1` and `"1"`. */
function nameOf(id: unknown): string {
  if (typeof id !== "number" && typeof id !== "string") {
    throw new InvalidPayload("payload does not fit: `user_id`: expected a number, or a number in quotes");
  }
  const name = /^\d+$/.test(String(id)) ? USERS[Number(id) - 1] : undefined;
  if (name === undefined) throw new Error(`there is no user ${id}`);
  return name;
}
