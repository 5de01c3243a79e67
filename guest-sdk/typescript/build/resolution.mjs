// Which file stands behind an import.

import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";

/** The namespace of modules that a cell does not have. */
export const ABSENT = "absent";

const BUILT_IN = new Set(builtinModules);

/** Packages that this SDK stands in for: they reach the host instead of the network. */
const STAND_INS = {
  kellion: "index.ts",
  "@aws-sdk/client-bedrock-runtime": "compat/bedrock/index.ts",
  "bedrock-agentcore": "compat/agentcore.ts",
  "bedrock-agentcore/runtime": "compat/agentcore.ts",
  express: "compat/web/express.ts",
  dotenv: "compat/dotenv.ts",
  "dotenv/config": "compat/dotenv-config.ts",
};

/** What `require` gives is their default export, a function. */
const CALLED = new Set(["express"]);

/** The names of other AWS services' clients. */
const OTHER_SERVICE = /^@aws-sdk\/(client-|lib-|s3-|credential-provider|dynamodb-)/;

/** Web servers that need Node's own network. */
const SERVER = new Set(["@hono/node-server", "fastify", "koa"]);

/** An esbuild plugin. */
export function resolution({ sdk, variables }) {
  const own = (path) => ({ path: join(sdk, "src", path) });
  const absent = (path) => ({ path, namespace: ABSENT, sideEffects: false });
  return {
    name: "kellion",
    setup(build) {
      build.onResolve({ filter: /^kellion:build-env$/ }, ({ path }) => ({ path, namespace: "kellion" }));
      build.onLoad({ filter: /.*/, namespace: "kellion" }, () => ({
        contents: `export default ${JSON.stringify(variables)};`,
      }));

      build.onResolve({ filter: /^kellion:agent\// }, ({ path }) => ({ path, external: true }));
      build.onResolve({ filter: /^[^./]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === SECOND_LOOK) return undefined;
        if (Object.hasOwn(STAND_INS, path)) {
          const found = own(STAND_INS[path]);
          return CALLED.has(path) && kind === "require-call" ? { ...found, namespace: "default-of" } : found;
        }
        if (OTHER_SERVICE.test(path) || SERVER.has(path)) return absent(path);

        const name = path.replace(/^node:/, "");
        if (!BUILT_IN.has(name)) return undefined;
        const standIn = `node/${name.replaceAll("/", "-")}.ts`;
        if (existsSync(join(sdk, "src", standIn))) return own(standIn);
        // Some packages are called like a part of Node, such as "buffer", and work everywhere.
        if (name === path) {
          const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: SECOND_LOOK });
          if (found.errors.length === 0) return found;
        }
        return absent(name);
      });
      build.onLoad({ filter: /.*/, namespace: "default-of" }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)}).default;`,
        resolveDir: sdk,
      }));
      build.onLoad({ filter: /.*/, namespace: ABSENT }, ({ path }) => ({ contents: absentModule(path), loader: "js" }));
    },
  };
}

const SECOND_LOOK = Symbol("second look");

/** A module whose every member says, when it is called, that it is not there. */
function absentModule(name) {
  const isService = OTHER_SERVICE.test(name);
  const why = isService
    ? `${name} is not available: an agent in a cell has no network, and reaches models only`
    : SERVER.has(name)
      ? `${name} is not available: it needs a network. BedrockAgentCoreApp, express, or node:http with POST /invocations are served`
      : `${name} is not available: an agent runs in a cell without files, network, processes and threads`;
  // Clients of services and their commands are made at module level, long before they are used, if they ever are.
  const construct = isService ? "construct(target, values, made) { return made === member ? absent(name) : Object.create(made.prototype); }," : "";
  return `
    const why = ${JSON.stringify(why)};
    function absent(name) {
      const fail = function () { throw new Error(why + " (" + name + " was used)"); };
      const member = new Proxy(fail, {
        get(target, key) {
          if (key === "prototype" || typeof key === "symbol" || key === "then") return target[key];
          return absent(name + "." + key);
        },
        ${construct}
      });
      return member;
    }
    // The members are the prototype's: esbuild makes a new module with the same prototype. The module itself is the default
    // import, which may be a function.
    const whole = function () { throw new Error(why); };
    module.exports = Object.setPrototypeOf(whole, new Proxy({}, {
      get(target, name) {
        if (typeof name === "symbol" || name === "then" || name === "__esModule") return target[name];
        return absent(name);
      },
    }));`;
}
