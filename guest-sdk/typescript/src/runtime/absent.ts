// What the engine offers but a cell does not have.

const engineFetch = globalThis.fetch;

/** Takes the network away, with an error that says so: the engine's own would end the session's instance. */
export function removeNetwork(): void {
  const fetch = (resource: unknown): Promise<never> => {
    const address = typeof resource === "string" ? resource : String((resource as { url?: unknown })?.url ?? resource);
    return Promise.reject(
      new TypeError(`fetch is not available: an agent runs in a cell without a network (it asked for ${address})`),
    );
  };
  Object.defineProperty(globalThis, "fetch", { value: fetch, writable: true, configurable: true });
}

/** Ends the instance with a trap, as `process.abort()` ends a process. The turn fails, and the next one goes on from the
 * state before it. */
export function abort(): never {
  // The engine was built without a network and traps when it is asked for one.
  void engineFetch("http://localhost/");
  throw new Error("process.abort() was called");
}
