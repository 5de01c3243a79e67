//! The session's log: kept by the host, found by session and by request, never shown to callers.
//!
//! ```
//! use kellion_sdk::log;
//!
//! let city = "Lima";
//! log::info!("looking up {city}");
//! ```
//!
//! `println!` and `eprintln!` arrive in the same log, but without a level of their own, and they
//! leave a stream open in the agent's memory.

use std::fmt::Display;

#[doc(inline)]
pub use crate::bindings::kellion::agent::log::Level;
use crate::host;

/// Appends one entry. It never fails: an entry past the host's bound is cut.
///
/// In a native test: prints to stderr.
pub fn write(level: Level, message: impl Display) {
    host::log(level, &message.to_string());
}

// Named apart and re-exported below: a macro of the crate's root that is called `warn` would clash
// with the attribute.

/// Logs at debug level, with the arguments of [`format!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($arg:tt)+) => {
        $crate::log::write($crate::log::Level::Debug, ::std::format_args!($($arg)+))
    };
}

/// Logs at info level, with the arguments of [`format!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($arg:tt)+) => {
        $crate::log::write($crate::log::Level::Info, ::std::format_args!($($arg)+))
    };
}

/// Logs at warn level, with the arguments of [`format!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($arg:tt)+) => {
        $crate::log::write($crate::log::Level::Warn, ::std::format_args!($($arg)+))
    };
}

/// Logs at error level, with the arguments of [`format!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($arg:tt)+) => {
        $crate::log::write($crate::log::Level::Error, ::std::format_args!($($arg)+))
    };
}

#[doc(inline)]
pub use {__log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn};
