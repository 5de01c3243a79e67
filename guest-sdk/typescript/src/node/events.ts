// node:events

type Listener = (...values: any[]) => void;

interface Entry {
  listener: Listener;
  once: boolean;
}

/** Calls the listeners of an event, in order. */
export class EventEmitter {
  static defaultMaxListeners = 10;
  static EventEmitter = EventEmitter;
  static once = once;

  #entries = new Map<PropertyKey, Entry[]>();

  #add(event: PropertyKey, entry: Entry, first = false): this {
    const entries = this.#entries.get(event) ?? [];
    this.#entries.set(event, first ? [entry, ...entries] : [...entries, entry]);
    return this;
  }

  on(event: PropertyKey, listener: Listener): this {
    return this.#add(event, { listener, once: false });
  }

  addListener(event: PropertyKey, listener: Listener): this {
    return this.on(event, listener);
  }

  once(event: PropertyKey, listener: Listener): this {
    return this.#add(event, { listener, once: true });
  }

  prependListener(event: PropertyKey, listener: Listener): this {
    return this.#add(event, { listener, once: false }, true);
  }

  prependOnceListener(event: PropertyKey, listener: Listener): this {
    return this.#add(event, { listener, once: true }, true);
  }

  off(event: PropertyKey, listener: Listener): this {
    const entries = this.#entries.get(event) ?? [];
    const at = entries.findLastIndex((entry) => entry.listener === listener);
    if (at >= 0) this.#entries.set(event, entries.toSpliced(at, 1));
    return this;
  }

  removeListener(event: PropertyKey, listener: Listener): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: PropertyKey): this {
    if (event === undefined) this.#entries.clear();
    else this.#entries.delete(event);
    return this;
  }

  emit(event: PropertyKey, ...values: unknown[]): boolean {
    const entries = this.#entries.get(event) ?? [];
    if (entries.length === 0 && event === "error") throw values[0] ?? new Error("an error event that nobody listens for");
    for (const { listener, once } of entries) {
      if (once) this.off(event, listener);
      listener.apply(this, values);
    }
    return entries.length > 0;
  }

  listeners(event: PropertyKey): Listener[] {
    return (this.#entries.get(event) ?? []).map(({ listener }) => listener);
  }

  listenerCount(event: PropertyKey): number {
    return this.listeners(event).length;
  }

  eventNames(): PropertyKey[] {
    return [...this.#entries].filter(([, entries]) => entries.length > 0).map(([event]) => event);
  }

  setMaxListeners(): this {
    return this;
  }

  getMaxListeners(): number {
    return EventEmitter.defaultMaxListeners;
  }
}

/** The values of an event's next time. */
export function once(emitter: EventEmitter, event: PropertyKey): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(error);
    if (event !== "error") emitter.once("error", fail);
    emitter.once(event, (...values) => {
      emitter.off("error", fail);
      resolve(values);
    });
  });
}

export default EventEmitter;
