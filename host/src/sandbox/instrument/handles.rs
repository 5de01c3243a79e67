//! The functions by which the accessor makes and drops handles of the guest's.

/// One of them.
#[derive(Debug)]
pub(super) struct HandleFunction {
    /// In the accessor.
    pub(super) name: &'static str,
    /// The interface that it comes from, without the version.
    pub(super) interface: &'static str,
    pub(super) source: Source,
    pub(super) params: usize,
    pub(super) results: usize,
}

/// What a function of the accessor does.
#[derive(Debug)]
pub(super) enum Source {
    /// It calls the interface's function of this name.
    Call(&'static str),
    /// It drops a handle to the interface's resource of this name.
    Drop(&'static str),
}

impl HandleFunction {
    const fn open(name: &'static str, interface: &'static str, function: &'static str) -> Self {
        Self {
            name,
            interface,
            source: Source::Call(function),
            params: 0,
            results: 1,
        }
    }

    const fn subscribe(name: &'static str, function: &'static str) -> Self {
        Self {
            name,
            interface: "wasi:io/streams",
            source: Source::Call(function),
            params: 1,
            results: 1,
        }
    }

    const fn close(name: &'static str, interface: &'static str, resource: &'static str) -> Self {
        Self {
            name,
            interface,
            source: Source::Drop(resource),
            params: 1,
            results: 0,
        }
    }

    /// What the component must import for this function to be possible.
    pub(super) fn needs(&self) -> &'static str {
        match self.source {
            Source::Call(name) | Source::Drop(name) => name,
        }
    }
}

/// All that there may be: a handle to what a component does not import, its guest cannot hold.
pub(super) static HANDLE_FUNCTIONS: [HandleFunction; 10] = [
    HandleFunction::open("open-stdin", "wasi:cli/stdin", "get-stdin"),
    HandleFunction::open("open-stdout", "wasi:cli/stdout", "get-stdout"),
    HandleFunction::open("open-stderr", "wasi:cli/stderr", "get-stderr"),
    HandleFunction::open(
        "open-network",
        "wasi:sockets/instance-network",
        "instance-network",
    ),
    HandleFunction::subscribe("subscribe-input", "[method]input-stream.subscribe"),
    HandleFunction::subscribe("subscribe-output", "[method]output-stream.subscribe"),
    HandleFunction::close("close-input", "wasi:io/streams", "input-stream"),
    HandleFunction::close("close-output", "wasi:io/streams", "output-stream"),
    HandleFunction::close("close-network", "wasi:sockets/network", "network"),
    HandleFunction::close("close-pollable", "wasi:io/poll", "pollable"),
];
