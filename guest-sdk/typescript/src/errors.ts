/** The payload is not one that this agent takes: the caller's mistake. Any other error that a handler throws says that
 * the turn failed. */
export class InvalidPayload extends Error {
  override name = "InvalidPayload";
}

/** What an error says, whatever was thrown: with its causes, outermost first. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown === "string" ? thrown : describe(thrown);
  let message = thrown.message || thrown.name;
  let cause = thrown.cause;
  for (let depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    if (!message.includes(cause.message)) message += `: ${cause.message}`;
    cause = cause.cause;
  }
  return message;
}

function describe(thrown: unknown): string {
  try {
    const message = (thrown as { message?: unknown } | null | undefined)?.message;
    return typeof message === "string" ? message : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return "something was thrown that cannot be described";
  }
}
