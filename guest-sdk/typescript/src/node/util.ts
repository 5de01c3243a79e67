// node:util, as far as packages commonly use it.

import { format as formatValues, inspect as inspectValue } from "../runtime/format";

export const TextDecoder = globalThis.TextDecoder;
export const TextEncoder = globalThis.TextEncoder;

export function inspect(value: unknown): string {
  return inspectValue(value);
}
inspect.custom = Symbol.for("nodejs.util.inspect.custom");

export function format(...values: unknown[]): string {
  return formatValues(values);
}

export function inherits(child: { prototype: object }, parent: { prototype: object }): void {
  Object.setPrototypeOf(child.prototype, parent.prototype);
}

export function deprecate<F>(task: F): F {
  return task;
}

/** From a function that calls back to one that gives a promise. */
export function promisify(task: (...values: any[]) => void): (...values: unknown[]) => Promise<unknown> {
  return function (this: unknown, ...values) {
    return new Promise((resolve, reject) => {
      task.call(this, ...values, (error: unknown, value: unknown) => (error ? reject(error) : resolve(value)));
    });
  };
}

export function isDeepStrictEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return (
    names.length === others.length &&
    names.every((name) => Object.hasOwn(other, name) && isDeepStrictEqual(Reflect.get(one, name), Reflect.get(other, name)))
  );
}

export const types = {
  isDate: (value: unknown) => value instanceof Date,
  isPromise: (value: unknown) => value instanceof Promise,
  isRegExp: (value: unknown) => value instanceof RegExp,
  isUint8Array: (value: unknown) => value instanceof Uint8Array,
};

export default { TextDecoder, TextEncoder, deprecate, format, inherits, inspect, isDeepStrictEqual, promisify, types };
