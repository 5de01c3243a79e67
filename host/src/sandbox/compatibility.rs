//! What a compiled program depends on beside its component, as one value.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use super::engine::shared;

/// Where this is the same, the engine's version and settings are, and so is the processor as far as programs depend on it.
///
/// The serving engine has no compiler, and knows nothing of the processor: one that has, and compiles nothing, is asked too.
pub(super) fn compatibility(serving: &Engine, memory_mib: u32) -> wasmtime::Result<[u8; 32]> {
    let compiling = Engine::new(&shared(memory_mib))?;
    let mut all = All(Sha256::new());
    compiling.precompile_compatibility_hash().hash(&mut all);
    serving.precompile_compatibility_hash().hash(&mut all);
    Ok(all.0.finalize().into())
}

/// Takes every byte of what is hashed into a hash that nobody finds a second input to.
struct All(Sha256);

impl Hasher for All {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash: [u8; 32] = self.0.clone().finalize().into();
        u64::from_le_bytes([
            hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
        ])
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::tests::stage::Stage;
    use crate::sandbox::{Config, Sandbox};

    fn of(limits: Config) -> [u8; 32] {
        *Sandbox::new(limits).unwrap().compatibility()
    }

    #[test]
    fn it_is_the_same_for_the_same_settings_and_differs_where_machine_code_does() {
        let limits = Stage::limits();
        assert_eq!(of(limits.clone()), of(limits.clone()));
        let fewer = Config {
            max_live_sessions: 4,
            ..limits.clone()
        };
        assert_eq!(of(fewer), of(limits.clone()), "no matter to machine code");
        let smaller = Config {
            memory_mib: 64,
            ..limits.clone()
        };
        assert_ne!(of(smaller), of(limits));
    }
}
