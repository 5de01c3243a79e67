// A chat that streams: a persona that the caller chooses, notes that last as long as the session, and a calculator.
//
// Send it `{"prompt": "Note that Ada likes tea", "persona": "pirate"}`.

import { Agent, app, type InputSchema, InvalidPayload, log, schema, tool } from "kellion";

import { evaluate } from "./arithmetic";
import { Notes } from "./notes";

const MODEL = process.env.MODEL_ID ?? "us.anthropic.claude-sonnet-4-20250514-v1:0";

const PERSONAS = {
  assistant: "You're a helpful assistant. Answer in short.",
  pirate: "You're a pirate who has read too much. Answer like one, in short.",
  teacher: "You're a patient teacher. Explain each step, and ask back whether it was understood.",
} as const;

type Persona = keyof typeof PERSONAS;

const notes = new Notes();

const tools = [
  tool({
    name: "calculator",
    description: "Evaluates an arithmetic expression.",
    input: schema.object({ expression: schema.string('Numbers, + - * / and parentheses, such as "(2 + 3.5) * 4".') }),
    run: ({ expression }) => String(evaluate(expression)),
  }),
  tool({
    name: "add_note",
    description: "Keeps something that the user wants to have remembered.",
    input: schema.object({ text: schema.string("One sentence."), topic: schema.string("One word.").optional() }),
    run: ({ text, topic }) => notes.add(text, topic),
  }),
  tool({
    name: "find_notes",
    description: "Finds what was kept, newest first.",
    input: schema.object({ words: schema.array(schema.string(), "Any of these; none for all notes.") }),
    run: ({ words }) => ({ notes: notes.find(words) }),
  }),
  tool({
    name: "remove_note",
    description: "Forgets a note.",
    input: schema.object({ id: schema.integer() }),
    run: ({ id }) => notes.remove(id),
  }),
];

// Each persona has a conversation of its own; the notes they share.
const agents = new Map<Persona, Agent>();

function agentOf(persona: Persona): Agent {
  let agent = agents.get(persona);
  if (!agent) {
    agent = new Agent({ model: MODEL, system: PERSONAS[persona], tools });
    agents.set(persona, agent);
  }
  return agent;
}

const request = schema.object({
  prompt: schema.string(),
  persona: schema.oneOf(["assistant", "pirate", "teacher"]).optional(),
}) satisfies InputSchema;

// A generator's items are sent as they come, each as one server-sent event.
app.entrypoint(request, async function* ({ prompt, persona = "assistant" }, context) {
  if (prompt.trim() === "") throw new InvalidPayload("the prompt is empty");
  log.info(`turn ${context.turn} with the ${persona}, ${notes.count} notes`);

  const answer = agentOf(persona).stream(prompt);
  let piece = await answer.next();
  for (; !piece.done; piece = await answer.next()) yield { text: piece.value };

  const { usage, rounds, stopReason } = piece.value;
  yield { done: { stop_reason: stopReason, rounds, tokens: usage.inputTokens + usage.outputTokens, notes: notes.count } };
});
