// node:async_hooks, as far as one turn at a time needs it: a store belongs to all that runs until its function is done.

/** Keeps a value for the time of a call, and of the promise that the call gives. */
export class AsyncLocalStorage<T> {
  #store: T | undefined;

  getStore(): T | undefined {
    return this.#store;
  }

  enterWith(store: T): void {
    this.#store = store;
  }

  disable(): void {
    this.#store = undefined;
  }

  run<R>(store: T, task: (...values: any[]) => R, ...values: unknown[]): R {
    return this.#during(store, task, values);
  }

  exit<R>(task: (...values: any[]) => R, ...values: unknown[]): R {
    return this.#during(undefined, task, values);
  }

  #during<R>(store: T | undefined, task: (...values: any[]) => R, values: unknown[]): R {
    const before = this.#store;
    const restore = (): void => {
      this.#store = before;
    };
    this.#store = store;
    let result: R;
    try {
      result = task(...values);
    } catch (error) {
      restore();
      throw error;
    }
    if (typeof (result as { then?: unknown } | null | undefined)?.then !== "function") {
      restore();
      return result;
    }
    return (result as unknown as Promise<unknown>).then(
      (value) => {
        restore();
        return value;
      },
      (error: unknown) => {
        restore();
        throw error;
      },
    ) as R;
  }

  static bind<F>(task: F): F {
    return task;
  }

  static snapshot() {
    return <R>(task: (...values: any[]) => R, ...values: unknown[]): R => task(...values);
  }
}

export class AsyncResource {
  runInAsyncScope<R>(task: (...values: any[]) => R, self?: unknown, ...values: unknown[]): R {
    return task.apply(self, values);
  }
  emitDestroy(): this {
    return this;
  }
  static bind<F>(task: F): F {
    return task;
  }
}

export default { AsyncLocalStorage, AsyncResource };
