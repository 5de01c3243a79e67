// Chance and time while the agent is built: what module-level code drew would be the same in every session, and the engine gives
// up when it is asked. A clear error comes instead.

import { isLive } from "../host";

/** Puts guarded functions in the place of the engine's own. */
export function installChance(): void {
  guard(Math, "random");
  if (globalThis.crypto) {
    guard(globalThis.crypto, "getRandomValues");
    guard(globalThis.crypto, "randomUUID");
  }
  const now = performance.now.bind(performance);
  // Packages note when they were loaded; that is never a reason to fail.
  define(performance, "now", () => (isLive() ? now() : 0));
}

function guard<T extends object>(owner: T, name: keyof T & string): void {
  const native = (owner[name] as (...values: unknown[]) => unknown).bind(owner);
  define(owner, name, (...values: unknown[]) => {
    if (isLive()) return native(...values);
    // The builder knows which line of the author's that is.
    const place = new Error().stack?.split("\n")[1]?.split("@").at(-1) ?? "";
    throw new Error(
      `${name} was called by module-level code (${place}), which runs once, while the agent is built: all sessions would share what it ` +
        `gives. Call it in the entrypoint`,
    );
  });
}

function define(owner: object, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, writable: true, configurable: true });
}
