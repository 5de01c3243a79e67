// Express's routing: which handlers a request comes to, one after the other.

/** Goes on to the next handler; with an error, to the next that takes errors. */
export type Next = (error?: unknown) => void;
/** `(request, response, next)`, or `(error, request, response, next)`. */
export type Handler = (...values: any[]) => unknown;

interface Layer {
  method: string | undefined;
  match(path: string): { params: Record<string, string>; rest: string } | undefined;
  handler: Handler;
  isMount: boolean;
}

type Path = string | RegExp;

/** A list of handlers, itself a handler. */
export function createRouter(): any {
  const layers: Layer[] = [];
  const router: any = (request: any, response: any, next: Next) => run(layers, request, response, next);

  const add = (method: string | undefined, isMount: boolean, values: unknown[]): unknown => {
    const [first, ...rest] = values;
    const hasPath = typeof first === "string" || first instanceof RegExp || (Array.isArray(first) && typeof first[0] !== "function");
    const paths = hasPath ? ([first].flat() as Path[]) : ["/"];
    const handlers = (hasPath ? rest : values).flat(Infinity) as Handler[];
    for (const path of paths) {
      const match = matcher(path, isMount);
      for (const handler of handlers) {
        if (typeof handler !== "function") throw new TypeError("a handler has to be a function");
        layers.push({ method, match, handler, isMount });
      }
    }
    return router;
  };
  router.use = (...values: unknown[]) => add(undefined, true, values);
  router.all = (...values: unknown[]) => add(undefined, false, values);
  for (const method of ["get", "post", "put", "delete", "patch", "head", "options"]) {
    router[method] = (...values: unknown[]) => add(method.toUpperCase(), false, values);
  }
  router.route = (path: Path) => {
    const route: any = {};
    for (const method of ["get", "post", "put", "delete", "patch", "head", "options", "all"]) {
      route[method] = (...handlers: Handler[]) => {
        router[method](path, ...handlers);
        return route;
      };
    }
    return route;
  };
  return router;
}

/** Runs the handlers that fit, until one does not go on. */
async function run(layers: readonly Layer[], request: any, response: any, out: Next): Promise<void> {
  const { baseUrl = "", url } = request;
  let failure: unknown;
  for (const { method, match, handler, isMount } of layers) {
    if (method !== undefined && method !== request.method) continue;
    const found = match(url.split("?")[0]);
    if (!found || (handler.length === 4) !== (failure !== undefined)) continue;
    request.params = { ...request.params, ...found.params };
    if (isMount) {
      request.url = found.rest;
      request.baseUrl = baseUrl + url.slice(0, url.length - found.rest.length);
    }
    const said = await new Promise<{ error?: unknown }>((resolve, reject) => {
      const next: Next = (error) => resolve({ error: error === "route" || error === null ? undefined : error });
      const values = failure === undefined ? [request, response, next] : [failure, request, response, next];
      // A handler that answers need not say so: nothing waits for the others then.
      (async () => handler(...values))().catch(reject);
    }).catch((error: unknown) => ({ error }));
    Object.assign(request, { url, baseUrl });
    failure = said.error;
  }
  out(failure);
}

function matcher(path: Path, isPrefix: boolean): Layer["match"] {
  const pattern = path instanceof RegExp ? path : compile(path, isPrefix);
  return (asked) => {
    const found = pattern.exec(asked);
    if (!found) return undefined;
    const rest = asked.slice(found[0].length);
    return { params: { ...found.groups }, rest: rest.startsWith("/") ? rest : `/${rest}` };
  };
}

function compile(path: string, isPrefix: boolean): RegExp {
  const written = path
    .replace(/\/+$/, "")
    .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    .replace(/:(\w+)/g, "(?<$1>[^/]+)")
    .replace(/\*\w*/g, ".*");
  return new RegExp(isPrefix ? `^${written}(?=/|$)` : `^${written}/?$`, "i");
}
