// Whether there is a host to call. While an agent is built, its module-level code runs without one.

let live = false;

/** True from the session's first turn on; false while the agent is built. */
export function isLive(): boolean {
  return live;
}

/** The first turn has begun. */
export function goLive(): void {
  live = true;
}

/** Fails where the host is needed but not there. */
export function needHost(what: string): void {
  if (!live) throw new Error(`${what} is only possible in a turn, not in module-level code: that runs while the agent is built`);
}
