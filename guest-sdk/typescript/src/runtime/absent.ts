// What the engine offers but a cell does not have.

/** Takes the network away, with an error that says so: the engine's own would end the whole session. */
export function removeNetwork(): void {
  const fetch = (resource: unknown): Promise<never> => {
    const address = typeof resource === "string" ? resource : String((resource as { url?: unknown })?.url ?? resource);
    return Promise.reject(
      new TypeError(`fetch is not available: an agent runs in a cell without a network (it asked for ${address})`),
    );
  };
  Object.defineProperty(globalThis, "fetch", { value: fetch, writable: true, configurable: true });
}
