//! What the server is compared with: axum, the same route, the same body back, and nothing between.

use std::process::Command;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::Error;
use super::process::Process;

/// The argument that makes this program the echo.
pub(crate) const COMMAND: &str = "serve-echo";

/// Starts the echo in a process of its own, as the server is one. Its address comes with it.
pub(crate) fn start() -> Result<(Process, String), Error> {
    let (process, address) =
        Process::start_speaking(Command::new(std::env::current_exe()?).arg(COMMAND))?;
    Ok((process, address.trim().to_owned()))
}

/// Serves until killed.
pub(crate) fn serve() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let listener = listener.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        let echo = |body: Bytes| async { ([(CONTENT_TYPE, "application/octet-stream")], body) };
        let router = Router::new().route("/runtimes/{agent}/invocations", post(echo));
        axum::serve(listener, router).await?;
        Ok(())
    })
}
