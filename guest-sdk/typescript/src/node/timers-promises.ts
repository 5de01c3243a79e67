// node:timers/promises

interface Options {
  signal?: AbortSignal;
}

export function setTimeout<T>(delay?: number, value?: T, { signal }: Options = {}): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      globalThis.clearTimeout(id);
      reject(signal?.reason);
    };
    const id = globalThis.setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve(value);
    }, delay);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

export function setImmediate<T>(value?: T): Promise<T | undefined> {
  return setTimeout(0, value);
}

export async function* setInterval<T>(delay?: number, value?: T): AsyncGenerator<T | undefined> {
  for (;;) yield await setTimeout(delay, value);
}

export const scheduler = { wait: (delay: number) => setTimeout(delay), yield: () => setTimeout(0) };

export default { scheduler, setImmediate, setInterval, setTimeout };
