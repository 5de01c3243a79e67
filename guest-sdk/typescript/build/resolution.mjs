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
};

/** The names of other AWS services' clients. */
const OTHER_SERVICE = /^@aws-sdk\/(client-|lib-|s3-|credential-provider|dynamodb-)/;

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
        if (Object.hasOwn(STAND_INS, path)) return own(STAND_INS[path]);
        if (OTHER_SERVICE.test(path)) return absent(path);

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
      build.onLoad({ filter: /.*/, namespace: ABSENT }, ({ path }) => ({ contents: absentModule(path), loader: "js" }));
    },
  };
}

const SECOND_LOOK = Symbol("second look");

/** A module whose every member says, when it is called, that it is not there. */
function absentModule(name) {
  const why = OTHER_SERVICE.test(name)
    ? `${name} is not available: an agent in a cell has no network, and reaches models only`
    : `${name} is not available: an agent runs in a cell without files, network, processes and threads`;
  return `
    const why = ${JSON.stringify(why)};
    function absent(member) {
      const fail = function () { throw new Error(why + " (" + member + " was used)"); };
      return new Proxy(fail, {
        get(target, name) {
          if (name === "prototype" || typeof name === "symbol" || name === "then") return target[name];
          return absent(member + "." + name);
        },
      });
    }
    // The members are the prototype's: esbuild makes a new module with the same prototype.
    module.exports = Object.create(new Proxy({}, {
      get(target, name) {
        if (typeof name === "symbol" || name === "then" || name === "__esModule") return target[name];
        return absent(name);
      },
    }));`;
}
