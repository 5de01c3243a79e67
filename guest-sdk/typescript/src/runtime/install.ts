// The surroundings of an agent's code. Imported before anything of the author's.

import { removeNetwork } from "./absent";
import { installConsole } from "./console";
import { process } from "./process";
import { installTimers } from "./timers";

installConsole();
installTimers();
removeNetwork();
Object.defineProperty(globalThis, "process", { value: process, writable: true, configurable: true });
Object.defineProperty(globalThis, "global", { value: globalThis, writable: true, configurable: true });
