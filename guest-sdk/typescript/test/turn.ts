// Turns, as the host calls them.

import { invoke } from "../src/runtime/invoke";
import type { HostContext } from "../src/context";

export const CONTEXT: HostContext = {
  sessionId: "00000000-0000-0000-0000-000000000001",
  requestId: "00000000-0000-0000-0000-000000000002",
  turn: 1n,
  agentName: "agent",
  agentVersion: "1",
  endpoint: "DEFAULT",
  tenantId: "000000000000",
  headers: [{ name: "authorization", value: "Bearer 1" }],
  contentType: "application/json",
  deadlineMs: 1_000n,
};

/** The answer's text to a payload: bytes, text as it is, or JSON of a value. */
export async function turn(payload: unknown, context: Partial<HostContext> = {}): Promise<string> {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  const bytes = payload instanceof Uint8Array ? payload : new TextEncoder().encode(text);
  return new TextDecoder().decode(await invoke(bytes, { ...CONTEXT, ...context }));
}
