//! The WASI interfaces that give a guest handles and take them back: they work as they do, and tell the mirror.

use wasmtime::component::Resource;
use wasmtime_wasi::cli::WasiCliView;
use wasmtime_wasi::p2::bindings::cli::{stderr, stdin, stdout};
use wasmtime_wasi::p2::bindings::io::streams::StreamError as WitStreamError;
use wasmtime_wasi::p2::bindings::io::streams::{Host, HostInputStream, HostOutputStream};
use wasmtime_wasi::p2::bindings::sockets::instance_network;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, HostNetwork};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, Network, SocketError, StreamError, StreamResult,
};
use wasmtime_wasi::sockets::WasiSocketsView;

use super::cell::State;
use super::handles::Handle;

type Input = Resource<DynInputStream>;
type Output = Resource<DynOutputStream>;

impl stdin::Host for State {
    fn get_stdin(&mut self) -> wasmtime::Result<Input> {
        self.spending.calls(1)?;
        let stream = self.cli().get_stdin()?;
        self.handles.open(Handle::Stdin, stream.rep());
        Ok(stream)
    }
}

impl stdout::Host for State {
    fn get_stdout(&mut self) -> wasmtime::Result<Output> {
        self.spending.calls(1)?;
        let stream = self.cli().get_stdout()?;
        self.handles.open(Handle::Stdout, stream.rep());
        Ok(stream)
    }
}

impl stderr::Host for State {
    fn get_stderr(&mut self) -> wasmtime::Result<Output> {
        self.spending.calls(1)?;
        let stream = self.cli().get_stderr()?;
        self.handles.open(Handle::Stderr, stream.rep());
        Ok(stream)
    }
}

/// The one handle to the network that there is, which opens nothing.
impl instance_network::Host for State {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        self.spending.calls(1)?;
        let network = self.sockets().instance_network()?;
        self.handles.open(Handle::Network, network.rep());
        Ok(network)
    }
}

impl network::Host for State {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl HostNetwork for State {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        self.handles.close(network.rep());
        HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl Host for State {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<WitStreamError> {
        self.table.convert_stream_error(error)
    }
}

impl HostInputStream for State {
    fn read(&mut self, stream: Input, length: u64) -> StreamResult<Vec<u8>> {
        self.called(0)?;
        HostInputStream::read(&mut self.table, stream, length)
    }

    async fn blocking_read(&mut self, stream: Input, length: u64) -> StreamResult<Vec<u8>> {
        self.called(0)?;
        self.table.blocking_read(stream, length).await
    }

    fn skip(&mut self, stream: Input, length: u64) -> StreamResult<u64> {
        self.called(0)?;
        HostInputStream::skip(&mut self.table, stream, length)
    }

    async fn blocking_skip(&mut self, stream: Input, length: u64) -> StreamResult<u64> {
        self.called(0)?;
        self.table.blocking_skip(stream, length).await
    }

    fn subscribe(&mut self, stream: Input) -> wasmtime::Result<Resource<DynPollable>> {
        self.spending.calls(1)?;
        let rep = stream.rep();
        let pollable = HostInputStream::subscribe(&mut self.table, stream)?;
        self.handles.open_pollable(rep, pollable.rep());
        Ok(pollable)
    }

    async fn drop(&mut self, stream: Input) -> wasmtime::Result<()> {
        self.handles.close(stream.rep());
        HostInputStream::drop(&mut self.table, stream).await
    }
}

impl HostOutputStream for State {
    fn check_write(&mut self, stream: Output) -> StreamResult<u64> {
        self.called(0)?;
        HostOutputStream::check_write(&mut self.table, stream)
    }

    fn write(&mut self, stream: Output, bytes: Vec<u8>) -> StreamResult<()> {
        self.called(bytes.len())?;
        HostOutputStream::write(&mut self.table, stream, bytes)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Output,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.called(bytes.len())?;
        self.table.blocking_write_and_flush(stream, bytes).await
    }

    fn flush(&mut self, stream: Output) -> StreamResult<()> {
        self.called(0)?;
        HostOutputStream::flush(&mut self.table, stream)
    }

    async fn blocking_flush(&mut self, stream: Output) -> StreamResult<()> {
        self.called(0)?;
        self.table.blocking_flush(stream).await
    }

    fn write_zeroes(&mut self, stream: Output, length: u64) -> StreamResult<()> {
        self.called(usize::try_from(length).unwrap_or(usize::MAX))?;
        HostOutputStream::write_zeroes(&mut self.table, stream, length)
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Output,
        length: u64,
    ) -> StreamResult<()> {
        self.called(usize::try_from(length).unwrap_or(usize::MAX))?;
        self.table
            .blocking_write_zeroes_and_flush(stream, length)
            .await
    }

    fn splice(&mut self, stream: Output, source: Input, length: u64) -> StreamResult<u64> {
        self.called(0)?;
        HostOutputStream::splice(&mut self.table, stream, source, length)
    }

    async fn blocking_splice(
        &mut self,
        stream: Output,
        source: Input,
        length: u64,
    ) -> StreamResult<u64> {
        self.called(0)?;
        self.table.blocking_splice(stream, source, length).await
    }

    fn subscribe(&mut self, stream: Output) -> wasmtime::Result<Resource<DynPollable>> {
        self.spending.calls(1)?;
        let rep = stream.rep();
        let pollable = HostOutputStream::subscribe(&mut self.table, stream)?;
        self.handles.open_pollable(rep, pollable.rep());
        Ok(pollable)
    }

    async fn drop(&mut self, stream: Output) -> wasmtime::Result<()> {
        self.handles.close(stream.rep());
        HostOutputStream::drop(&mut self.table, stream).await
    }
}

impl State {
    /// A call on a stream that carries so many bytes.
    fn called(&mut self, bytes: usize) -> StreamResult<()> {
        let charged = self.spending.carries(bytes);
        charged.map_err(|used_up| StreamError::Trap(used_up.into()))
    }
}
