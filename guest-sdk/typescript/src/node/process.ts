// node:process
import { process } from "../runtime/process";

export default process;
export const { argv, cwd, emitWarning, env, exit, hrtime, nextTick, platform, stderr, stdout, version, versions } = process;
