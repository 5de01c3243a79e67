// A Strands agent under Kellion's own `app`, with hooks, state and a window over the conversation.

import {
  AfterInvocationEvent,
  Agent,
  BeforeToolCallEvent,
  FunctionTool,
  SlidingWindowConversationManager,
} from "@strands-agents/sdk";
import { app, schema } from "kellion";

const weather = new FunctionTool({
  name: "weather",
  description: "Get the weather",
  inputSchema: { type: "object", properties: { city: { type: "string" } } },
  callback: () => "sunny",
});

const journal: string[] = [];
const agent = new Agent({
  tools: [weather],
  conversationManager: new SlidingWindowConversationManager({ windowSize: 4 }),
  printer: false,
});
agent.addHook(BeforeToolCallEvent, ({ toolUse }) => {
  journal.push(`tool ${toolUse.name}`);
});
agent.addHook(AfterInvocationEvent, () => {
  journal.push("after");
  agent.appState.set("turns", Number(agent.appState.get("turns") ?? 0) + 1);
});

app.entrypoint(schema.object({ prompt: schema.string() }), async ({ prompt }) => {
  const result = await agent.invoke(prompt);
  return {
    text: result.toString().trim(),
    journal: journal.splice(0),
    turns: agent.appState.get("turns"),
    messages: agent.messages.length,
  };
});
