// The engine's timers, watched: a turn that waits for something that can no longer come is found out, and no timer
// outlives its turn.

const native = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};

type Task = (...values: any[]) => void;
type Id = ReturnType<typeof setTimeout>;

/** What the author's code waits for, and how to cancel it. */
const pending = new Map<Id, (id: Id) => void>();
let whenIdle: (() => void) | undefined;
/** Fails the turn that runs. */
let failTurn: ((error: unknown) => void) | undefined;

/** Runs what a timer was set for. What it throws nobody else catches, and the engine would end the instance. */
function run(task: Task, values: unknown[]): void {
  try {
    task(...values);
  } catch (error) {
    failTurn?.(error);
  }
}

function forget(id: Id | undefined): void {
  if (id === undefined || !pending.delete(id) || pending.size > 0) return;
  whenIdle?.();
}

/** Puts the watched timers in the place of the engine's own. */
export function installTimers(): void {
  const own = {
    setTimeout(task: Task, delay?: number, ...values: unknown[]): Id {
      const id: Id = native.setTimeout(() => {
        forget(id);
        run(task, values);
      }, delay ?? 0);
      pending.set(id, native.clearTimeout);
      return id;
    },
    setInterval(task: Task, delay?: number, ...values: unknown[]): Id {
      const id = native.setInterval(() => run(task, values), delay ?? 0) as Id;
      pending.set(id, native.clearInterval);
      return id;
    },
    clearTimeout: cancel,
    clearInterval: cancel,
    setImmediate: (task: Task, ...values: unknown[]): Id => own.setTimeout(task, 0, ...values),
    clearImmediate: cancel,
  };
  Object.assign(globalThis, own);
}

function cancel(id: Id | undefined): void {
  if (id === undefined) return;
  pending.get(id)?.(id);
  forget(id);
}

/** Cancels what a turn has left. */
export function clearTimers(): void {
  for (const id of [...pending.keys()]) cancel(id);
}

/** A promise was awaited that nothing can settle any more. */
export class NeverSettles extends Error {
  override name = "NeverSettles";
  constructor() {
    super(
      "the turn waits for a promise that never settles: nothing is left that could settle it. A timer of an earlier turn " +
        "does not fire in this one, and there is no network to wait for",
    );
  }
}

/** Waits for work, and fails when nothing can settle it any more: microtasks have run dry and no timer is set. */
export function settled<T>(work: PromiseLike<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let look: Id | undefined;
    const end = (): void => {
      whenIdle = undefined;
      failTurn = undefined;
      if (look !== undefined) native.clearTimeout(look);
      look = undefined;
    };
    const watch = (): void => {
      if (look === undefined) look = native.setTimeout(judge, 0);
    };
    const judge = (): void => {
      look = undefined;
      // A timer that fires runs what it wakes before this is asked again.
      if (pending.size > 0) whenIdle = watch;
      else {
        end();
        reject(new NeverSettles());
      }
    };
    failTurn = (error) => {
      end();
      reject(error);
    };
    work.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
    watch();
  });
}
