// What an agent finds beside the standard: a stand-in for Node's `process`. A project with @types/node leaves this out.

declare var process: {
  /** The agent's configuration; while the agent is built, what `kellion build --env` says. */
  readonly env: Record<string, string | undefined>;
  /** Ends the session's instance with a trap. */
  abort(): never;
  readonly stdout: { write(text: string | Uint8Array): boolean };
  readonly stderr: { write(text: string | Uint8Array): boolean };
};
