// The surroundings of an agent's code. Imported before anything of the author's.

import { Buffer } from "../node/buffer";
import { removeNetwork } from "./absent";
import { installChance } from "./chance";
import { installConsole } from "./console";
import { process } from "./process";
import { installSignals } from "./signals";
import { installTimers } from "./timers";

installConsole();
installTimers();
installSignals();
removeNetwork();
installChance();
for (const [name, value] of Object.entries({ process, Buffer, global: globalThis })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
