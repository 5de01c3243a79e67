// Signals that follow others. The engine's own `AbortSignal.any` gives one that is aborted from the start, and its
// `AbortSignal.timeout` a timer that nobody watches.

/** Puts ours in the place of the engine's. */
export function installSignals(): void {
  define("any", (signals: Iterable<AbortSignal>): AbortSignal => {
    const controller = new AbortController();
    for (const signal of signals) {
      if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
    }
    return controller.signal;
  });
  define("timeout", (delay: number): AbortSignal => {
    const controller = new AbortController();
    const reason = (): DOMException => new DOMException("The operation timed out.", "TimeoutError");
    globalThis.setTimeout(() => controller.abort(reason()), delay);
    return controller.signal;
  });
}

function define(name: "any" | "timeout", value: unknown): void {
  Object.defineProperty(AbortSignal, name, { value, writable: true, configurable: true });
}
